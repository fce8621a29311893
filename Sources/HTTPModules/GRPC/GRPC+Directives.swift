extension GRPC {
    static var rows: [Row] { [pass, setHeader] + family.rowsWithoutBuffering + unsupportedRows }

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
            guard let owner = invocation.scope.owner as? LocationBuilder else { return }
            owner.contentHandler = .grpc
            if owner.name.hasSuffix("/"), !Proxy.isNested(owner) { owner.redirectsToSlash = true }
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

    private static var unsupportedRows: [Row] {
        [
            .unsupported(
                "grpc_ssl_key_log", in: .request, "Where the secrets of connections are written.",
                advice: "it is for finding faults: leave it out"),
            .unsupported(
                "grpc_allow_upstream", in: .request, "Which upstreams variables may name.",
                advice: "check the variables before they reach grpc_pass"),
            .unsupported(
                "grpc_bind_dynamic", in: .request, "Binds anew for every request.",
                advice: "grpc_bind takes variables"),
            .unsupported(
                "grpc_request_dynamic", in: .request, "Makes the request anew for every server.",
                advice: "one request serves all servers"),
        ]
    }
}
