/// ngx_http_realip_module: takes the client's address from what a trusted proxy says in a header or by the PROXY protocol.
///
/// The address holds for one request: the next one on the connection may be another client's.
enum RealIP {
    static let slot = Slot(.realIP, initial: RealIPSettings())

    /// Whether requests of a block have to be looked at.
    static func isUsed(_ settings: SettingsTable) -> Bool {
        !settings.box(slot).value.trusted.isEmpty
    }

    /// Twice for each request: with the server's settings before rewriting, with the location's before access is checked.
    static func handle(_ request: Request) -> Verdict {
        guard request.assumedAddress == nil else { return .decline }
        let settings = request.location.settings(slot)
        var address = request.connection.address
        let head = request.head.bytes
        let isRecursive = settings.value.isRecursive
        switch settings.value.source {
        case .realIP:
            guard let range = request.header(.xRealIP) else { return .decline }
            take(
                settings.value.trusted.follow(
                    head.span(range), from: &address, recursive: isRecursive), address, request)
        case .header(let name):
            let fields = request.head.fields
            guard let index = fields.firstIndex(named: name.span, in: head) else { return .decline }
            take(
                settings.value.trusted.follow(
                    head.span(fields[index].valueRange), from: &address, recursive: isRecursive),
                address, request)
        case .forwardedFor:
            let answer = request.followForwardedFor(
                settings.value.trusted, from: &address, recursive: isRecursive)
            take(answer, address, request)
        case .proxyProtocol:
            guard let named = request.connection.proxyHeader?.source.address,
                settings.value.trusted.contains(address)
            else { return .decline }
            take(.exhausted, named, request)
        }
        return .decline
    }

    private static func take(
        _ answer: TrustedPeers.Answer, _ address: SocketAddress, _ request: Request
    ) {
        if case .nothing = answer { return }
        request.assumedAddress = address
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("realip_remote_addr") { request, out in
            request.connection.address.appendText(to: out, withPort: false)
            return true
        }
        try registry.declareValue("realip_remote_port") { request, out in
            let port = request.connection.address.port
            if port > 0 { out.append(decimal: Int(port)) }
            return true
        }
    }
}

extension Request {
    /// Follows all `X-Forwarded-For` fields, which are one list, from the last one.
    func followForwardedFor(
        _ trusted: TrustedPeers, from address: inout SocketAddress, recursive: Bool
    ) -> TrustedPeers.Answer {
        let fields = head.fields
        guard fields.contains(.xForwardedFor) else { return .nothing }
        var found = false
        for index in fields.indices.reversed() where fields[index].name == .xForwardedFor {
            let bytes = head.bytes
            let answer = trusted.follow(
                bytes.span(fields[index].valueRange), from: &address, recursive: recursive)
            if !recursive { return answer }
            switch answer {
            case .nothing: return found ? .final : .nothing
            case .final: return .final
            case .exhausted: found = true
            }
        }
        return .exhausted
    }
}

/// What the directives of trusted proxies set.
struct RealIPSettings: Sendable {
    enum Source: Sendable {
        case realIP, forwardedFor, proxyProtocol
        /// The first field of another name.
        case header(ByteString)
    }

    var trusted = TrustedPeers()
    var source = Source.realIP
    var isRecursive = false
}
