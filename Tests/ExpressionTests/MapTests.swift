@testable import ApusServer
import Testing

@Suite struct MapTests {
    let registry = VariableRegistry()

    private func table(_ entries: [[String]]) throws -> MapTable {
        var builder = MapBuilder(registry: registry)
        for entry in entries { try builder.add(entry.map(word)) }
        return builder.table
    }

    private func lookup(_ table: MapTable, _ texts: [String]) -> [String] {
        let scope = PlainScope(registry: registry)
        return texts.map { value(table.find(ByteString($0).span, in: scope), scope) }
    }

    @Test func exactTextsIgnoreCase() throws {
        let table = try table([["default", "d"], ["One", "1"], ["", "none"], ["*.x", "star"]])
        #expect(
            lookup(table, ["one", "ONE", "", "two", "*.x", "a.x"])
                == ["1", "1", "none", "d", "star", "d"])
    }

    @Test func withoutDefaultItIsEmpty() throws {
        #expect(lookup(try table([["a", "1"]]), ["b", "a"]) == ["", "1"])
    }

    @Test func hostnamesHaveNginxsPrecedence() throws {
        let table = try table([
            ["hostnames"], ["~^www", "regex"], ["default", "d"], ["mail.*", "mail"],
            ["mail.example.*", "longer"], ["*.example.com", "below"],
            ["*.a.example.com", "deeper"], ["www.example.com", "exact"], [".own.org", "own"],
        ])
        let hosts = [
            "www.example.com", "x.example.com", "example.com", "y.x.a.example.com",
            "a.example.com", "mail.net", "mail.example.net", "mail.example.com", "own.org",
            "x.OWN.org", "www.net", "net", "mail",
        ]
        let expected = [
            "exact", "below", "d", "deeper", "below", "mail", "longer", "below", "own",
            "own", "regex", "d", "d",
        ]
        #expect(lookup(table, hosts) == expected)
    }

    @Test func expressionsAreTriedInOrder() throws {
        let table = try table([
            ["~^/A/(.+)$", "case:$1"], ["~*^/a/(?<rest>.+)$", "caseless:$rest"], ["~^$", "empty"],
        ])
        try registry.freeze()
        #expect(lookup(table, ["/A/x", "/a/x", "/b", ""]) == ["case:x", "caseless:x", "", ""])
    }

    @Test func aBackslashTakesAwayTheMeaning() throws {
        let table = try table([["\\default", "1"], ["\\~a", "2"], ["\\\\b", "3"]])
        #expect(lookup(table, ["default", "~a", "\\b", "x"]) == ["1", "2", "3", ""])
    }

    @Test(arguments: [
        ([["a"]], "invalid number of the map parameters"),
        ([["a", "b", "c"]], "invalid number of the map parameters"),
        ([["default", "1"], ["default", "2"]], "duplicate default map parameter"),
        ([["a", "1"], ["A", "2"]], "conflicting parameter \"a\""),
        ([["hostnames"], ["*", "1"]], "invalid hostname or wildcard \"*\""),
        ([["hostnames"], ["a..b", "1"]], "invalid hostname or wildcard \"a..b\""),
        ([["hostnames"], ["a.*.b", "1"]], "invalid hostname or wildcard \"a.*.b\""),
        ([["hostnames"], ["*.a.*", "1"]], "invalid hostname or wildcard \"*.a.*\""),
        ([["hostnames"], ["a.b", "1"], [".a.b", "1"]], "conflicting parameter \".a.b\""),
        ([["hostnames"], [".a.b", "1"], ["a.b", "1"]], "conflicting parameter \"a.b\""),
        ([["hostnames"], [".a.b", "1"], ["*.a.b", "1"]], "conflicting parameter \"*.a.b\""),
        ([["~(", "1"]], "pcre2_compile() failed: missing closing parenthesis in \"(\""),
        ([["a", "$"]], "invalid variable name"),
    ])
    func mistakesAreRefused(_ entries: [[String]], _ expected: String) {
        #expect(message { _ = try table(entries) } == expected)
    }

    @Test func volatileIsKnown() throws {
        #expect(try table([["volatile"], ["a", "1"]]).isVolatile)
    }

    @Test func hostileHostNamesAreCheap() throws {
        let table = try table([["hostnames"], ["*.example.com", "1"], ["www.*", "2"]])
        let host = ByteString([UInt8](repeating: ASCII.dot, count: 1 << 20))
        let scope = PlainScope(registry: registry)
        #expect(value(table.find(host.span, in: scope), scope) == "")
    }
}

@Suite struct SplitTests {
    @Test(
        arguments: [
            ("", 0), ("a", 0x9268_5F5E), ("abcd", 0x2687_3021), ("10.0.0.1", 0x9F25_C2BD),
        ] as [(String, UInt32)])
    func hashIsMurmur2(_ text: String, _ expected: UInt32) {
        #expect(ByteString(text).span.murmur2 == expected)
    }
}
