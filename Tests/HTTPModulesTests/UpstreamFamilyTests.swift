import Testing

@testable import ApusServer

/// The directives of modules that pass requests on, counted against those of nginx's documentation.
@Suite struct UpstreamFamilyTests {
    private static let http: Contexts = [.http, .server, .location, .ifInServer, .ifInLocation, .limitExcept]

    /// Documented for locations alone, and taken everywhere.
    private static let wider: Set<String> = ["fastcgi_split_path_info"]
    /// Documented for other blocks than those of http, where they are ours alone.
    private static let added: Set<String> = ["proxy_protocol"]

    @Test(arguments: ["proxy_", "fastcgi_", "uwsgi_", "scgi_", "grpc_", "memcached_"])
    func noneIsMissing(_ prefix: String) throws {
        var rows: [String: Contexts] = [:]
        for row in Roster.rows where row.name.hasPrefix(prefix) {
            #expect(rows[row.name] == nil, "\(row.name) is declared twice")
            rows[row.name] = row.contexts
        }
        var documented: Set<String> = []
        for name in KnownDirectives.names where name.text.hasPrefix(prefix) {
            let found = KnownDirectives.find(name.span)
            let contexts = try #require(found).contexts.intersection(Self.http)
            if contexts.isEmpty { continue }
            documented.insert(name.text)
            let row = try #require(rows[name.text], "\(name.text) has no row")
            let isAsDocumented = row == contexts || Self.wider.contains(name.text) && row.isSuperset(of: contexts)
            #expect(isAsDocumented, "\(name.text): \(row.texts), and documented \(contexts.texts)")
        }
        #expect(Set(rows.keys).subtracting(documented).isSubset(of: Self.added))
    }
}
