/// The answer on its way: noted as it is made, taken when frames are made.
extension HTTP2Stream {
    func queueHead() {
        request.settleStatus()
        let response = request.response
        endsWithHead = response.isHeadOnly || response.contentLength == 0 && !response.hasTrailers
        headIsDue = true
        lendConnection { $0.sends(self) }
    }

    func queueInterimHead() {
        connection.session.sendInterimHead(handle, request.response.status, request.response.headers)
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
        if isLast, headIsDue, lendConnection({ sendWhole(bytes, on: $0) }) { return }
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
        if isDeferred, !isHeldBack, fileTask == 0 {
            isDeferred = false
        }
        connection.sends(self)
    }

    // MARK: - Frames

    /// Bodies up to this size are written at once, behind their heads.
    private static let small = 4_096

    /// Writes a small answer into what will be sent next. False: it has to wait its turn.
    private func sendWhole(_ bytes: Span<UInt8>, on connection: HTTP2Connection) -> Bool {
        guard bytes.count <= Self.small, !bytes.isEmpty, body.isEmpty, !isGone, !endsWithHead, request.limitRate == 0,
            !request.response.hasTrailers, connection.session.canSend(handle, bytes.count), bytes.count <= chunkSize
        else { return false }
        return loop.lendOutput(of: connection) { sendWhole(bytes, connection, to: $0) }
    }

    private func sendWhole(_ bytes: Span<UInt8>, _ connection: HTTP2Connection, to queue: OutputQueue) -> Bool {
        guard queue.size < HTTP2Connection.queueBound else { return false }
        sendHead(connection.session, to: queue)
        queue.write(together: HTTP2FrameHead.size + bytes.count) {
            HTTP2FrameHead(
                length: bytes.count, kind: HTTP2FrameKind.data, flags: HTTP2Flag.endsStream, stream: id
            ).append(to: $0)
            $0.append(bytes)
        }
        connection.session.noteBody(handle, bytes.count, endsStream: true)
        count(bytes.count, ofHead: false)
        count(HTTP2FrameHead.size, ofHead: true)
        body.isLast = true
        endIsQueued = true
        loop.flushLater(connection)
        return true
    }

    private var chunkSize: Int { request.lendLocation { $0.settings.read(HTTP2.slot) { $0.chunkSize } } }

    private func sendHead(_ session: HTTP2ServerSession, to queue: OutputQueue) {
        headIsDue = false
        headIsSent = true
        let size = session.writeHead(
            size: HTTP2Writer.size(of: request), handle, endsStream: endsWithHead, to: queue
        ) {
            HTTP2Writer.write(request, engine: engine, session, to: $0)
        }
        count(size, ofHead: true)
        if endsWithHead { endIsQueued = true }
    }

    /// The loop is about to send: the head goes first, then a frame of the body.
    func send(atMost limit: Int, _ session: HTTP2ServerSession, to queue: OutputQueue) -> HTTP2Server.Sent {
        if headIsDue { sendHead(session, to: queue) }
        guard headIsSent, !endsWithHead, !endIsQueued else { return .nothing }
        var limit = min(limit, chunkSize)
        if request.limitRate > 0, !body.isEmpty {
            let allowed = request.allowance(sent: bytesSent)
            if allowed <= 0 {
                isDeferred = true
                holdBack(for: request.delay(untilBeyond: allowed))
                return .nothing
            }
            limit = min(limit, allowed)
        }
        if limit == 0, !body.isEmpty {
            // Who waits for room in its window does so for a limited time.
            setSendDeadline()
            return .blocked
        }
        let (size, failure) = body.offer(atMost: limit, kernel: loop.kernel, to: queue)
        if let failure {
            if body.absent == nil { fileFailed(failure) } else { awaitFile() }
            return .nothing
        }
        let isLast = body.isLast && size == body.count
        if size == 0, !isLast {
            isDeferred = true
            clearSendDeadline()
            return .nothing
        }
        clearSendDeadline()
        return sendBody(size, isLast: isLast, session, to: queue)
    }

    private func sendBody(
        _ size: Int, isLast: Bool, _ session: HTTP2ServerSession, to queue: OutputQueue
    ) -> HTTP2Server.Sent {
        let trailers = isLast ? engine.trailers(of: request) : nil
        let hasTrailers = trailers?.isEmpty == false
        if size > 0 || !hasTrailers {
            let flags = isLast && !hasTrailers ? HTTP2Flag.endsStream : 0
            body.write(
                HTTP2FrameHead(length: size, kind: HTTP2FrameKind.data, flags: flags, stream: id),
                to: queue, releasing: loop)
            count(size, ofHead: false)
            count(HTTP2FrameHead.size, ofHead: true)
        }
        if let trailers, hasTrailers {
            let size = session.writeHead(
                size: 256 + trailers.bytes.count, handle, endsStream: true, to: queue
            ) {
                session.encoder.append(trailers, $0)
            }
            count(size, ofHead: true)
        }
        if isLast { endIsQueued = true }
        return .body(size, endsStream: isLast)
    }

    /// A thread reads what comes next of a file; until then others may send.
    private func awaitFile() {
        isDeferred = true
        clearSendDeadline()
        fileTask = body.beginReading(for: deadlines)
        if fileTask == 0 { fileFailed(-Int(Errno.noBuffers.code)) }
    }

    /// A thread has read a part of a file.
    func fileWasRead(_ task: Int, upTo end: Int) {
        guard task == fileTask else { return }
        fileTask = 0
        body.grantedEnd = end
        isDeferred = false
        connection.sends(self)
    }

    /// The file cannot be read, or has become shorter: what was promised cannot be kept.
    private func fileFailed(_ code: Int) {
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
    }

    // MARK: - Afterwards

    /// All that was queued has left.
    func drained() {
        guard isQueued else { return }
        isQueued = false
        unsent = 0
        if endIsQueued { return engine.outputDrained(request, isComplete: true) }
        if body.isEmpty { engine.outputDrained(request, isComplete: false) }
    }

    /// The loop's next turn.
    func called() {
        if hasFailed { return engine.abort(request) }
        if isGone {
            return engine.outputDrained(request, isComplete: body.isLast)
        }
        engine.continueBody(request)
    }
}
