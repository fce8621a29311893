extension Proxy {
    /// Declares `$proxy_host`, `$proxy_port` and `$proxy_add_x_forwarded_for`, and the `$upstream_` variables of all families.
    static func declareVariables(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try registry.declare("proxy_host", [.changeable, .noCacheable, .noHash]) { scope, out in
            guard let url = url(of: scope) else { return false }
            out.append(url.hostHeader)
            return true
        }
        try registry.declare("proxy_port", [.changeable, .noCacheable, .noHash]) { scope, out in
            guard let url = url(of: scope) else { return false }
            out.append(url.port)
            return true
        }
        try registry.declare("proxy_add_x_forwarded_for", .noHash) { scope, out in
            guard let request = scope as? Request else { return false }
            let head = request.head
            var index = head.fields.firstIndex(of: .xForwardedFor)
            while let found = index {
                out.append(head.bytes, head.fields[found].valueRange)
                out.append(", ")
                index = head.fields.firstIndex(of: .xForwardedFor, from: found + 1)
            }
            request.address.appendText(to: out, withPort: false)
            return true
        }
        try UpstreamVariables.declare(in: registry)
    }

    private static func url(of scope: VariableScope) -> ProxyURL? {
        // As in nginx, an internal redirect leaves the module's state behind.
        (scope as? Request)?.state(.proxy, as: HTTPProxyProtocol.self)?.url
    }
}
