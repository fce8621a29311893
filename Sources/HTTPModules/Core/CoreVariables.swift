/// The variables that every request has.
enum CoreVariables {
    /// How a module declares a variable of requests.
    typealias Value = @Sendable (Request, Buffer) -> Bool

    static func declare(in registry: VariableRegistry) throws(ConfigurationError) {
        try declareRequest(in: registry)
        try declareConnection(in: registry)
        try declarePeer(in: registry)
        try declareBody(in: registry)
        try declareResponse(in: registry)
        try declarePrefixes(in: registry)
    }

    private static func declareRequest(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declareValue("request") { request, out in
            request.appendRequestLine(to: out)
            return true
        }
        try registry.declareValue("request_method", .noCacheable) { request, out in
            guard !request.head.methodName.isEmpty else { return false }
            out.append(request.head.bytes, request.head.methodName)
            return true
        }
        try registry.declareValue("request_uri") { request, out in
            guard !request.head.target.isEmpty else { return false }
            out.append(request.head.bytes, request.head.target)
            return true
        }
        for name: ByteString in ["uri", "document_uri"] {
            try registry.declareValue(name, .noCacheable) { request, out in
                // There is no path if not even the request line could be read.
                let path = request.routing.path
                guard !path.isEmpty || !request.head.target.isEmpty else { return false }
                out.append(path)
                return true
            }
        }
        try registry.declareValue("query_string", .noCacheable) { appendQuery(of: $0, to: $1) }
        try registry.declareValue(
            "args", [.changeable, .noCacheable],
            assign: { request, bytes in
                let routing = request.routing
                routing.arguments.removeAll()
                routing.arguments.append(bytes)
                routing.hasQuery = true
                routing.isPathPristine = false
            }
        ) { appendQuery(of: $0, to: $1) }
        try registry.declareValue("is_args", .noCacheable) { request, out in
            if !request.routing.arguments.isEmpty { out.append(ASCII.question) }
            return true
        }
        try registry.declareValue("host") { request, out in
            if !request.head.host.isEmpty {
                out.append(request.head.host)
            } else {
                out.append(request.server.name)
            }
            return true
        }
        try registry.declareValue("scheme") { request, out in
            out.append(request.connection.isSecure ? "https" : "http")
            return true
        }
        try registry.declareValue("https") { request, out in
            if request.connection.isSecure { out.append("on") }
            return true
        }
        try registry.declareValue("server_protocol") { request, out in
            out.append(request.head.bytes, request.head.protocolName)
            return true
        }
        try registry.declareValue("remote_user") { request, out in
            guard let end = request.appendCredentials(to: out) else { return false }
            out.truncate(to: end)
            return true
        }
        try registry.declareValue("content_type") { request, out in
            // More than one makes no sense, but is joined like any other field.
            request.appendHeader(named: "content_type", to: out)
        }
        try registry.declareValue("document_root", .noCacheable) { request, out in
            let settings = request.core
            (settings.value.alias ?? settings.value.root).append(to: out, scope: request)
            return true
        }
        try registry.declareValue("request_filename", .noCacheable) { request, out in
            request.appendFilePath(to: out)
        }
        try registry.declareValue("request_length", .noCacheable) { request, out in
            out.append(decimal: request.length)
            return true
        }
        try registry.declareValue("request_time", .noCacheable) { request, out in
            appendSeconds(request.connection.loop.now - request.accounted.timing.start, to: out)
            return true
        }
        try registry.declareValue("limit_rate", [.changeable, .noCacheable], assign: { request, bytes in
            guard let rate = Units.size(bytes) else {
                let value = ByteString(bytes)
                return request.log(.error) {
                    $0.append("invalid $limit_rate \"")
                    $0.append(value)
                    $0.append(ASCII.quote)
                }
            }
            request.limitRate = rate
            request.flags.insert(.hasLimitRate)
        }) { request, out in
            out.append(decimal: request.limitRate)
            return true
        }
    }

    private static func declareConnection(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declareValue("remote_addr") { request, out in
            request.address.appendText(to: out, withPort: false)
            return true
        }
        try registry.declareValue("binary_remote_addr") { request, out in
            request.address.appendBinary(to: out)
            return true
        }
        try registry.declareValue("remote_port") { request, out in
            let port = request.address.port
            if port > 0 { out.append(decimal: Int(port)) }
            return true
        }
        try registry.declareValue("server_addr") { request, out in
            request.connection.localAddress.appendText(to: out, withPort: false)
            return true
        }
        try registry.declareValue("server_port") { request, out in
            let port = request.connection.localAddress.port
            if port > 0 { out.append(decimal: Int(port)) }
            return true
        }
        try registry.declareValue("server_name", .noCacheable) { request, out in
            out.append(request.server.name)
            return true
        }
        try registry.declareValue("connection") { request, out in
            out.append(decimal: Int(request.connection.number))
            return true
        }
        try registry.declareValue("connection_requests", .noCacheable) { request, out in
            out.append(decimal: Int(request.connection.requestCount))
            return true
        }
        try registry.declareValue("connection_time", .noCacheable) { request, out in
            let connection = request.connection
            appendSeconds(connection.loop.now - connection.acceptedAt, to: out)
            return true
        }
        try registry.declareValue("hostname") { _, out in
            out.append(ThisProcess.hostName)
            return true
        }
        try registry.declareValue("pid") { _, out in
            out.append(decimal: ThisProcess.id)
            return true
        }
        // The version that Apus is compatible with, under whatever name it runs: configurations compare it.
        try registry.declareValue("nginx_version") { _, out in
            out.append(compatibleVersion)
            return true
        }
        try registry.declareValue("msec", .noCacheable) { request, out in
            appendSeconds(request.connection.loop.wallMilliseconds, to: out)
            return true
        }
        try registry.declareValue("time_local", .noCacheable) { request, out in
            request.cycle.clock.appendLocalTime(to: out)
            return true
        }
        try registry.declareValue("time_iso8601", .noCacheable) { request, out in
            request.cycle.clock.appendISO8601(to: out)
            return true
        }
        try registry.declareValue("time_iso8601_ms", .noCacheable) { request, out in
            request.cycle.clock.appendISO8601Milliseconds(to: out)
            return true
        }
    }

    private static let compatibleVersion: StaticString = "1.31.5"

    private static func declareResponse(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declareValue("status", .noCacheable) {
            appendStatus(of: $0.accounted, to: $1)
            return true
        }
        try registry.declareValue("bytes_sent", .noCacheable) { request, out in
            out.append(decimal: request.stream.bytesSent)
            return true
        }
        try registry.declareValue("body_bytes_sent", .noCacheable) { request, out in
            out.append(decimal: max(request.stream.bytesSent - request.accounted.response.headSize, 0))
            return true
        }
        try registry.declareValue("request_completion", .noCacheable) { request, out in
            if request.accounted.flags.contains(.isAnswered) { out.append("OK") }
            return true
        }
        try registry.declareValue("pipe", .noCacheable) { request, out in
            out.append(request.flags.contains(.pipelined) ? "p" : ".")
            return true
        }
    }

    private static func declarePrefixes(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declarePrefix("http_") { scope, name, out in
            guard let request = scope as? Request else { return false }
            return request.appendHeader(named: name, to: out)
        }
        try registry.declarePrefix("arg_", [.noCacheable, .changeable]) { scope, name, out in
            guard let request = scope as? Request else { return false }
            return request.appendArgument(named: name, to: out)
        }
        try registry.declarePrefix("cookie_") { scope, name, out in
            guard let request = scope as? Request else { return false }
            return request.appendCookie(named: name, to: out)
        }
        try registry.declarePrefix("sent_http_", .noCacheable) { scope, name, out in
            guard let request = scope as? Request else { return false }
            return request.appendSentHeader(named: name, to: out)
        }
        try registry.declarePrefix("sent_trailer_", .noCacheable) { scope, name, out in
            guard let request = scope as? Request, let trailers = request.response.trailers else {
                return false
            }
            return trailers.appendValues(named: name, to: out)
        }
    }

    // MARK: - Values

    private static func appendQuery(of request: Request, to out: Buffer) -> Bool {
        out.append(request.routing.arguments)
        return request.routing.hasQuery
    }

    /// The status in three digits: what an error page is for comes first, and HTTP/0.9 without any has a number of its own.
    @inline(__always)
    static func appendStatus(of request: Request, to out: Buffer) {
        let response = request.response
        var status = response.errorStatus.rawValue
        if status == 0 { status = response.status.rawValue }
        if status == 0, request.head.version == .http09 { status = 9 }
        out.append(decimal: Int(status), width: 3)
    }

    /// Milliseconds as seconds with three decimals.
    static func appendSeconds(_ milliseconds: Int, to out: Buffer) {
        let value = max(milliseconds, 0)
        out.append(decimal: value / 1_000)
        out.append(ASCII.dot)
        out.append(decimal: value % 1_000, width: 3)
    }
}

extension VariableRegistry {
    /// Declares a variable of requests.
    func declareValue(
        _ name: ByteString, _ flags: VariableFlags = [],
        assign: (@Sendable (Request, Span<UInt8>) -> Void)? = nil,
        _ value: @escaping CoreVariables.Value
    ) throws(ConfigurationError) {
        let evaluate: Evaluate = { scope, out in
            guard let request = scope as? Request else { return false }
            return value(request, out)
        }
        guard let assign else { return try declare(name, flags, evaluate: evaluate) }
        let assignment: Assign = { scope, bytes in
            if let request = scope as? Request { assign(request, bytes) }
        }
        try declare(name, flags, assign: assignment, evaluate: evaluate)
    }
}
