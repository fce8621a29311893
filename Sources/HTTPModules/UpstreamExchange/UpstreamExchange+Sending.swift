/// The request on its way to the upstream.
extension UpstreamExchange {
    /// Sends the head, and the body or what has come of it.
    func sendRequest() {
        guard let connection else { return }
        attempt.isStarted = true
        let body = request.body
        let passesBody = proto.passesBody(of: self) && body.received > 0
        if isStreamed {
            // What has come of the body goes with the head.
            loop.output(of: connection).append(.shared(requestBytes, 0..<requestBytes.count))
            return sendStreamed()
        }
        if !passesBody {
            let bytes = requestBytes
            let current = use
            loop.send(bytes.span, to: connection)
            guard use == current, self.connection === connection else { return }
            if !connection.hasOutput { upstreamDrained() } else { awaitOutput(connection) }
            return
        }
        let queue = loop.output(of: connection)
        queue.append(.shared(requestBytes, 0..<requestBytes.count))
        if let file = body.file, body.fileSize > 0 { queue.append(.file(file, 0..<body.fileSize)) }
        if !body.memory.isEmpty { queue.append(.shared(body.memory, 0..<body.memory.count)) }
        loop.flush(connection)
    }

    private func awaitOutput(_ connection: UpstreamConnection) {
        loop.setOutputDeadline(connection, in: settings.value.sendTimeout)
    }

    /// The kernel takes no more of the request for now.
    func upstreamBlocked() {
        guard let connection, stage != .connecting else { return }
        awaitOutput(connection)
    }

    /// All that was queued for the upstream has left.
    func upstreamDrained() {
        guard let connection else { return }
        loop.clearOutputDeadline(connection)
        switch stage {
        case .asking, .receiving:
            if isStreamed, !request.body.isComplete {
                request.stream.pauseReadingBody(false)
                return
            }
            if isStreamed, !request.body.memory.isEmpty { return }
            guard !attempt.isSent else { return }
            attempt.isSent = true
            if stage == .asking {
                loop.setInputDeadline(connection, in: settings.value.readTimeout)
            }
        case .tunnelling:
            tunnelUpstreamDrained()
        case .idle, .readingRequest, .connecting, .draining, .done: break
        }
    }

    /// Passes on what has come of an unbuffered body.
    func sendStreamed() {
        guard let connection, !attempt.isSent else { return }
        let body = request.body
        let memory = body.memory
        let isComplete = body.isComplete
        let queue = loop.output(of: connection)
        if !memory.isEmpty {
            // What was taken is copied: the client's buffer is filled again at once.
            proto.appendChunkHead(memory.count, to: queue.writable)
            append(memory.span, to: queue)
            proto.appendChunkTail(to: queue.writable)
            memory.removeAll()
        }
        if isComplete { proto.appendBodyEnd(to: queue.writable) }
        let current = use
        loop.flush(connection)
        guard use == current, self.connection === connection else { return }
        if !isComplete, connection.pendingOutput > 0 { request.stream.pauseReadingBody(true) }
    }

    private func append(_ bytes: Span<UInt8>, to queue: OutputQueue) {
        var rest = bytes
        while !rest.isEmpty {
            let part = min(rest.count, loop.largeBuffers.size)
            let buffer = loop.largeBuffers.take()
            buffer.append(rest.extracting(0..<part))
            queue.append(.pooled(buffer, 0..<part))
            rest = rest.extracting(part..<rest.count)
        }
    }
}
