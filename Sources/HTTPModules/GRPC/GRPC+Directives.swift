extension GRPC {
    static var rows: [Row] { [pass, setHeader] + family.rows }

    private static var pass: Row {
        .custom(
            "grpc_pass", in: [.location, .ifInLocation], .one,
            "Passes requests to a server or a group of servers that speak gRPC; `grpcs://` before the address asks for TLS.",
            mayRepeat: false, syntax: "address"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let target = try target(invocation)
            invocation.write(slot) { $0.target = target }
            if target.template != nil || target.parts.isSecure {
                family.buildSecurity(of: invocation)
            }
            (invocation.scope.owner as? LocationBuilder)?.passes(with: .grpc)
        }
    }

    private static func target(_ invocation: Invocation) throws(ConfigurationError) -> ProxyTarget {
        let url = invocation[0]
        let registry = invocation.httpBuilder.upstreams
        if Template.hasVariables(url.span) {
            return ProxyTarget(
                url: url, declaration: nil, template: try invocation.template(),
                parts: .unknown, location: .empty, registry: registry)
        }
        let scheme = ProxyScheme(grpc: url.span)
        let rest = url.slice(scheme.length..<url.count)
        let address: AddressText
        do throws(AddressError) {
            address = try AddressText(
                rest, .init(allowsURI: false, resolves: false, defaultPort: scheme.port))
        } catch {
            throw invocation.fail(
                "\(error.message) in upstream \"\(rest)\"", at: invocation.arguments[0])
        }
        return ProxyTarget(
            url: url,
            declaration: try registry.reference(address, at: invocation.directive.terminator),
            template: nil, parts: ProxyURL(address, scheme: scheme), location: .empty,
            registry: registry)
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
