extension GRPC {
    static var rows: [Row] { [pass, setHeader] + family.rows }

    private static var pass: Row {
        .custom(
            "grpc_pass", in: [.location, .ifInLocation], .one,
            "Passes requests to a server or a group of servers that speak gRPC; `grpcs://` before the address asks for TLS.",
            mayRepeat: false, syntax: "address"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let target = try target(invocation)
            target.take(in: invocation, slot, family, handler: .grpc)
        }
    }

    private static func target(_ invocation: Invocation) throws(ConfigurationError) -> ProxyTarget {
        if let target = try ProxyTarget(ofVariables: invocation) { return target }
        let scheme = ProxyScheme(grpc: invocation[0].span)
        let (declaration, address) = try ProxyTarget.server(of: invocation, scheme)
        return ProxyTarget(
            url: invocation[0], declaration: declaration, template: nil, parts: ProxyURL(address, scheme: scheme),
            location: .empty, registry: invocation.httpBuilder.upstreams)
    }

    private static var setHeader: Row {
        .custom(
            "grpc_set_header", in: .request, .two,
            "Sets a field of requests to gRPC servers; an empty value leaves it out.",
            syntax: "field value"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            try invocation.setUpstreamHeader(slot)
        }
    }
}
