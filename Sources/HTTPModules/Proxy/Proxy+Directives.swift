extension Proxy {
    static var rows: [Row] {
        [pass, introduction] + requestRows + family.rows + rewriteRows + inertRows + unsupportedRows
    }

    // MARK: - proxy_pass

    private static var pass: Row {
        .custom(
            "proxy_pass", in: [.location, .ifInLocation, .limitExcept], .one,
            "Passes requests to a server or a group of servers. A URI in it replaces the part of the request's that the location matches.",
            mayRepeat: false, syntax: "URL"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let target = try target(invocation)
            target.take(in: invocation, slot, family, handler: .proxy)
        }
    }

    private static func target(_ invocation: Invocation) throws(ConfigurationError) -> ProxyTarget {
        if let target = try ProxyTarget(ofVariables: invocation) { return target }
        guard let scheme = ProxyScheme(invocation[0].span) else {
            throw invocation.fail(
                "invalid URL prefix", advice: "it begins with http:// or https://",
                at: invocation.arguments[0])
        }
        let (declaration, address) = try ProxyTarget.server(of: invocation, scheme)
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
            url: invocation[0], declaration: declaration, template: nil, parts: parts,
            location: takesURI ? owner?.name ?? .empty : .empty, registry: invocation.httpBuilder.upstreams)
    }

    private static func takesURI(_ owner: LocationBuilder) -> Bool {
        switch owner.kind {
        case .named, .regex, .nested: false
        case .server, .exact, .prefix, .prefixWithoutRegex: true
        }
    }

    // MARK: - proxy_protocol

    private static var introduction: Row {
        .value(
            "proxy_protocol", in: .request, .atLeast(1), family.slot, \.introduction,
            "Tells upstreams by the PROXY protocol whose connection it is.",
            syntax: "off | on | v1 | v2 [name=value ...]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            var version: ProxyProtocolWriter.Version?
            switch invocation[0] {
            case "off": break
            case "on", "v1": version = .one
            case "v2": version = .two
            default:
                throw invocation.invalidValue(invocation.arguments[0], advice: "it must be off, on, v1 or v2")
            }
            var additions: [UpstreamIntroduction.Addition] = []
            for word in invocation.arguments.dropFirst() {
                guard version == .two else {
                    throw invocation.invalidParameter(word, advice: "only version 2 of the protocol has additions: write v2")
                }
                additions.append(try addition(word, invocation))
            }
            return version.map { UpstreamIntroduction(version: $0, additions: additions) }
        }
    }

    private static func addition(
        _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) -> UpstreamIntroduction.Addition {
        let text = word.value
        guard let equals = text.span.firstIndex(of: ASCII.equals),
            let name = ProxyProtocolHeader.addition(named: text.slice(0..<equals))
        else {
            throw invocation.invalidParameter(
                word, advice: "an addition is written as name=value; names are those of $proxy_protocol_tlv_name, such as alpn, ssl_cn, 0xE0")
        }
        let value = try Template(
            compiling: text.slice(equals + 1..<text.count), registry: invocation.http().registry, at: word.position)
        return .init(name: name, value: value)
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
        [
            .unsupported(
                "proxy_cache_convert_head", in: .request, "Makes GET of HEAD for the sake of a cache.",
                advice: "answers are not cached: leave it out")
        ]
    }
}

extension Invocation {
    /// Adds a field to those that requests to upstreams are given.
    func setUpstreamHeader(_ slot: Slot<ProxySettings>) throws(ConfigurationError) {
        let field = ProxyHeaders.Assignment(name: self[0], value: try template(1))
        var fields = isFirst ? [] : self[slot].setFields
        fields.append(field)
        let all = fields
        write(slot) {
            $0.setFields = all
            $0.headers = ProxyHeaders(fields: all)
        }
    }
}

/// What `proxy_pass` and `grpc_pass` read alike.
extension ProxyTarget {
    /// The target that variables name; nil: the argument has none.
    convenience init?(ofVariables invocation: Invocation) throws(ConfigurationError) {
        guard Template.hasVariables(invocation[0].span) else { return nil }
        self.init(
            url: invocation[0], declaration: nil, template: try invocation.template(), parts: .unknown,
            location: .empty, registry: invocation.httpBuilder.upstreams)
    }

    /// The server or group behind the scheme.
    static func server(
        of invocation: Invocation, _ scheme: ProxyScheme
    ) throws(ConfigurationError) -> (UpstreamDeclaration, AddressText) {
        let rest = invocation[0].slice(scheme.length..<invocation[0].count)
        let address: AddressText
        do throws(AddressError) {
            address = try AddressText(
                rest, .init(allowsURI: scheme.takesURI, resolves: false, defaultPort: scheme.port))
        } catch {
            throw invocation.fail("\(error.message) in upstream \"\(rest)\"", at: invocation.arguments[0])
        }
        return (try invocation.httpBuilder.upstreams.reference(address, at: invocation.directive.terminator), address)
    }

    /// Requests of the location are passed there.
    func take(in invocation: Invocation, _ slot: Slot<ProxySettings>, _ family: UpstreamFamily, handler: Handler) {
        invocation.write(slot) { $0.target = self }
        if template != nil || parts.isSecure { family.buildSecurity(of: invocation) }
        (invocation.scope.owner as? LocationBuilder)?.passes(with: handler)
    }
}
