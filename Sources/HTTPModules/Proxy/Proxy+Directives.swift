extension Proxy {
    static var rows: [Row] {
        [pass] + requestRows + family.rows + rewriteRows + inertRows + unsupportedRows
    }

    // MARK: - proxy_pass

    private static var pass: Row {
        .custom(
            "proxy_pass", in: [.location, .ifInLocation, .limitExcept], .one,
            "Passes requests to a server or a group of servers. A URI in it replaces the part of the request's that the location matches.",
            mayRepeat: false, syntax: "URL"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let target = try target(invocation)
            invocation.write(slot) { $0.target = target }
            if target.template != nil || target.parts.isSecure {
                family.buildSecurity(of: invocation)
            }
            guard let owner = invocation.scope.owner as? LocationBuilder else { return }
            owner.contentHandler = .proxy
            if owner.name.hasSuffix("/"), !isNested(owner) { owner.redirectsToSlash = true }
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
        let bytes = url.span
        guard let scheme = ProxyScheme(bytes) else {
            throw invocation.fail(
                "invalid URL prefix", advice: "it begins with http:// or https://",
                at: invocation.arguments[0])
        }
        let rest = url.slice(scheme.length..<url.count)
        let address: AddressText
        do throws(AddressError) {
            address = try AddressText(
                rest, .init(allowsURI: true, resolves: false, defaultPort: scheme.port))
        } catch {
            throw invocation.fail(
                "\(error.message) in upstream \"\(rest)\"", at: invocation.arguments[0])
        }
        let declaration = try registry.reference(address, at: invocation.directive.terminator)
        let parts = ProxyURL(address, scheme: scheme)
        let owner = invocation.scope.owner as? LocationBuilder
        let takesURI = owner.map(takesURI) ?? true
        if !takesURI, !parts.uri.isEmpty {
            throw invocation.fail(
                "\"proxy_pass\" cannot have URI part in location given by regular expression, "
                    + "or inside named location, or inside \"if\" statement, "
                    + "or inside \"limit_except\" block",
                advice: "leave out \"\(parts.uri)\": the request's own URI is passed on",
                at: invocation.arguments[0])
        }
        return ProxyTarget(
            url: url, declaration: declaration, template: nil, parts: parts,
            location: takesURI ? owner?.name ?? .empty : .empty, registry: registry)
    }

    static func isNested(_ owner: LocationBuilder) -> Bool {
        if case .nested = owner.kind { return true }
        return false
    }

    private static func takesURI(_ owner: LocationBuilder) -> Bool {
        switch owner.kind {
        case .named, .regex, .nested: false
        case .server, .exact, .prefix, .prefixWithoutRegex: true
        }
    }

    /// Makes the default folder absolute for the whole of http.
    static func placeTempFiles(in scope: Scope, of invocation: Invocation) {
        let folder = invocation.temporaryFolder(scope[upstreamSlot].tempPath.folder)
        scope.evaluation.addWorkerFolder(folder)
        scope.write(upstreamSlot) { $0.tempPath.folder = folder }
    }

    // MARK: - The request

    private static var requestRows: [Row] {
        [
            .custom(
                "proxy_set_header", in: .request, .two,
                "Sets a field of requests to upstreams; an empty value leaves it out.",
                syntax: "field value"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.setUpstreamHeader(slot)
            },
            .value(
                "proxy_set_body", in: .request, .one, slot, \.body,
                "The body of requests to upstreams, instead of the client's.", syntax: "value"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.template()
            },
            .value(
                "proxy_method", in: .request, .one, slot, \.method,
                "The method of requests to upstreams, instead of the client's.", syntax: "method"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.template()
            },
            .value(
                "proxy_http_version", in: .request, .one, slot, \.version,
                "The version of HTTP spoken with upstreams.", syntax: "1.0 | 1.1 | 2"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                switch invocation[0] {
                case "1.0": return .http10
                case "1.1": return .http11
                case "2": return .http2
                default:
                    throw invocation.invalidValue(
                        invocation.arguments[0], advice: "it must be 1.0, 1.1 or 2")
                }
            },
        ]
    }

    private static var inertRows: [Row] {
        [
            .ignoredNumber(
                "proxy_headers_hash_max_size", in: .request,
                "The size of nginx's table of header names.", reason: "no such table is needed"),
            .ignoredNumber(
                "proxy_headers_hash_bucket_size", in: .request,
                "The bucket size of nginx's table of header names.",
                reason: "no such table is needed"),
        ]
    }

    // MARK: - Not there yet

    private static var unsupportedRows: [Row] {
        let cache = [
            "cache", "cache_background_update", "cache_bypass", "cache_convert_head", "cache_key",
            "cache_lock", "cache_lock_age", "cache_lock_timeout", "cache_max_range_offset",
            "cache_methods", "cache_min_uses", "cache_purge", "cache_revalidate", "cache_use_stale",
            "cache_valid", "no_cache",
        ]
        return cache.map {
            unsupported("proxy_" + $0, "Caches answers.", "answers are not cached: leave it out")
        }
            + [
                unsupported(
                    "proxy_ssl_key_log", "Where the secrets of connections are written.",
                    "it is for finding faults: leave it out"),
                .unsupported(
                    "proxy_cache_path", in: .http, "Where answers are cached.",
                    advice: "answers are not cached: leave it out"),
                unsupported(
                    "proxy_store", "Stores answers as files.",
                    "answers are not stored: leave it out"),
                unsupported(
                    "proxy_store_access", "Permissions of stored answers.",
                    "answers are not stored: leave it out"),
                unsupported(
                    "proxy_allow_upstream", "Which upstreams variables may name.",
                    "check the variables before they reach proxy_pass"),
                unsupported(
                    "proxy_bind_dynamic", "Binds anew for every request.",
                    "proxy_bind takes variables"),
                unsupported(
                    "proxy_request_dynamic", "Makes the request anew for every server.",
                    "one request serves all servers"),
            ]
    }

    private static func unsupported(_ name: String, _ summary: String, _ advice: String) -> Row {
        .unsupported(name, in: .request, summary, advice: advice)
    }
}

extension Invocation {
    /// Adds a field to those that requests to upstreams are given.
    func setUpstreamHeader(_ slot: Slot<ProxySettings>) throws(ConfigurationError) {
        let field = ProxyHeaders.Field(name: self[0], value: try template(1))
        var fields = isFirst ? [] : self[slot].setFields
        fields.append(field)
        let all = fields
        write(slot) {
            $0.setFields = all
            $0.headers = ProxyHeaders(fields: all)
        }
    }
}
