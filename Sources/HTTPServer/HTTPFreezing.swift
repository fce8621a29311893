/// Turns the blocks that were read into what serves: servers by address and name, and each location's plan.
struct HTTPFreezing {
    /// One address with its servers.
    struct Address {
        let request: ListenerRequest
        let binding: ListenBinding
        /// Addresses that share the socket because it is a wildcard's: told apart by the connection's own end.
        var specific: [ListenBinding]
        /// Whether a socket of its own is opened.
        let isBound: Bool
    }

    let cycle: HTTPCycle
    private(set) var addresses: [Address] = []

    init(_ builder: ConfigurationBuilder) throws(ConfigurationError) {
        guard let http = builder.http else {
            preconditionFailure("only a configuration with an http block is frozen")
        }
        try http.upstreams.build()
        try http.registry.freeze()
        var servers: [VirtualServer] = []
        for server in http.servers {
            guard let root = server.location else { continue }
            if server.listens.isEmpty { server.addStandardAddress() }
            let frozen = VirtualServer(name: server.firstName, root: root, index: servers.count, tls: server.tls)
            server.server = frozen
            servers.append(frozen)
            try server.forEach { (location: LocationBuilder) throws(ConfigurationError) in
                guard let made = location.location else { return }
                made.plan = Roster.plan(for: made)
            }
        }
        cycle = HTTPCycle(
            registry: http.registry, servers: servers, errorLog: builder.logFiles.errorLog,
            clock: builder.logFiles.environment.clock, identity: builder.identity,
            settings: http.settings ?? SettingsTable(), counters: builder.counters,
            charsets: http.charsets)
        try bind(http.servers, builder.evaluation)
    }

    // MARK: - Addresses

    /// Collects servers by address, and checks what they say of it.
    private mutating func bind(
        _ servers: [ServerBuilder], _ evaluation: Evaluation
    ) throws(ConfigurationError) {
        var order: [SocketAddress] = []
        var members: [SocketAddress: [(server: ServerBuilder, listen: ServerBuilder.Listen)]] = [:]
        for server in servers {
            for listen in server.listens {
                if members[listen.address] == nil { order.append(listen.address) }
                members[listen.address, default: []].append((server, listen))
            }
        }
        var made: [Address] = []
        for address in order {
            guard let group = members[address] else { continue }
            made.append(try self.address(address, group, evaluation))
        }
        addresses = Self.shareWildcards(made)
    }

    private func address(
        _ address: SocketAddress,
        _ group: [(server: ServerBuilder, listen: ServerBuilder.Listen)], _ evaluation: Evaluation
    ) throws(ConfigurationError) -> Address {
        var options = group[0].listen.options
        var setter: ServerBuilder.Listen?
        var standard: ServerBuilder?
        var protocols: ListenProtocols?
        for (server, listen) in group {
            if protocols?.add(listen) == true {
                evaluation.warn(
                    ConfigurationError(
                        "protocol options redefined for \(address.description)",
                        position: listen.position, level: .warn))
            }
            if protocols == nil { protocols = ListenProtocols(listen) }
            if listen.setsOptions {
                if setter != nil {
                    throw ConfigurationError(
                        "duplicate listen options for \(address.description)",
                        position: listen.position)
                }
                setter = listen
                options = listen.options
            }
            if listen.isDefault {
                if standard != nil {
                    throw ConfigurationError(
                        "a duplicate default server for \(address.description)",
                        position: listen.position)
                }
                standard = server
            }
        }
        let binding = ListenBinding(
            address: address,
            servers: try names(
                of: group.map(\.server), standard: standard ?? group[0].server, address, evaluation),
            cycle: cycle, descriptor: -1)
        binding.isDeferred = options.isDeferred
        binding.hasHTTP2 = group.contains { $0.listen.hasHTTP2 }
        binding.expectsProxyProtocol = group.contains { $0.listen.expectsProxyProtocol }
        binding.isSecure = group.contains { $0.listen.isSecure }
        if binding.isSecure {
            try TLSModule.checkCertificates(of: group.map(\.server), standard: standard ?? group[0].server)
        }
        return Address(
            request: ListenerRequest(address: address, options: options), binding: binding,
            specific: [], isBound: true)
    }

    private func names(
        of servers: [ServerBuilder], standard: ServerBuilder, _ address: SocketAddress,
        _ evaluation: Evaluation
    ) throws(ConfigurationError) -> VirtualServers {
        guard let standardServer = standard.server else {
            preconditionFailure("servers are frozen before their addresses")
        }
        var table = WildcardTable<Int>()
        var named: [VirtualServer] = []
        var unnamed: VirtualServer?
        func noteConflict(_ name: ByteString) {
            evaluation.warn(
                ConfigurationError("conflicting server name \"\(name)\" on \(address.description), ignored", level: .warn))
        }
        var regexes: [(regex: Regex, server: VirtualServer)] = []
        if servers.count > 1 || standard.hasRegexNames {
            for builder in servers {
                guard let server = builder.server else { continue }
                named.append(server)
                for name in builder.names.isEmpty ? [.text(.empty)] : builder.names {
                    switch name {
                    case .regex(let regex): regexes.append((regex, server))
                    case .text(.empty):
                        if unnamed != nil { noteConflict(.empty) }
                        unnamed = unnamed ?? server
                    case .text(let text):
                        switch table.insert(named.count - 1, for: text) {
                        case .inserted: break
                        case .conflict: noteConflict(text)
                        case .invalid:
                            throw ConfigurationError(
                                "invalid server name or wildcard \"\(text)\" on \(address.description)")
                        }
                    }
                }
            }
        }
        return VirtualServers(
            standard: standardServer, unnamed: unnamed, names: table, named: named, regexes: regexes)
    }

    /// A specific address is not bound beside a wildcard of its port, unless it asks for a socket of its own.
    private static func shareWildcards(_ addresses: [Address]) -> [Address] {
        var result: [Address] = []
        for address in addresses {
            let own = address.request.address
            let wildcard = addresses.firstIndex {
                $0.request.address.isWildcard && !own.isWildcard
                    && $0.request.address.family == own.family && $0.request.address.port == own.port
            }
            guard wildcard != nil, !address.request.options.isBound, !own.isUnix else {
                result.append(address)
                continue
            }
            result.append(
                Address(
                    request: address.request, binding: address.binding, specific: [], isBound: false))
        }
        for index in result.indices where result[index].request.address.isWildcard {
            let own = result[index].request.address
            result[index].specific =
                result.filter {
                    !$0.isBound && $0.request.address.family == own.family
                        && $0.request.address.port == own.port
                }
                .map(\.binding)
        }
        return result
    }
}

extension ServerBuilder {
    /// A server without `listen` listens on port 80, or 8000 without the right to that.
    func addStandardAddress() {
        listens.append(
            Listen(
                address: SocketAddress(ipv4: 0, port: Account.isSuperuser ? 80 : 8_000),
                options: ListenOptions(), isDefault: false, setsOptions: false,
                expectsProxyProtocol: false, position: Position(file: 0, line: 0, column: 0)))
    }

    var hasRegexNames: Bool {
        names.contains { if case .regex = $0 { true } else { false } }
    }
}
