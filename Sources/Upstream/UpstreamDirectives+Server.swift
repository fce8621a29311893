extension UpstreamDirectives {
    static func server(in contexts: Contexts, _ registry: @escaping Find) -> Row {
        .custom(
            "server", in: contexts, .atLeast(1),
            "A server of the group: an address and how it takes part in balancing.",
            syntax: "address [weight=n] [max_conns=n] [max_fails=n] [fail_timeout=time] "
                + "[backup] [down] [route=name]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let declaration = declaration(of: invocation)
            var options = PeerOptions()
            for word in invocation.arguments.dropFirst() {
                try read(word, into: &options, declaration, invocation)
            }
            let isHTTP = registry(invocation.scope).family == .http
            let rules = AddressText.Rules(defaultPort: isHTTP ? 80 : 0)
            let address: AddressText
            do throws(AddressError) {
                address = try AddressText(invocation[0], rules)
            } catch {
                throw invocation.fail(
                    "\(error.message) in upstream \"\(invocation[0])\"",
                    at: invocation.arguments[0])
            }
            if address.hasNoPort, !isHTTP {
                throw invocation.fail(
                    "no port in upstream \"\(invocation[0])\"", at: invocation.arguments[0])
            }
            declaration.servers.append(
                UpstreamServer(
                    name: invocation[0], addresses: address.addresses, options: options))
        }
    }

    private static func read(
        _ word: Word, into options: inout PeerOptions, _ declaration: UpstreamDeclaration,
        _ invocation: Invocation
    ) throws(ConfigurationError) {
        if word.value == "backup" {
            guard (declaration.method ?? .roundRobin).takesBackups else {
                throw invocation.fail(
                    "balancing method does not support parameter \"backup\"", at: word)
            }
            options.isBackup = true
            return
        }
        if word.value == "down" {
            options.limits.isDown = true
            return
        }
        if word.value == "resolve" || word.value == "drain" || word.value.hasPrefix("service=") {
            throw invocation.fail(
                "parameter \"\(word.text)\" is not supported yet by Apus",
                advice: "server names are resolved once, when the configuration is read", at: word)
        }
        guard let equals = word.value.span.firstIndex(of: ASCII.equals) else {
            throw invocation.invalidParameter(word)
        }
        let value = word.value.slice(equals + 1..<word.value.count)
        switch word.value.slice(0..<equals) {
        case "route":
            if value.isEmpty { throw invocation.fail("route is empty", at: word) }
            if value.count > 32 { throw invocation.fail("route is longer than 32", at: word) }
            options.route = value
        case "fail_timeout":
            options.limits.failTimeout = try require(Units.seconds(value), word, invocation)
        case "weight":
            options.limits.weight = try require(Units.number(value), word, invocation)
            if options.limits.weight == 0 { throw invocation.invalidParameter(word) }
        case "max_conns":
            options.limits.maxConnections = try require(Units.number(value), word, invocation)
        case "max_fails":
            options.limits.maxFails = try require(Units.number(value), word, invocation)
        default: throw invocation.invalidParameter(word)
        }
    }

    private static func require(
        _ value: Int?, _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) -> Int {
        guard let value else { throw invocation.invalidParameter(word) }
        return value
    }
}
