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
        for code in request.location.plan.headerFilters {
            switch Roster.filterHead(code, request) {
            case .pass: continue
            case .replaced: return
            }
        }
        response.isHeadSent = true
        request.stream.writeHead(of: request)
    }

    func passBody(_ request: Request) {
        let response = request.response
        guard response.isHeadSent, !response.isBodyComplete else {
            return discardOutgoing(request)
        }
        if response.isHeadOnly { discardPieces(request) }
        let isLast = request.outgoing.isLast
        if let pipeline = request.pipeline as? Pipeline, !response.isHeadOnly {
            guard pipeline.run(request) else {
                request.outgoing.removeAll()
                return breakOff(request)
            }
        }
        if isLast { response.isBodyComplete = true }
        if request.outgoing.isEmpty, !isLast, !request.outgoing.flush { return }
        request.stream.writeBody(of: request)
    }

    /// The same for bytes in somebody else's buffer: without filters they go straight to the client's stream.
    func passBody(_ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        let response = request.response
        guard response.isHeadSent, !response.isBodyComplete, !response.isHeadOnly,
            request.pipeline == nil
        else {
            stageBody(request, bytes: bytes, isLast: isLast, flush: flush)
            return
        }
        if isLast { response.isBodyComplete = true }
        request.stream.writeBody(of: request, bytes: bytes, isLast: isLast, flush: flush)
    }

    private func discardPieces(_ request: Request) {
        let isLast = request.outgoing.isLast
        discardOutgoing(request)
        request.outgoing.isLast = isLast
    }

    private func discardOutgoing(_ request: Request) {
        for piece in request.outgoing.pieces { loop.release(piece) }
        request.outgoing.removeAll()
    }

    func appendTrailers(_ request: Request, to output: Buffer) {
        guard request.response.hasTrailers else { return }
        Roster.appendTrailers(request, to: output)
    }

    func appendInterimHead(_ request: Request, to output: Buffer) {
        output.append("HTTP/1.1 ")
        output.append(statusLine: request.response.status)
        output.append("\r\n")
        request.response.headers.write(to: output)
        output.append("\r\n")
    }
}

/// The body filters of one response, in order. A response that needs none has no pipeline.
final class Pipeline {
    private var stages: [Stage] = []

    func append(_ stage: Stage) { stages.append(stage) }

    /// Sends `request.outgoing` through all stages; false when one failed.
    func run(_ request: Request) -> Bool {
        for stage in stages {
            guard stage.run(request) else { return false }
        }
        return true
    }
}

extension Request {
    /// The pipeline, made when the first filter joins it.
    func append(_ stage: Stage) {
        let pipeline = self.pipeline as? Pipeline ?? Pipeline()
        self.pipeline = pipeline
        pipeline.append(stage)
    }
}
