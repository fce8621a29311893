import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// `open_file_cache`: what was found at a path holds for as long as nginx lets it hold.
    @Suite struct OpenFiles {
        private static func site(_ settings: String) throws -> SimulatedSite {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080; root files; log_not_found off; \(settings)
                        location / { }
                        location /try/ { try_files $uri /found; }
                    }
                    """)
            site.put("a", Array("old".utf8))
            site.put("large", [UInt8](repeating: 65, count: 100_000))
            return site
        }

        private static func get(_ site: SimulatedSite, _ path: String = "/a") -> String {
            let answer = site.ask(Everything.get(path)).first
            return answer?.status == 200 ? answer?.text ?? "" : "\(answer?.status ?? 0)"
        }

        /// As a deployment does it: the name stands for another file.
        private static func replace(_ site: SimulatedSite, _ name: String = "a", _ text: String = "newer") {
            try? remove(site, name)
            site.kernel.disk.put(SimulatedSite.prefix + "files/" + name, Array(text.utf8), at: site.kernel.wallMilliseconds())
        }

        private static func remove(_ site: SimulatedSite, _ name: String = "a") throws {
            try site.kernel.disk.unlink(SimulatedSite.prefix + "files/" + name)
        }

        @Test func withoutItEachRequestSeesTheFile() throws {
            let site = try Self.site("")
            #expect(Self.get(site) == "old")
            Self.replace(site)
            #expect(Self.get(site) == "newer")
            try Self.remove(site)
            #expect(Self.get(site) == "404")
        }

        @Test func aChangeIsSeenOnceTheFindingIsNotValidAnyMore() throws {
            let site = try Self.site("open_file_cache max=10; open_file_cache_valid 20s;")
            #expect(Self.get(site) == "old")
            Self.replace(site)
            site.run(milliseconds: 18_000)
            #expect(Self.get(site) == "old")
            site.run(milliseconds: 3_000)
            #expect(Self.get(site) == "newer")
            #expect(site.kernel.mistakes == [])
        }

        @Test func aRemovedFileIsServedAsLong() throws {
            let site = try Self.site("open_file_cache max=10; open_file_cache_valid 20s;")
            #expect(Self.get(site, "/large").count == 100_000)
            try Self.remove(site, "large")
            #expect(Self.get(site, "/large").count == 100_000)
            site.run(milliseconds: 21_000)
            #expect(Self.get(site, "/large") == "404")
        }

        @Test func whatNobodyUsesIsForgotten() throws {
            let site = try Self.site("open_file_cache max=10 inactive=5s; open_file_cache_valid 1h;")
            #expect(Self.get(site) == "old")
            Self.replace(site)
            site.run(milliseconds: 4_000)
            #expect(Self.get(site) == "old")
            site.run(milliseconds: 7_000)
            #expect(Self.get(site) == "newer")
        }

        @Test func theOneUnusedForLongestGoes() throws {
            let site = try Self.site("open_file_cache max=2; open_file_cache_valid 1h;")
            site.put("b", Array("b".utf8))
            site.put("c", Array("c".utf8))
            for path in ["/a", "/b", "/a", "/c"] { _ = Self.get(site, path) }
            for name in ["a", "b", "c"] { Self.replace(site, name) }
            #expect(["/a", "/c", "/b"].map { Self.get(site, $0) } == ["old", "c", "newer"])
        }

        @Test(arguments: [true, false])
        func failuresAreKeptIfThatIsWanted(_ keeps: Bool) throws {
            let site = try Self.site("open_file_cache max=10; open_file_cache_valid 20s; open_file_cache_errors \(keeps ? "on" : "off");")
            #expect(Self.get(site, "/b") == "404")
            site.put("b", Array("b".utf8))
            #expect(Self.get(site, "/b") == (keeps ? "404" : "b"))
            site.run(milliseconds: 21_000)
            #expect(Self.get(site, "/b") == "b")
        }

        @Test func aFileStaysOpenAfterItsUses() throws {
            let site = try Self.site("open_file_cache max=10; open_file_cache_valid 1h; open_file_cache_min_uses 3;")
            #expect(Self.get(site) == "old")
            Self.replace(site, "a", "second")
            #expect(Self.get(site) == "second")
            Self.replace(site, "a", "third")
            #expect(Self.get(site) == "third")
            Self.replace(site, "a", "fourth")
            #expect(Self.get(site) == "third")
        }

        @Test func whetherAFileIsThereIsKeptToo() throws {
            let site = try Self.site("open_file_cache max=10; open_file_cache_valid 20s; open_file_cache_errors on;")
            site.put("found", Array("fallback".utf8))
            #expect(Self.get(site, "/try/x") == "fallback")
            site.put("try/x", Array("x".utf8))
            #expect(Self.get(site, "/try/x") == "fallback")
            site.run(milliseconds: 21_000)
            #expect(Self.get(site, "/try/x") == "x")
        }
    }
}
