/// Holds a response back to so many bytes a second (`limit_rate`), as nginx counts them: from the second in which the request
/// began, one second's worth in advance, and what `limit_rate_after` gives free.
final class RateLimit: Endpoint {
    private unowned let stream: HTTP1Stream
    /// What is not allowed yet, in order.
    private var held: [Piece] = []
    /// The piece of `held` that is next.
    private var next = 0
    private(set) var heldBytes = 0
    /// The response's last piece is among what is held.
    private var hasLast = false

    init(stream: HTTP1Stream) {
        self.stream = stream
        super.init(loop: stream.loop, descriptor: -1)
        loop.addTimer(self)
    }

    var isEmpty: Bool { heldBytes == 0 && !hasLast }

    /// Takes over what the request has ready.
    func take(from request: Request) {
        for index in request.outgoing.pieces.indices {
            let piece = request.outgoing.pieces[index]
            held.append(piece)
            heldBytes += piece.count
        }
        if request.outgoing.isLast { hasLast = true }
        request.outgoing.removeAll()
    }

    /// Queues as much as is allowed now; the rest waits for its time.
    func release() {
        let request = stream.request
        loop.clearInputDeadline(self)
        if heldBytes > 0 {
            let sent = stream.bytesSent + stream.connection.pendingOutput
            let allowed = request.allowance(sent: sent)
            if allowed <= 0 {
                return loop.setInputDeadline(self, in: request.delay(untilBeyond: allowed))
            }
            queue(upTo: allowed, request)
            if heldBytes > 0 {
                // The next part once this one would have taken its time.
                loop.setInputDeadline(self, in: request.delay(for: allowed))
            }
        }
        if heldBytes == 0, hasLast {
            hasLast = false
            stream.endBody()
        }
        loop.flushLater(stream.connection)
    }

    private func queue(upTo limit: Int, _ request: Request) {
        var left = limit
        let output = loop.output(of: stream.connection)
        output.fileChunk = stream.fileChunk(of: request)
        while left > 0, next < held.count {
            let piece = held[next]
            if piece.count > left {
                // A part of a pooled buffer is copied, since the buffer has one owner.
                output.append(part(of: piece, left))
                held[next] = piece.dropping(first: left)
                heldBytes -= left
                return
            }
            output.append(piece)
            left -= piece.count
            heldBytes -= piece.count
            next += 1
        }
        if next == held.count {
            held.removeAll(keepingCapacity: true)
            next = 0
        }
    }

    private func part(of piece: Piece, _ count: Int) -> Piece {
        switch piece {
        case .file(let file, let range):
            return .file(file, range.lowerBound..<range.lowerBound + count)
        case .pipe: preconditionFailure("what is in a pipe cannot be held back in part")
        case .shared(let buffer, let range):
            return .shared(buffer, range.lowerBound..<range.lowerBound + count)
        case .pooled(let buffer, let range):
            let copy = Buffer(capacity: count)
            copy.append(buffer, range.lowerBound..<range.lowerBound + count)
            return .shared(copy, 0..<count)
        }
    }

    override func inputTimedOut() { release() }

    /// The response is over, whatever is still held.
    func end() {
        for index in next..<held.count { loop.release(held[index]) }
        held.removeAll()
        loop.close(self)
    }
}
