/// ngx_http_v2_module: HTTP/2 with clients. What the directives set; the protocol itself is the server's.
enum HTTP2 {
    static let slot = Slot(.http2, initial: HTTP2Settings())

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("http2") { request, out in
            guard request.head.version == .http2 else { return false }
            out.append(request.connection.isSecure ? "h2" : "h2c")
            return true
        }
    }
}

struct HTTP2Settings: Sendable {
    var isOn = false
    /// Streams that a client may have open at a time.
    var streams = 128
    /// Bytes of a body that a client may send before they are asked for.
    var prereadSize = 65_536
    /// The longest DATA frame.
    var chunkSize = 8_192

    init() {}
}
