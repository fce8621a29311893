/// The request on its way to the upstream.
extension UpstreamExchange {
    /// Sends the head, and the body or what has come of it.
    func sendRequest(on connection: UpstreamConnection) {
        attempt.isStarted = true
        if lentProto.lend({ $0.isFramed }) { return sendFramed(on: connection) }
        let passesBody = request.body.received > 0 && lentProto.lend { $0.passesBody(of: self) }
        if isStreamed {
            // What has come of the body goes with the head.
            loop.output(of: connection).append(.shared(requestBytes, 0..<requestBytes.count))
            return sendStreamed()
        }
        if !passesBody {
            let current = use
            loop.send(requestBytes, to: connection)
            guard use == current, lentConnection.holds(connection) else { return }
            if !connection.hasOutput { upstreamDrained() } else { awaitOutput(connection) }
            return
        }
        let body = request.body
        let queue = loop.output(of: connection)
        queue.append(.shared(requestBytes, 0..<requestBytes.count))
        if let file = body.file, body.fileSize > 0 { queueBody(.file(file, 0..<body.fileSize), queue) }
        if !body.memory.isEmpty { queueBody(.shared(body.memory, 0..<body.memory.count), queue) }
        if proto.recordSize > 0 { proto.appendBodyEnd(to: queue.writable) }
        loop.flush(connection)
    }

    /// Queues a part of the body, in records if the protocol has them.
    private func queueBody(_ piece: Piece, _ queue: OutputQueue) {
        let size = proto.recordSize
        guard size > 0 else { return queue.append(piece) }
        // All full records begin alike: what they begin with is made once.
        let full = Buffer(capacity: 8)
        if piece.count >= size { proto.appendChunkHead(size, to: full) }
        var start = 0
        while start < piece.count {
            let count = min(size, piece.count - start)
            if count == size {
                queue.append(.shared(full, 0..<full.count))
            } else {
                proto.appendChunkHead(count, to: queue.writable)
            }
            queue.append(piece.slice(start..<start + count))
            start += count
        }
    }

    /// Hands the request to the connection's session: the head, and the body or what has come of it.
    private func sendFramed(on connection: UpstreamConnection) {
        let body = request.body
        let passesBody = !isStreamed && proto.passesBody(of: self) && body.received > 0
        let session = connection.startSession()
        let hasBody = isStreamed || passesBody || !requestBytes.isEmpty
        guard proto.ask(self, on: session, hasBody: hasBody) else {
            request.log(.error, while: action) { $0.append("upstream takes no more requests") }
            return failed(Fault(.upstream, .error, .send))
        }
        if isStreamed {
            sendStreamed()
            return loop.flush(connection)
        }
        if !requestBytes.isEmpty { session.send(.shared(requestBytes, 0..<requestBytes.count)) }
        if passesBody {
            if let file = body.file, body.fileSize > 0 { session.send(.file(file, 0..<body.fileSize)) }
            if !body.memory.isEmpty { session.send(.shared(body.memory, 0..<body.memory.count)) }
        }
        session.endBody()
        loop.flush(connection)
    }

    private func awaitOutput(_ connection: UpstreamConnection) {
        loop.setOutputDeadline(connection, in: setting { $0.sendTimeout })
    }

    /// The kernel takes no more of the request for now.
    func upstreamBlocked() {
        guard let connection, stage != .connecting else { return }
        awaitOutput(connection)
    }

    /// All that was queued for the upstream has left.
    func upstreamDrained() {
        lentConnection.lend { drained($0) }
    }

    private func drained(_ connection: UpstreamConnection) {
        loop.clearOutputDeadline(connection)
        switch stage {
        case .asking, .receiving:
            if let session = connection.session, !session.isRequestMade {
                if session.fault != nil { return conversationFailed() }
                if !session.body.isEmpty { return awaitWindow(connection, session) }
            }
            if isStreamed, !request.body.isComplete {
                request.stream.pauseReadingBody(false)
                return
            }
            if isStreamed, !request.body.memory.isEmpty { return }
            guard !attempt.isSent else { return }
            attempt.isSent = true
            if stage == .asking {
                loop.setInputDeadline(connection, in: setting { $0.readTimeout })
            }
        case .tunnelling:
            tunnelUpstreamDrained()
        case .idle, .readingRequest, .connecting, .draining, .done: break
        }
    }

    /// The upstream has to open its windows before more of the body can leave.
    private func awaitWindow(_ connection: UpstreamConnection, _ session: HTTP2ClientSession) {
        awaitOutput(connection)
        guard isStreamed, !request.body.isComplete, session.body.count < Self.streamedBound else {
            return
        }
        request.stream.pauseReadingBody(false)
    }

    /// Passes on what has come of an unbuffered body.
    func sendStreamed() {
        guard let connection, !attempt.isSent else { return }
        if let session = connection.session { return sendStreamed(on: connection, session) }
        let body = request.body
        let memory = body.memory
        let isComplete = body.isComplete
        let queue = loop.output(of: connection)
        if !memory.isEmpty {
            // What was taken is copied: the client's buffer is filled again at once.
            append(memory.span, to: queue)
            memory.removeAll()
        }
        if isComplete { proto.appendBodyEnd(to: queue.writable) }
        let current = use
        loop.flush(connection)
        guard use == current, lentConnection.holds(connection) else { return }
        if !isComplete, connection.pendingOutput > 0 { request.stream.pauseReadingBody(true) }
    }

    /// What may wait of a framed body that is passed on as it comes.
    private static let streamedBound = 64 * 1_024

    private func sendStreamed(on connection: UpstreamConnection, _ session: HTTP2ClientSession) {
        let body = request.body
        let isComplete = body.isComplete
        let memory = body.memory
        var rest = memory.span
        while !rest.isEmpty {
            let (piece, part) = copy(of: rest)
            session.send(piece)
            rest = rest.extracting(part..<rest.count)
        }
        memory.removeAll()
        if isComplete { session.endBody() }
        session.bodyGrew()
        // What comes in the same turn goes into the same frames.
        loop.flushLater(connection)
        if !isComplete, session.body.count >= Self.streamedBound {
            request.stream.pauseReadingBody(true)
        }
    }

    private func append(_ bytes: Span<UInt8>, to queue: OutputQueue) {
        var rest = bytes
        while !rest.isEmpty {
            let (piece, part) = copy(of: rest)
            proto.appendChunkHead(part, to: queue.writable)
            queue.append(piece)
            proto.appendChunkTail(to: queue.writable)
            rest = rest.extracting(part..<rest.count)
        }
    }

    /// Copies as many bytes as a buffer holds.
    private func copy(of bytes: Span<UInt8>) -> (Piece, Int) {
        let part = min(bytes.count, loop.largeBuffers.size)
        let buffer = loop.largeBuffers.take()
        buffer.append(bytes.extracting(0..<part))
        return (.pooled(buffer, 0..<part), part)
    }
}
