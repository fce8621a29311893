/// The request's body, and what goes wrong with a stream.
extension HTTP2Stream {
    /// Bytes of the body came.
    func received(_ bytes: Span<UInt8>) {
        guard readsBody, input == nil else { return stash(bytes) }
        guard request.body.isStreamed else { return deliver(bytes) }
        // Frames that came together are passed on together.
        stash(bytes)
        connection.receives(self)
    }

    /// Keeps what is not wanted yet. The client's window bounds it, since it does not grow before the bytes are used.
    private func stash(_ bytes: Span<UInt8>) {
        // The request's answer is complete but for its sending, or nobody will want the body.
        guard !request.flags.contains(.finished), request.body.state != .failed else { return }
        let input = self.input ?? loop.largeBuffers.take()
        self.input = input
        input.append(bytes)
    }

    private func deliver(_ bytes: Span<UInt8>) {
        let engine = connection.engine
        let id = self.id
        let request = self.request
        let declared = request.head.contentLength
        request.body.wireSize += bytes.count
        if declared >= 0, request.body.received + bytes.count > declared {
            request.log(.info) {
                $0.append("client intended to send body data larger than declared")
            }
            return refuseBody()
        }
        loop.setInputDeadline(deadlines, in: request.core.value.bodyTimeout)
        let session = connection.session
        let handle = self.handle
        engine.takeBody(request, bytes, isLast: false)
        // The stream may be over, and serve another request.
        guard self.id == id, self.handle == handle else { return }
        session.consume(handle, bytes.count)
    }

    private func refuseBody() {
        request.body.state = .failed
        readsBody = false
        connection.engine.finish(request, code: 400)
    }

    /// The client sends no more on the stream.
    func inputEnded() {
        hasInputEnded = true
        if readsBody, input == nil { endBody() }
    }

    private func endBody() {
        let declared = request.head.contentLength
        let received = request.body.received
        if declared >= 0, received < declared {
            request.log(.info) {
                $0.append("client prematurely closed stream: only ")
                $0.append(decimal: received)
                $0.append(" out of ")
                $0.append(decimal: declared)
                $0.append(" bytes of request body received")
            }
            return refuseBody()
        }
        let none = Span<UInt8>()
        connection.engine.takeBody(request, none, isLast: true)
    }

    /// Hands on what was kept.
    func drainInput() {
        let id = self.id
        if let input {
            self.input = nil
            deliver(input.span)
            loop.largeBuffers.give(input)
            guard self.id == id, handle >= 0 else { return }
            loop.flushLater(connection)
        }
        if hasInputEnded, readsBody, input == nil { endBody() }
    }

    // MARK: - Trouble

    /// The stream was broken off.
    func closed(_ code: HTTP2Code, byPeer: Bool) {
        isClosed = true
        guard !endIsQueued || byPeer || code != .noError else { return }
        isGone = true
        body.removeAll(releasing: loop)
        guard isServed else { return connection.engine.abort(request) }
        logReset(code, byPeer: byPeer)
        leave()
    }

    private func logReset(_ code: HTTP2Code, byPeer: Bool) {
        guard byPeer else { return }
        request.log(.info) {
            switch code {
            case .cancel:
                $0.append("client canceled stream ")
                $0.append(decimal: Int(id))
            case .internalError:
                $0.append("client terminated stream ")
                $0.append(decimal: Int(id))
                $0.append(" due to internal error")
            default:
                $0.append("client terminated stream ")
                $0.append(decimal: Int(id))
                $0.append(" with status ")
                $0.append(decimal: UInt64(code.rawValue))
            }
        }
    }

    /// Nobody waits for the answer any more: who makes it may go on or not.
    private func leave() {
        let engine = connection.engine
        let id = self.id
        request.flags.insert(.clientGone)
        if readsBody {
            request.log(.info) { $0.append("client prematurely closed stream") }
            readsBody = false
            if !request.response.isHeadSent { request.response.status = .clientClosedRequest }
            return engine.abort(request)
        }
        if let producer = request.producer {
            producer.clientLeft()
            // What goes on all the same talks to nobody.
            guard self.id == id, handle >= 0, request.producer == nil else { return }
        }
        engine.abort(request)
    }

    func connectionFailed(_ error: Errno) {
        guard isServed else { return }
        isGone = true
        connection.engine.connectionFailed(request, error)
    }

    func connectionEnded() {
        isGone = true
        isClosed = true
        guard isServed else {
            connection.engine.logClientLeft(request)
            return connection.engine.abort(request)
        }
        leave()
        if handle >= 0 { connection.engine.abort(request) }
    }

    func inputTimedOut() {
        isTimedOut = true
        guard isServed else {
            connection.engine.headTimedOut(request)
            return connection.engine.abort(request)
        }
        connection.engine.timedOut(request, sending: false)
    }

    func outputTimedOut() {
        if isHeldBack {
            isHeldBack = false
            isDeferred = false
            return connection.sends(self)
        }
        isTimedOut = true
        connection.engine.timedOut(request, sending: true)
    }
}
