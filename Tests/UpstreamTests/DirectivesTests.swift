@testable import ApusServer
import Testing


/// The directives of `upstream` blocks: what they build, and nginx's errors.
struct DirectivesTests {
    final class Builder {
        let zones = SharedZones()
        let variables = VariableRegistry()
        let registry: UpstreamRegistry
        private(set) var warnings: [String] = []

        init(_ family: UpstreamRegistry.Family) {
            registry = UpstreamRegistry(family, zones: zones, variables: variables)
        }

        /// Evaluates the content of `http` or `stream` and builds the groups.
        func evaluate(_ text: String) throws(ConfigurationError) {
            let files = MemoryFiles(["/t/c": text])
            let source = ConfigurationSource(files: files, configurationPrefix: "/t/")
            let outer = registry.family == .http ? "http" : "stream"
            let find: UpstreamDirectives.Find = { scope in
                guard let builder = scope.builder as? Builder else { preconditionFailure() }
                return builder.registry
            }
            let rows =
                [
                    Row.block(outer, in: .main, .none, "") { invocation in
                        Scope(outer == "http" ? .http : .stream, in: invocation.scope)
                    }
                ] + UpstreamDirectives.rows(registry.family, registry: find)
            let evaluation = Evaluation(prefix: "/t/", configurationPrefix: "/t/")
            let root = Scope(evaluation: evaluation, builder: self)
            try Evaluator(RowTable(rows)).evaluate(source.read("/t/c"), in: root)
            warnings = evaluation.warnings.map(\.message)
            try registry.build()
        }
    }

    private func built(
        _ content: String, _ family: UpstreamRegistry.Family = .http
    ) throws -> UpstreamDeclaration {
        let builder = Builder(family)
        let outer = family == .http ? "http" : "stream"
        try builder.evaluate("\(outer) {\nupstream u {\n\(content)\n}\n}\n")
        return builder.registry.declarations[0]
    }

    /// The message and its line, counted from the first line of the block's content.
    private func error(_ content: String, _ family: UpstreamRegistry.Family = .http) -> String {
        do {
            _ = try built(content, family)
            return "none"
        } catch let error as ConfigurationError {
            return "\((error.position?.line ?? 0) - 2): \(error.message)"
        } catch {
            return "other"
        }
    }

    @Test func aServerHasNginxsDefaults() throws {
        let group = try built("server 127.0.0.1;").group
        #expect(group.name == "u")
        #expect(group.method == .roundRobin)
        #expect(group.peers.map(\.name) == ["127.0.0.1:80"])
        #expect(group.peers[0].options == PeerOptions())
        #expect(group.keepalive == KeepaliveSettings())
    }

    @Test func aServersParametersAreRead() throws {
        let group = try built(
            """
            server [::1]:81 backup;
            server unix:/tmp/s weight=2 max_conns=3 max_fails=4 fail_timeout=1m down route=r;
            """
        ).group
        var options = PeerOptions()
        options.limits.weight = 2
        options.limits.maxConnections = 3
        options.limits.maxFails = 4
        options.limits.failTimeout = 60
        options.limits.isDown = true
        options.route = "r"
        #expect(group.peers[0].options == options)
        #expect(group.peers.map(\.name) == ["unix:/tmp/s", "[::1]:81"])
        #expect(group.peers.map(\.index) == [0, 1])
    }

    @Test(arguments: [
        ("server 127.0.0.1 weight=0;", "1: invalid parameter \"weight=0\""),
        ("server 127.0.0.1 weight=x;", "1: invalid parameter \"weight=x\""),
        ("server 127.0.0.1 fail_timeout=x;", "1: invalid parameter \"fail_timeout=x\""),
        ("server 127.0.0.1 slow_start=1s;", "1: invalid parameter \"slow_start=1s\""),
        ("server 127.0.0.1 route=;", "1: route is empty"),
        ("server 127.0.0.1:0;", "1: invalid port in upstream \"127.0.0.1:0\""),
        ("server no.such.name.invalid;", "1: host not found in upstream \"no.such.name.invalid\""),
        ("", "2: no servers are inside upstream"),
        ("ip_hash;", "2: no servers are inside upstream"),
        ("server 127.0.0.1 backup;", "0: no servers in upstream \"u\""),
        (
            "ip_hash;\nserver 127.0.0.1 backup;",
            "2: balancing method does not support parameter \"backup\""
        ),
        ("zone z 1k;", "1: zone \"z\" is too small"),
        ("zone z x;", "1: invalid zone size \"x\""),
        ("zone \"\" 64k;", "1: invalid zone name \"\""),
        ("keepalive x;", "1: invalid value \"x\" in \"keepalive\" directive"),
        ("keepalive 1 x;", "1: invalid parameter \"x\""),
        ("keepalive 1;\nkeepalive 2;", "2: \"keepalive\" directive is duplicate"),
        ("hash $k foo;", "1: invalid parameter \"foo\""),
        ("random three;", "1: invalid parameter \"three\""),
        ("random two least_time;", "1: invalid parameter \"least_time\""),
    ])
    func mistakesAreToldInNginxsWords(content: String, expected: String) {
        #expect(error(content) == expected)
    }

    @Test func streamServersNeedAPort() throws {
        #expect(error("server 127.0.0.1;", .stream) == "1: no port in upstream \"127.0.0.1\"")
        #expect(try built("server 127.0.0.1:1;", .stream).group.peers.count == 1)
        #expect(error("ip_hash;", .stream).contains("\"ip_hash\""))
    }

    @Test func methodsAreChosen() throws {
        func method(_ text: String) throws -> BalancingMethod {
            try built("\(text)\nserver 127.0.0.1;").group.method
        }
        #expect(try method("least_conn;") == .leastConnections)
        #expect(try method("ip_hash;") == .addressHash)
        #expect(try method("hash key;") == .keyHash)
        #expect(try method("hash key consistent;") == .consistentHash)
        #expect(try method("random;") == .random)
        #expect(try method("random two least_conn;") == .randomTwo)
        #expect(try built("hash key;\nserver 127.0.0.1;").group.hashKey?.constant == "key")
    }

    @Test func aSecondMethodIsWarnedOf() throws {
        let builder = Builder(.http)
        try builder.evaluate("http { upstream u { ip_hash; least_conn; server 127.0.0.1; } }")
        #expect(builder.warnings == ["load balancing method redefined"])
    }

    @Test func keepaliveIsSet() throws {
        let keepalive = try built(
            """
            server 127.0.0.1; keepalive 5; keepalive_requests 7; keepalive_time 2h;
            keepalive_timeout 3s;
            """
        ).group.keepalive
        #expect(keepalive.connections == 5)
        #expect(!keepalive.isLocal)
        #expect(keepalive.requests == 7)
        #expect(keepalive.lifetime == 7_200_000)
        #expect(keepalive.idleTimeout == 3000)
    }

    @Test func groupsInAZoneShareTheirState() throws {
        let builder = Builder(.http)
        try builder.evaluate(
            """
            http { upstream a { zone z 64k; server 127.0.0.1:1; server 127.0.0.1:2; }
            upstream b { zone z; server 127.0.0.1:3; } }
            """)
        try builder.zones.open()
        let groups = builder.registry.declarations.map(\.group)
        let held = PeerSelection(group: groups[0])
        #expect(held.nextPeer(now: 1)?.address.port == 1)
        #expect(groups[0].snapshot().map(\.connections) == [1, 0])
        #expect(groups[1].snapshot().map(\.connections) == [0])
        #expect(PeerState(weight: 1).mended(weight: 1) == PeerState(weight: 1))
    }

    @Test func namesOfBlocksAreUnique() throws {
        let server = "server 127.0.0.1;"
        #expect(throws: (any Error).self) {
            try Builder(.http).evaluate(
                "http { upstream u { \(server) } upstream U { \(server) } }")
        }
    }

    @Test func referencesMeetTheirBlocks() throws {
        let builder = Builder(.http)
        let place = Position(file: 0, line: 1, column: 1)
        let rules = AddressText.Rules(allowsURI: true, resolves: false, defaultPort: 80)
        let early = try builder.registry.reference(AddressText("u", rules), at: place)
        let literal = try builder.registry.reference(AddressText("127.0.0.1:90", rules), at: place)
        try builder.evaluate("http { upstream u { server 127.0.0.1:1; } }")
        let late = try builder.registry.reference(AddressText("U/path", rules), at: place)
        #expect(early === late)
        #expect(early.group.peers.count == 1)
        #expect(early.isExplicit)
        #expect(literal.group.peers.map(\.name) == ["127.0.0.1:90"])
        #expect(literal.group.keepalive == .none)
        do {
            _ = try builder.registry.reference(AddressText("u:8080", rules), at: place)
            Issue.record("a port on a block's name is refused")
        } catch let error as ConfigurationError {
            #expect(error.message == "upstream \"u\" may not have port 8080")
        }
    }
}
