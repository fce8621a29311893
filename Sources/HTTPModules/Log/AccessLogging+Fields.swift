extension AccessLogging {
    /// What log formats read straight from the request, past the store of variables' values. The variables of these names, where
    /// there are any, have the same values.
    static let fields: [LogField] = [
        // Whether the request had come before the answer to the one before it was sent: "p" or ".".
        field("pipe") { request, out in
            out.append(request.flags.contains(.pipelined) ? "p" : ".")
        },
        field("request_time") { request, out in
            let elapsed = max(request.connection.loop.now - request.timing.start, 0)
            out.append(decimal: elapsed / 1_000)
            out.append(ASCII.dot)
            out.append(decimal: elapsed % 1_000, width: 3)
        },
        field("status") { request, out in
            let failure = request.response.errorStatus.rawValue
            let status = failure != 0 ? failure : request.response.status.rawValue
            out.append(decimal: Int(status), width: 3)
        },
        field("bytes_sent") { request, out in out.append(decimal: request.bytesSent) },
        field("body_bytes_sent") { request, out in
            out.append(decimal: max(request.bodyBytesSent, 0))
        },
        field("remote_addr") { request, out in
            request.address.appendText(to: out, withPort: false)
        },
        LogField("request", needsEscape: true) { scope, out in
            guard let request = scope as? Request else { return false }
            request.appendRequestLine(to: out)
            return true
        },
    ]

    private static func field(
        _ name: ByteString, _ append: @escaping @Sendable (Request, Buffer) -> Void
    ) -> LogField {
        LogField(name) { scope, out in
            guard let request = scope as? Request else { return false }
            append(request, out)
            return true
        }
    }
}
