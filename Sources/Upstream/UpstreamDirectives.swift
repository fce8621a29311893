/// The directives of `upstream` blocks, for `http` and for `stream`.
enum UpstreamDirectives {
    /// Finds the registry that a scope's configuration is built into.
    typealias Find = @Sendable (Scope) -> UpstreamRegistry

    /// `upstream` itself, in `outer` (`.http` or `.stream`), and its content.
    static func rows(
        _ family: UpstreamRegistry.Family, registry: @escaping Find
    ) -> [Row] {
        let outer: Contexts = family == .http ? .http : .stream
        let inner: Contexts = family == .http ? .upstream : .streamUpstream
        let shared = [
            block(in: outer, inner, registry), server(in: inner, registry),
            zone(in: inner, registry), leastConnections(in: inner), hash(in: inner, registry),
            random(in: inner),
        ]
        let http = [addressHash(in: inner)] + keepalive(in: inner)
        return shared + (family == .http ? http : []) + unsupported(family, in: inner)
    }

    private static func block(
        in outer: Contexts, _ inner: Contexts, _ registry: @escaping Find
    ) -> Row {
        .block(
            "upstream", in: outer, .one, "Defines a group of servers that requests are sent to.",
            evaluated: .inPlace, syntax: "name { ... }"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let declaration = try registry(invocation.scope).define(
                invocation[0], at: invocation.directive.terminator)
            let scope = Scope(inner, in: invocation.scope, owner: declaration)
            scope.whenFinished { (_: Scope) throws(ConfigurationError) in
                if declaration.servers.isEmpty {
                    throw ConfigurationError("no servers are inside upstream")
                }
            }
            return scope
        }
    }

    private static func zone(in contexts: Contexts, _ registry: @escaping Find) -> Row {
        .custom(
            "zone", in: contexts, .oneOf(1, 2),
            "Keeps the state of the group's servers in a shared memory zone, so that all workers see it.",
            syntax: "name [size]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let name = invocation[0]
            if name.isEmpty { throw invocation.fail("invalid zone name \"\"") }
            var size: Int?
            if invocation.arguments.count == 2 {
                size = Units.size(invocation[1])
                if size == nil {
                    throw invocation.fail(
                        "invalid zone size \"\(invocation[1])\"", at: invocation.arguments[1])
                }
            }
            let registry = registry(invocation.scope)
            let kind = registry.family == .http ? "upstream" : "stream upstream"
            do throws(ZoneError) {
                declaration(of: invocation).zone = try registry.zones.zone(
                    name: name, size: size, kind: kind, isKeptOverReloads: false)
            } catch {
                throw invocation.fail(error.message)
            }
        }
    }

    // MARK: - Methods

    private static func leastConnections(in contexts: Contexts) -> Row {
        .custom(
            "least_conn", in: contexts, .none,
            "Sends a request to the server with the fewest connections for its weight."
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            choose(.leastConnections, in: invocation)
        }
    }

    private static func addressHash(in contexts: Contexts) -> Row {
        .custom(
            "ip_hash", in: contexts, .none,
            "Sends requests of one client network to the same server."
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            choose(.addressHash, in: invocation)
        }
    }

    private static func hash(in contexts: Contexts, _ registry: @escaping Find) -> Row {
        .custom(
            "hash", in: contexts, .oneOf(1, 2),
            "Sends requests with one value of a key to the same server; `consistent` moves few keys when servers change.",
            syntax: "key [consistent]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let key = try Template(
                compiling: invocation[0], registry: registry(invocation.scope).variables,
                at: invocation.arguments[0].position)
            declaration(of: invocation).hashKey = key
            let isConsistent = invocation.arguments.count == 2
            // nginx warns of a redefinition before it looks at the parameter.
            choose(isConsistent ? .consistentHash : .keyHash, in: invocation)
            if isConsistent, invocation[1] != "consistent" {
                throw invocation.invalidParameter(invocation.arguments[1])
            }
        }
    }

    private static func random(in contexts: Contexts) -> Row {
        .custom(
            "random", in: contexts, .between(0, 2),
            "Sends a request to a random server by weight; `two` to the less busy one of two.",
            syntax: "[two [least_conn]]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            choose(invocation.arguments.isEmpty ? .random : .randomTwo, in: invocation)
            for (word, expected) in zip(invocation.arguments, ["two", "least_conn"]) {
                if word.value != ByteString(expected) { throw invocation.invalidParameter(word) }
            }
        }
    }

    private static func choose(_ method: BalancingMethod, in invocation: Invocation) {
        let declaration = declaration(of: invocation)
        if declaration.method != nil { invocation.warn("load balancing method redefined") }
        declaration.method = method
    }

    // MARK: - Idle connections

    private static func keepalive(in contexts: Contexts) -> [Row] {
        [
            .custom(
                "keepalive", in: contexts, .oneOf(1, 2),
                "Idle connections to the group's servers that each worker keeps; 0 keeps none.",
                mayRepeat: false, syntax: "connections [local]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                guard let number = Units.number(invocation[0]) else {
                    throw invocation.fail(
                        "invalid value \"\(invocation[0])\" in \"keepalive\" directive",
                        at: invocation.arguments[0])
                }
                let isLocal = invocation.arguments.count == 2
                if isLocal, invocation[1] != "local" {
                    throw invocation.invalidParameter(invocation.arguments[1])
                }
                declaration(of: invocation).keepalive.connections = number
                declaration(of: invocation).keepalive.isLocal = isLocal
            },
            .custom(
                "keepalive_requests", in: contexts, .one,
                "Requests after which a connection is closed.", mayRepeat: false, syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                declaration(of: invocation).keepalive.requests = try invocation.number()
            },
            .custom(
                "keepalive_time", in: contexts, .one,
                "The age at which a connection is closed after its request.", mayRepeat: false,
                syntax: "time"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                declaration(of: invocation).keepalive.lifetime = try invocation.milliseconds()
            },
            .custom(
                "keepalive_timeout", in: contexts, .one,
                "How long a connection is kept idle.", mayRepeat: false, syntax: "timeout"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                declaration(of: invocation).keepalive.idleTimeout = try invocation.milliseconds()
            },
        ]
    }

    // MARK: - Not there yet

    private static func unsupported(
        _ family: UpstreamRegistry.Family, in contexts: Contexts
    ) -> [Row] {
        let shared: [Row] = [
            .unsupported(
                "resolver", in: contexts, "DNS servers for names resolved at run time.",
                advice: "server names are resolved once, when the configuration is read"),
            .unsupported(
                "resolver_timeout", in: contexts, "The time for resolving a name.",
                advice: "server names are resolved once, when the configuration is read"),
            .unsupported(
                "state", in: contexts, "A file that keeps the group's servers.",
                advice: "list the servers in the block"),
            .unsupported(
                "least_time", in: contexts, "Balances by response time and connections.",
                advice: "least_conn is the nearest method"),
        ]
        guard family == .http else { return shared }
        return shared + [
            .unsupported(
                "queue", in: contexts, "Lets requests wait for a server.",
                advice: "raise max_conns of the servers"),
            .unsupported("ntlm", in: contexts, "Proxies requests with NTLM authentication."),
            .unsupported(
                "sticky", in: contexts, "Keeps a client's session on one server.",
                advice: "\"ip_hash;\" or \"hash $cookie_NAME consistent;\" does nearly the same"),
        ]
    }

    static func declaration(of invocation: Invocation) -> UpstreamDeclaration {
        guard let declaration = invocation.scope.owner as? UpstreamDeclaration else {
            preconditionFailure("a directive of upstream blocks outside of one")
        }
        return declaration
    }
}
