/// Variables of the connection beneath the request: ports, the PROXY protocol, and what TCP measures.
extension CoreVariables {
    static func declarePeer(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("request_port") { request, out in
            if request.head.port > 0 { out.append(decimal: Int(request.head.port)) }
            return true
        }
        try registry.declareValue("is_request_port") { request, out in
            if request.head.port > 0 { out.append(ASCII.colon) }
            return true
        }
        try declareProxyProtocol(in: registry)
        for (index, name) in ["rtt", "rttvar", "snd_cwnd", "rcv_space"].enumerated() {
            try registry.declareValue(ByteString("tcpinfo_" + name), .noCacheable) {
                request, out in
                let connection = request.connection
                guard let value = connection.loop.kernel.tcpFigure(connection.descriptor, index)
                else { return false }
                out.append(decimal: value)
                return true
            }
        }
    }

    private static func declareProxyProtocol(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        let ends: [(name: String, end: @Sendable (ProxyProtocolHeader) -> ProxyProtocolHeader.End)] = [
            ("proxy_protocol_", { $0.source }), ("proxy_protocol_server_", { $0.destination }),
        ]
        for (name, end) in ends {
            try registry.declareValue(ByteString(name + "addr")) { request, out in
                guard let header = request.connection.proxyHeader else { return false }
                out.append(end(header).text)
                return true
            }
            try registry.declareValue(ByteString(name + "port")) { request, out in
                guard let header = request.connection.proxyHeader else { return false }
                let port = end(header).port
                if port > 0 { out.append(decimal: Int(port)) }
                return true
            }
        }
        try registry.declarePrefix("proxy_protocol_tlv_") { scope, name, out in
            guard let request = scope as? Request, let header = request.connection.proxyHeader
            else { return false }
            switch header.append(addition: name, to: out) {
            case .found: return true
            case .absent: return false
            case .failed(let message, let showsName):
                request.log(.error) {
                    $0.append(message)
                    guard showsName else { return }
                    $0.append(" \"")
                    $0.append(name)
                    $0.append(ASCII.quote)
                }
                return false
            }
        }
    }
}
