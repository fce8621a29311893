/// Bytes that the kernel moves from socket to socket.
extension EventLoop {
    /// Moves input of an endpoint with the flag `movesInput` to a pipe, at most `count` bytes, and gives the piece that they are.
    ///
    /// Nil: none for now, or the connection is broken, which was told of. Where the system does not move bytes the flag is taken away, and
    /// they are received.
    func splice(_ endpoint: Endpoint, atMost count: Int) -> Piece? {
        guard let pipe = pipes.take(now: now) else {
            endpoint.flags.remove(.movesInput)
            return nil
        }
        // The pipe is empty, so that there is nothing to wait for but input.
        let code = kernel.splice(socket: endpoint.descriptor, toPipe: pipe.input, count: count)
        if code > 0 {
            pipe.count = code
            return .pipe(pipe, code)
        }
        pipes.give(pipe)
        // Also said when the kernel cannot go on, as with urgent data: receiving will tell.
        if code == 0 {
            endpoint.flags.remove(.movesInput)
            return nil
        }
        switch Errno(Int32(-code)) {
        case .again: endpoint.flags.remove(.readable)
        case .noMemory: endpoint.flags.remove(.movesInput)
        case .invalid, .noSystemCall, .notPermitted, .unsupported:
            endpoint.flags.remove(.movesInput)
            pipes.close()
        case let error: fail(endpoint, error)
        }
        return nil
    }

    /// Moves what is in a pipe to an endpoint's socket: a count, or a negative error number.
    func send(_ pipe: Pipe, to endpoint: Endpoint) -> Int {
        let code = kernel.splice(pipe: pipe.output, toSocket: endpoint.descriptor, count: pipe.count)
        guard code > 0 else { return code == 0 ? -Int(Errno.brokenPipe.code) : code }
        pipe.count -= code
        if pipe.count == 0 { pipes.give(pipe) }
        return code
    }

    /// Whether anything else has come from an endpoint: a byte (1), or its end (0); nil for nothing. It is left where it is.
    func peek(_ endpoint: Endpoint) -> Int? {
        var byte: UInt8 = 0
        let code = unsafe withUnsafeMutableBytes(of: &byte) { unsafe kernel.peek(endpoint.descriptor, into: $0) }
        if code < 0, Errno(Int32(-code)) == .again {
            endpoint.flags.remove(.readable)
            return nil
        }
        return max(code, 0)
    }
}
