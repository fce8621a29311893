/// The response pipeline: header filters in the roster's order, then the body filters that they asked for.
extension Engine {
    func passHead(_ request: Request) {
        let response = request.response
        guard !response.isHeadSent else { return }
        if response.errorStatus.rawValue != 0 {
            response.status = response.errorStatus
            response.statusLine.removeAll()
        }
        if response.status.rawValue == 0 { response.status = 200 }
        if request.limitRate > 0 || request.lendLocation({ $0.core.value.limitRate != nil }), request.isMain {
            request.settleLimitRate()
        }
        let filters = request.lendLocation { $0.plan.headerFilters }
        for index in filters.indices {
            switch Roster.filterHead(filters[index], request) {
            case .pass: continue
            case .replaced: return
            }
        }
        response.isHeadSent = true
        request.lendStream { $0.writeHead(of: request) }
    }

    func passBody(_ request: Request) {
        let response = request.response
        guard response.isHeadSent, !response.isBodyComplete else {
            return discardOutgoing(request)
        }
        if response.isHeadOnly { discardPieces(request) }
        let isLast = request.outgoing.isLast
        if isLast { response.isBodyComplete = true }
        if let kinship = request.kinship, kinship.parent != nil { noteContent(request, kinship) }
        if let pipeline = request.pipeline as? Pipeline, !response.isHeadOnly {
            if !pipeline.take(request) { breakOffFiltering(request) }
            return
        }
        if request.outgoing.isEmpty, !isLast, !request.outgoing.flush { return }
        if let kinship = request.kinship { return kinship.family.take(request) }
        passOnward(request)
    }

    /// Whoever asked for a part of a page may have something to stand for an empty one.
    private func noteContent(_ request: Request, _ kinship: Kinship) {
        if !request.outgoing.isEmpty {
            kinship.hasContent = true
        } else if request.outgoing.isLast, !kinship.hasContent {
            kinship.observer?.fillEmptyAnswer(request)
        }
    }

    /// The same for bytes in somebody else's buffer: without filters they go straight to the client's stream.
    func passBody(_ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        let response = request.response
        guard response.isHeadSent, !response.isBodyComplete, !response.isHeadOnly,
            request.pipeline == nil, request.encoding == nil, request.isAlone
        else {
            stageBody(request, bytes: bytes, isLast: isLast, flush: flush)
            return
        }
        if isLast { response.isBodyComplete = true }
        request.lendStream { $0.writeBody(of: request, bytes: bytes, isLast: isLast, flush: flush) }
    }

    /// Sends `main.outgoing` through the filters that see the whole answer to the client's stream.
    func passOnward(_ main: Request) {
        guard let pipeline = main.encoding as? Pipeline, !main.response.isHeadOnly else {
            return main.lendStream { $0.writeBody(of: main) }
        }
        if !pipeline.take(main) { breakOffFiltering(main) }
    }

    private func breakOffFiltering(_ request: Request) {
        discardOutgoing(request)
        breakOff(request.main)
    }

    /// Goes on with a body whose filters are not through with what they have.
    func continueBody(_ request: Request) {
        if let pipeline = request.encoding as? Pipeline, pipeline.isBusy {
            if !pipeline.advance(request) { return breakOffFiltering(request) }
            if pipeline.isBusy { return }
        }
        if let pipeline = request.pipeline as? Pipeline, pipeline.isBusy {
            if !pipeline.advance(request) { breakOffFiltering(request) }
            return
        }
        if request.stream.queuedOutput == 0 { request.producer?.outputDrained() }
    }

    private func discardPieces(_ request: Request) {
        let isLast = request.outgoing.isLast
        discardOutgoing(request)
        request.outgoing.isLast = isLast
    }

    private func discardOutgoing(_ request: Request) {
        let pieces = request.outgoing.pieces
        for index in pieces.indices { loop.release(pieces[index]) }
        request.outgoing.removeAll()
    }

    /// The trailer fields of a response whose body is complete, or nil if it has none. To be asked once.
    func trailers(of request: Request) -> HeaderList? {
        request.response.hasTrailers ? Roster.trailers(of: request) : nil
    }
}
