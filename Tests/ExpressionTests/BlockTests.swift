@testable import ApusServer
import Testing

/// The blocks `map`, `split_clients` and `geo` as they stand in a file.
@Suite struct BlockTests {
    final class Blocks {
        let registry = VariableRegistry()
        private(set) var warnings: [String] = []

        func evaluate(_ text: String) throws(ConfigurationError) {
            let registry = registry
            try registry.declare("input") { scope, out in
                out.append((scope as? PlainScope)?.assigned ?? .empty)
                return true
            }
            let source = ConfigurationSource(
                files: MemoryFiles(["/t/c": text]), configurationPrefix: "/t/")
            let find: @Sendable (Invocation) -> VariableRegistry = { invocation in
                guard let blocks = invocation.builder as? Blocks else { preconditionFailure() }
                return blocks.registry
            }
            let client = GeoTable.Client(address: { _ in SocketAddress(ipv4: 0x0A01_0203, port: 5) }
            ) { _, address, trusted, _ in
                trusted.contains { $0.contains(address) }
                    ? SocketAddress(ipv4: 0x0808_0808, port: 0) : address
            }
            let rows = [
                Row.entries("map", in: .main, .exactly(2), "") {
                    invocation throws(ConfigurationError) in
                    try MapTable.declare(invocation, registry: find(invocation))
                },
                Row.entries("split_clients", in: .main, .exactly(2), "") {
                    invocation throws(ConfigurationError) in
                    try SplitTable.declare(invocation, registry: find(invocation))
                },
                Row.entries("geo", in: .main, .between(1, 2), "") {
                    invocation throws(ConfigurationError) in
                    try GeoTable.declare(invocation, registry: find(invocation), client: client)
                },
            ]
            let evaluation = Evaluation(prefix: "/t/", configurationPrefix: "/t/")
            let root = Scope(evaluation: evaluation, builder: self)
            try Evaluator(RowTable(rows)).evaluate(source.read("/t/c"), in: root)
            warnings = evaluation.warnings.map(\.message)
        }

        /// The values of `$out` for values of `$input`.
        func values(_ inputs: [String]) throws -> [String] {
            let index = try registry.reference("out")
            try registry.freeze()
            let scope = PlainScope(registry: registry)
            return inputs.map {
                scope.resetVariables()
                scope.assigned = ByteString($0)
                return scope.text(of: index) ?? "-"
            }
        }
    }

    private func values(_ text: String, _ inputs: [String]) throws -> [String] {
        let blocks = Blocks()
        try blocks.evaluate(text)
        return try blocks.values(inputs)
    }

    @Test func mapOfAMap() throws {
        let text = """
            map $input $first { default other; ~^a(.*)$ "<$1>"; }
            map "$first:$input" $out { hostnames; default "$first"; "<b>:ab" hit; }
            """
        #expect(try values(text, ["ab", "ac", "x"]) == ["hit", "<c>", "other"])
    }

    @Test func hostnamesLoseTheirLastDot() throws {
        let text = "map $input $out { hostnames; *.example.com 1; }"
        #expect(try values(text, ["a.example.com.", "a.example.com", "."]) == ["1", "1", ""])
    }

    @Test func sharesAreSplit() throws {
        let text = "split_clients $input $out { 0.5% a; 33.33% b; * c; }"
        let inputs = (0..<20_000).map { "client\($0)" }
        let found = try values(text, inputs)
        let counts = ["a", "b", "c"].map { text in found.count { $0 == text } }
        #expect((50...150).contains(counts[0]))
        #expect((6_400...6_900).contains(counts[1]))
        #expect(counts.reduce(0, +) == 20_000)
    }

    @Test func geoTakesTheLongestPrefix() throws {
        let text = """
            geo $input $out {
                default d; 10.0.0.0/8 a; 10.1.0.0/16 b; 10.1.2.3 c; 10.1.255.0/24 e; 10.255.0.0/16 f;
                255.255.255.255 unknown; 2001:db8::/32 v6; 2001:db8::1 one; ::/1 low; 127.0.0.0/8 l;
                delete 127.0.0.0/8;
            }
            """
        let addresses = [
            "9.255.255.255", "10.0.0.0", "10.1.0.0", "10.1.2.3", "10.1.2.4", "10.1.255.9",
            "10.2.0.0", "10.255.255.255", "11.0.0.0", "nonsense", "2001:db8::1", "2001:db8::2",
            "2001:db9::", "8000::", "::ffff:10.1.2.3", "127.0.0.1",
        ]
        let expected = [
            "d", "a", "b", "c", "b", "e", "a", "f", "d", "unknown", "one", "v6", "low", "d", "c",
            "d",
        ]
        #expect(try values(text, addresses) == expected)
    }

    @Test func geoOfTheClientAndItsProxy() throws {
        #expect(try values("geo $out { 10.0.0.0/8 in; }", [""]) == ["in"])
        let text = "geo $out { proxy 10.0.0.0/8; 10.0.0.0/8 in; 8.8.8.8 forwarded; }"
        #expect(try values(text, [""]) == ["forwarded"])
    }

    @Test func rangesSplitRanges() throws {
        let text = """
            geo $input $out {
                ranges; default d; 10.0.0.0-10.2.0.255 a; 10.0.0.5-10.0.0.9 b; 10.0.0.5-10.0.0.6 c;
                10.0.0.9-10.0.0.9 e; 1.0.0.0-1.0.0.1 x; delete 1.0.0.0-1.0.0.1;
            }
            """
        let addresses = [
            "9.255.255.255", "10.0.0.4", "10.0.0.5", "10.0.0.7", "10.0.0.9", "10.0.0.10",
            "10.1.5.5", "10.2.0.255", "10.2.1.0", "1.0.0.0", "::1", "x",
        ]
        #expect(
            try values(text, addresses) == [
                "d", "a", "c", "b", "e", "a", "a", "a", "d", "d", "d", "d",
            ])
    }

    @Test func geoWarns() throws {
        let blocks = Blocks()
        try blocks.evaluate(
            """
            geo $a { 10.0.0.1/8 a; 10.0.0.0/8 b; delete 1.0.0.0/8; }
            geo $b { ranges; 1.0.0.0-1.0.0.9 a; 1.0.0.0-1.0.0.9 b; default a; default b;
                delete 2.0.0.0-2.0.0.1; }
            """)
        #expect(
            blocks.warnings == [
                "low address bits of 10.0.0.1/8 are meaningless",
                "duplicate network \"10.0.0.0/8\", value: \"b\", old value: \"a\"",
                "no network \"1.0.0.0/8\" to delete",
                "duplicate range \"1.0.0.0-1.0.0.9\", value: \"b\", old value: \"a\"",
                "duplicate default geo range value: \"b\", old value: \"a\"",
                "no address range \"2.0.0.0-2.0.0.1\" to delete",
            ])
    }

    @Test(arguments: [
        ("map $input out { }", "invalid variable name \"out\""),
        ("map $input $input { }", "the duplicate \"input\" variable"),
        ("map $input $ { }", "invalid variable name \"$\""),
        ("map $input $out { a; }", "invalid number of the map parameters"),
        ("split_clients $input $out { 50 a; }", "invalid percent value \"50\""),
        ("split_clients $input $out { 0% a; }", "invalid percent value \"0%\""),
        ("split_clients $input $out { 1.234% a; }", "invalid percent value \"1.234%\""),
        ("split_clients $input $out { 60% a; 60% b; }", "percent total is greater than 100%"),
        ("split_clients $input $out { * a; 1% b; }", "percent total is greater than 100%"),
        ("geo $out { 10.0.0.0/33 a; }", "invalid network \"10.0.0.0/33\""),
        ("geo $out { ::/129 a; }", "invalid network \"::/129\""),
        ("geo $out { host a; }", "invalid network \"host\""),
        ("geo $out { 1.1.1.1; }", "invalid number of the geo parameters"),
        (
            "geo $out { default a; ranges; }",
            "the \"ranges\" directive must be the first directive inside \"geo\" block"
        ),
        ("geo $out { ranges; 1.1.1.2-1.1.1.1 a; }", "invalid range \"1.1.1.2-1.1.1.1\""),
        (
            "geo $out { ranges; 1.1.1.1-1.1.1.5 a; 1.1.1.3-1.1.1.9 b; }",
            "range \"1.1.1.3-1.1.1.9\" overlaps \"1.1.1.1-1.1.1.5\""
        ),
    ])
    func mistakesAreRefused(_ text: String, _ expected: String) {
        #expect(message { try Blocks().evaluate(text) } == expected)
    }
}
