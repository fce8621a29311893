extension Core {
    static var blockRows: [Row] {
        [
            .block(
                "http", in: .main, .none, "What holds for HTTP.", mayRepeat: false
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try openHTTP(&invocation)
            },
            .block("server", in: .http, .none, "A virtual server.") {
                (invocation: inout Invocation) throws(ConfigurationError) in
                let http = try invocation.http()
                let server = ServerBuilder(http: http, position: invocation.directive.terminator)
                let scope = Scope(.server, in: invocation.scope, owner: server)
                scope.whenSettled { (scope: Scope) throws(ConfigurationError) in
                    try AccessLogging.addDefault("/var/log/nginx/access.log", to: scope)
                }
                openLocation(scope, server)
                return scope
            },
            .block(
                "location", in: [.server, .location], .between(1, 2),
                "Settings for the requests whose path begins with, equals or matches something.",
                syntax: "[= | ~ | ~* | ^~] uri | @name"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try openNested(&invocation)
            },
            .block(
                "limit_except", in: .location, .atLeast(1),
                "Settings for the requests with other methods than these.", mayRepeat: false,
                syntax: "method ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try openLimitExcept(&invocation)
            },
            .entries(
                "types", in: .request, .none, "Media types by file-name extension.",
                mayRepeat: true
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try readTypes(&invocation)
            },
        ]
    }

    private static func openHTTP(_ invocation: inout Invocation) throws(ConfigurationError) -> Scope {
        guard let builder = invocation.builder as? ConfigurationBuilder else {
            throw invocation.fail("\"http\" directive is not allowed here")
        }
        let http = HTTPBuilder(zones: builder.zones, fields: RequestLogFields())
        builder.http = http
        http.registry.problem = { Rewrite.report($0, $1) }
        try CoreVariables.declare(in: http.registry)
        try TLSModule.declareVariables(in: http.registry)
        try HTTP2.declareVariables(in: http.registry)
        try Compression.declareRatio("gzip_ratio", of: .gzip, in: http.registry)
        try Compression.declareRatio("brotli_ratio", of: .brotli, in: http.registry)
        try Compression.declareRatio("zstd_ratio", of: .zstd, in: http.registry)
        try Proxy.declareVariables(in: http.registry)
        try StubStatus.declareVariables(in: http.registry)
        try RealIP.declareVariables(in: http.registry)
        try LimitRequests.declareVariables(in: http.registry)
        try LimitConnections.declareVariables(in: http.registry)
        try Referer.declareVariables(in: http.registry)
        try SecureLink.declareVariables(in: http.registry)
        try UserID.declareVariables(in: http.registry)
        try Browsers.declareVariables(in: http.registry)
        try FastCGI.declareVariables(in: http.registry)
        try Slice.declareVariables(in: http.registry)
        try SSI.declareVariables(in: http.registry)
        let scope = Scope(.http, in: invocation.scope)
        // The default folders are relative to the prefix, which only the configuration knows.
        let bodies = invocation.defaultTempFolder(invocation[CoreSettings.slot].bodyTempPath.folder) {
            $0[CoreSettings.slot].bodyTempPath.folder
        }
        scope.write(CoreSettings.slot) { $0.bodyTempPath.folder = bodies }
        Proxy.family.placeTempFiles(in: scope, of: invocation)
        try FastCGI.prepare(scope, invocation)
        try UWSGI.prepare(scope, invocation)
        try SCGI.prepare(scope, invocation)
        scope.whenSettled { (scope: Scope) throws(ConfigurationError) in
            http.settings = scope.settings
        }
        scope.whenFinished { (scope: Scope) throws(ConfigurationError) in
            try TLSModule.build(http, builder, scope.evaluation)
        }
        return scope
    }

    // MARK: - location

    private static func openNested(
        _ invocation: inout Invocation
    ) throws(ConfigurationError) -> Scope {
        guard let parent = invocation.location else {
            throw invocation.fail("\"location\" directive is not allowed here")
        }
        let (kind, name) = try locationKind(invocation)
        try checkNesting(invocation, kind, name, parent)
        let location = LocationBuilder(kind: kind, name: name, parent: parent, http: parent.http)
        let scope = Scope(.location, in: invocation.scope, owner: location)
        openLocation(scope, location)
        return scope
    }

    private static func locationKind(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> (Location.Kind, ByteString) {
        let first = invocation[0]
        if invocation.arguments.count == 2 {
            let name = invocation[1]
            switch first.text {
            case "=": return (.exact, name)
            case "^~": return (.prefixWithoutRegex, name)
            case "~": return (try regex(invocation, name, caseless: false), name)
            case "~*": return (try regex(invocation, name, caseless: true), name)
            default:
                throw invocation.fail(
                    "invalid location modifier \"\(first)\"",
                    advice: "the modifiers are =, ~, ~* and ^~", at: invocation.arguments[0])
            }
        }
        // The modifier may stand right before the name.
        if first.hasPrefix("=") { return (.exact, first.slice(1..<first.count)) }
        if first.hasPrefix("^~") { return (.prefixWithoutRegex, first.slice(2..<first.count)) }
        if first.hasPrefix("~*") {
            let name = first.slice(2..<first.count)
            return (try regex(invocation, name, caseless: true), name)
        }
        if first.hasPrefix("~") {
            let name = first.slice(1..<first.count)
            return (try regex(invocation, name, caseless: false), name)
        }
        if first.hasPrefix("@") { return (.named, first.slice(1..<first.count)) }
        return (.prefix, first)
    }

    private static func regex(
        _ invocation: Invocation, _ pattern: ByteString, caseless: Bool
    ) throws(ConfigurationError) -> Location.Kind {
        .regex(try Regex(pattern: pattern, caseless: caseless, registry: invocation.http().registry))
    }

    private static func checkNesting(
        _ invocation: Invocation, _ kind: Location.Kind, _ name: ByteString,
        _ parent: LocationBuilder
    ) throws(ConfigurationError) {
        let isNamed = if case .named = kind { true } else { false }
        let isRegex = if case .regex = kind { true } else { false }
        let shown = isNamed ? "@" + name : name
        if parent is ServerBuilder {
            try checkDuplicate(invocation, kind, name, parent)
            return
        }
        if parent.isExact {
            throw invocation.fail(
                "location \"\(shown)\" cannot be inside the exact location \"\(parent.name)\"")
        }
        if parent.isNamed {
            throw invocation.fail(
                "location \"\(shown)\" cannot be inside the named location \"@\(parent.name)\"")
        }
        if isNamed {
            throw invocation.fail("named location \"\(shown)\" can be on the server level only")
        }
        if !isRegex, !parent.isRegex, !name.hasPrefix(parent.name) {
            throw invocation.fail("location \"\(shown)\" is outside location \"\(parent.name)\"")
        }
        try checkDuplicate(invocation, kind, name, parent)
    }

    private static func checkDuplicate(
        _ invocation: Invocation, _ kind: Location.Kind, _ name: ByteString,
        _ parent: LocationBuilder
    ) throws(ConfigurationError) {
        guard parent.hasChild(kind, name) else { return }
        throw invocation.fail("duplicate location \"\(kind.way == .named ? "@" : "")\(name)\"")
    }

    // MARK: - limit_except

    private static func openLimitExcept(
        _ invocation: inout Invocation
    ) throws(ConfigurationError) -> Scope {
        guard let parent = invocation.location else {
            throw invocation.fail("\"limit_except\" directive is not allowed here")
        }
        var methods: UInt32 = 0
        for word in invocation.arguments {
            let method = Method(ByteString(word.value.bytes.map(\.asciiUppercased)).span)
            guard method != .other, method != .connect, method != .trace else {
                throw invocation.fail("invalid method \"\(word.text)\"", at: word)
            }
            methods |= method.bit
        }
        if methods & Method.get.bit != 0 { methods |= Method.head.bit }
        let location = LocationBuilder(
            kind: .nested, name: parent.name, parent: parent, http: parent.http)
        location.contentHandler = .none
        parent.limitExcept = (methods, location)
        let scope = Scope(.limitExcept, in: invocation.scope, owner: location)
        openLocation(scope, location)
        return scope
    }

    // MARK: - types

    private static func readTypes(_ invocation: inout Invocation) throws(ConfigurationError) {
        var types: [ByteString: ByteString] =
            invocation.isFirst ? [:] : invocation[CoreSettings.slot].types.all
        var warned: [(Directive, String)] = []
        let current = invocation
        try invocation.forEachEntry { (entry: Directive) throws(ConfigurationError) in
            for word in entry.arguments {
                let name = word.value.lowercased
                if let old = types[name], old != entry.name.value {
                    warned.append((entry, "duplicate extension \"\(name)\", content type: "
                        + "\"\(entry.name.text)\", previous content type: \"\(old)\""))
                }
                types[name] = entry.name.value
            }
        }
        for (entry, message) in warned {
            var warning = current.fail(message, in: entry)
            warning.level = .warn
            current.scope.evaluation.warn(warning)
        }
        let table = TypeTable(types)
        invocation.write(CoreSettings.slot) { $0.types = table }
    }
}
