/// Variables of the request's identity, its body and the folder of its files.
extension CoreVariables {
    static func declareBody(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("request_body") { request, out in
            // What went to a file, or on to an upstream, is not read back.
            guard request.body.file == nil, !request.body.memory.isEmpty else { return false }
            out.append(request.body.memory)
            return true
        }
        try registry.declareValue("request_body_file") { request, out in
            guard request.body.file != nil else { return false }
            out.append(request.body.fileName)
            return true
        }
        // It becomes known when a body in chunks has been read.
        try registry.declareValue("content_length", .noCacheable) { request, out in
            if let range = request.header(.contentLength) {
                out.append(request.head.bytes, range)
            } else if request.head.contentLength >= 0 {
                out.append(decimal: request.head.contentLength)
            } else if request.head.isChunked, request.body.isComplete {
                out.append(decimal: request.body.received)
            } else {
                return false
            }
            return true
        }
        try registry.declareValue("request_id") { request, out in
            RequestNumbers.of(request.connection.loop).append(to: out)
            return true
        }
        try registry.declareValue("realpath_root", .noCacheable) { request, out in
            let path = request.engine.loop.buffers.take()
            defer { request.engine.loop.buffers.give(path) }
            let settings = request.core
            (settings.value.alias ?? settings.value.root).append(to: path, scope: request)
            path.append(0)
            let code = request.engine.loop.kernel.realPath(of: path, into: out)
            if code >= 0 { return true }
            request.log(.crit, errno: Errno(Int32(-code))) {
                $0.append("realpath() \"")
                $0.append(path, 0..<path.count - 1)
                $0.append("\" failed")
            }
            return false
        }
    }
}

/// Makes the values of `$request_id`: 16 bytes that nobody can foresee, and that do not repeat.
private final class RequestNumbers {
    private let hash = SipHash()
    private var counter: UInt64 = 0
    private let scratch = Buffer(capacity: 16)

    // A worker has one loop, and a loop one thread; the numbers of two loops differ by their keys.
    nonisolated(unsafe) private static var current: (loop: ObjectIdentifier, RequestNumbers)?

    static func of(_ loop: EventLoop) -> RequestNumbers {
        let identifier = ObjectIdentifier(loop)
        if let current = unsafe current, current.loop == identifier { return current.1 }
        let made = RequestNumbers()
        unsafe current = (identifier, made)
        return made
    }

    func append(to out: Buffer) {
        for _ in 0..<2 {
            counter &+= 1
            let text = scratch
            text.removeAll()
            text.append(decimal: counter)
            out.append(hex: hash.hash(text.span), width: 16)
        }
    }
}
