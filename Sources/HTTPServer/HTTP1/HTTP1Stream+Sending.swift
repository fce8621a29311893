/// Sending what lies in somebody else's buffer, and the tunnel of an upgraded connection.
extension HTTP1Stream {
    /// Bodies up to this size join what is queued: copying them costs less than a second send.
    private static let copiedSize = 4 * 1_024

    /// Sends a part of the body from where it lies; only what the kernel does not take at once is copied.
    func send(
        _ bytes: Span<UInt8>, of request: Request, on connection: HTTP1Connection, isLast: Bool, flush: Bool
    ) {
        if request.limitRate > 0 {
            // They have to wait for their time, so they are copied.
            let copy = Buffer(capacity: bytes.count)
            copy.append(bytes)
            request.outgoing.append(.shared(copy, 0..<copy.count))
            request.outgoing.isLast = isLast
            request.outgoing.flush = flush
            return writeBody(of: request)
        }
        let isChunked = request.response.isChunked
        if isChunked, !bytes.isEmpty {
            loop.lendOutput(of: connection) { $0.write { $0.appendChunkSize(bytes.count) } }
        }
        if bytes.count <= Self.copiedSize {
            if !bytes.isEmpty { loop.lendOutput(of: connection) { $0.write { $0.append(bytes) } } }
        } else {
            // The head, or the chunk's, goes first; under TLS in one train with these bytes.
            if connection.security == nil { loop.flush(connection) }
            loop.send(bytes, to: connection)
            if connection.isClosed { return }
        }
        if isChunked {
            let tail = loop.output(of: connection).writable
            if !bytes.isEmpty { tail.append("\r\n") }
            if isLast {
                tail.append("0\r\n")
                engine.trailers(of: request)?.write(to: tail)
                tail.append("\r\n")
            }
        }
        if isLast {
            isResponseQueued = true
            // Everything may have left already; then nobody else would say so.
            if !connection.hasOutput { return outputDrained() }
        }
        // Within `received` the connection flushes when all of the input is served.
        if connection.isAdvancing { return }
        if isLast || flush || connection.pendingOutput >= request.core.value.postponeOutput {
            loop.flushLater(connection)
        }
    }

    // MARK: - The tunnel

    /// Hands what the client sends to the producer from now on.
    func beginTunnel() {
        isTunnel = true
        loop.clearInputDeadline(connection)
        if let input {
            self.input = nil
            let start = inputStart
            inputStart = 0
            request.producer?.tunnelReceived(input.span(start..<input.count))
            loop.buffers.give(input)
        }
        if !connection.isClosed { loop.resumeReading(connection) }
    }

    func pauseTunnelInput(_ isPaused: Bool) {
        if isPaused { loop.pauseReading(connection) } else { loop.resumeReading(connection) }
    }
}
