/// The answer on its way: noted as it is made, taken when frames are made.
extension HTTP2Stream {
    func queueHead() {
        request.settleStatus()
        let response = request.response
        endsWithHead = response.isHeadOnly || response.contentLength == 0 && !response.hasTrailers
        headIsDue = true
        connection.sends(self)
    }

    func queueInterimHead() {
        let block = connection.block
        HTTP2Writer.fillInterim(block, request)
        connection.session.sendInterimHead(id, block)
        loop.flushLater(connection)
    }

    func queueBody() {
        let isLast = request.outgoing.isLast
        for index in request.outgoing.pieces.indices {
            let piece = request.outgoing.pieces[index]
            if isGone || endsWithHead { loop.release(piece) } else { body.append(piece) }
        }
        request.outgoing.removeAll()
        bodyGrew(isLast: isLast)
    }

    func queueBody(_ bytes: Span<UInt8>, isLast: Bool) {
        var rest = bytes
        while !rest.isEmpty, !isGone, !endsWithHead {
            let part = min(rest.count, loop.largeBuffers.size)
            let buffer = part <= loop.buffers.size ? loop.buffers.take() : loop.largeBuffers.take()
            buffer.append(rest.extracting(0..<part))
            body.append(.pooled(buffer, 0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        bodyGrew(isLast: isLast)
    }

    private func bodyGrew(isLast: Bool) {
        if isLast { body.isLast = true }
        // Nobody takes it: that it is drained is told all the same, to those who wait for that.
        if isGone { return connection.callSoon(self) }
        guard !endsWithHead else { return }
        if isDeferred, !isHeldBack {
            isDeferred = false
            connection.session.resume(id)
        }
        connection.sends(self)
    }

    // MARK: - Frames

    /// The loop is about to send: the head goes first.
    func sendHead(to queue: OutputQueue) {
        guard headIsDue, !headIsSent else { return }
        headIsDue = false
        headIsSent = true
        let block = connection.block
        HTTP2Writer.fill(block, request, engine: connection.engine)
        let chunk = request.location.settings(HTTP2.slot).value.chunkSize
        connection.session.sendHead(
            handle, stream: id, block, endsStream: endsWithHead, chunk: chunk, into: queue)
    }

    func offer(_ id: Int32, atMost limit: Int, to queue: OutputQueue) -> HTTP2Session.Offer {
        guard id == self.id else { return .nothing }
        var limit = min(limit, request.location.settings(HTTP2.slot).value.chunkSize)
        if request.limitRate > 0, !body.isEmpty {
            let allowed = request.allowance(sent: bytesSent)
            if allowed <= 0 {
                isDeferred = true
                holdBack(for: request.delay(untilBeyond: allowed))
                return .nothing
            }
            limit = min(limit, allowed)
        }
        let (count, failure) = body.offer(atMost: limit, kernel: loop.kernel, to: queue)
        if let failure { return fileFailed(failure) }
        let isLast = body.isLast && count == body.count
        if count == 0, !isLast {
            isDeferred = true
            return .nothing
        }
        return .bytes(count, isLast: isLast)
    }

    /// The file cannot be read, or has become shorter: what was promised cannot be kept.
    private func fileFailed(_ code: Int) -> HTTP2Session.Offer {
        let request = self.request
        request.log(
            code < 0 ? .crit : .alert, errno: code < 0 ? Errno(Int32(-code)) : nil,
            while: "sending response to client"
        ) {
            $0.append(code < 0 ? "pread() \"" : "pread() read less than was there of \"")
            request.appendFilePath(to: $0)
            $0.append(code < 0 ? "\" failed" : "\"")
        }
        isDeferred = true
        hasFailed = true
        connection.callSoon(self)
        return .nothing
    }

    func trailerBlock() -> HTTP2FieldBlock? {
        guard let list = connection.engine.trailers(of: request), !list.isEmpty else { return nil }
        let block = connection.block
        block.removeAll()
        block.append(list)
        return block
    }

    func writeBody(
        _ frameHead: Span<UInt8>, _ size: Int, endsStream: Bool, to queue: OutputQueue
    ) {
        body.write(frameHead, size, to: queue, releasing: loop)
        count(size, ofHead: false)
        count(frameHead.count, ofHead: true)
        if endsStream { endIsQueued = true }
    }

    func fieldsSent(_ size: Int, endsStream: Bool) {
        count(size, ofHead: true)
        if endsStream { endIsQueued = true }
    }

    /// Whether it has more to send; who waits for room in its window does so for a limited time.
    func stillSends() -> Bool {
        if headIsDue { return true }
        guard headIsSent, !endsWithHead, !body.isEmpty else {
            clearSendDeadline()
            return false
        }
        if unsent > 0 { clearSendDeadline() }
        setSendDeadline()
        return true
    }

    // MARK: - Afterwards

    /// All that was queued has left.
    func drained() {
        unsent = 0
        if endIsQueued { return connection.engine.outputDrained(request, isComplete: true) }
        if body.isEmpty { connection.engine.outputDrained(request, isComplete: false) }
    }

    /// The loop's next turn.
    func called() {
        if hasFailed { return connection.engine.abort(request) }
        if isGone {
            return connection.engine.outputDrained(request, isComplete: body.isLast)
        }
        connection.engine.continueBody(request)
    }
}
