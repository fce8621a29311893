import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Compressed bodies of files kept in memory: sent again as long as the file is what it was, and only where they belong.
    @Suite struct KeptBodies {
        private static let large = (0..<5_000).map { "line \($0 * $0 % 977)\n" }.joined()

        private static func site() throws -> SimulatedSite {
            let site = try SimulatedSite(
                http: """
                    log_format test2 '$request_uri $gzip_ratio';
                    server {
                        listen 127.0.0.1:8080; root files; keepalive_requests 100000;
                        types { text/html html; text/plain txt; }
                        gzip on; gzip_types text/plain; gzip_vary on;
                        access_log logs/access.log test2;
                        location /six/ { alias files/; gzip_comp_level 6; }
                        location /plain/ { alias files/; gzip off; }
                        location /other/ { alias files/; sub_filter_types *; sub_filter line LINE; sub_filter_once off; }
                        location /after/ { alias files/; add_after_body /end.txt; addition_types *; }
                        location /error/ { error_page 404 /page.txt; }
                        location /old/ { alias files/; gzip_disable old; }
                    }
                    """)
            site.put("page.txt", Array(large.utf8))
            site.put("end.txt", Array("the end\n".utf8))
            site.put("small.txt", Array(String(repeating: "small ", count: 300).utf8))
            return site
        }

        private static func get(_ path: String, _ fields: String = "Accept-Encoding: gzip\r\n", method: String = "GET") -> String {
            "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
        }

        /// The one answer, its body decoded if it is compressed.
        private static func ask(_ site: SimulatedSite, _ request: String) throws -> (answer: Answer, text: String) {
            let answers = site.ask(request)
            let answer = try #require(answers.first)
            #expect(answers.count == 1 && answer.isComplete)
            guard answer.value(of: "Content-Encoding") == "gzip", !answer.body.isEmpty else { return (answer, answer.text) }
            let inflater = try #require(Inflater())
            var place = 0
            let out = Buffer(capacity: 1_000_000)
            let input = ByteString(answer.body)
            #expect(inflater.inflate(input.span, from: &place, isLast: true, into: out) == .taken)
            #expect(inflater.isAtEnd)
            return (answer, String(decoding: Array(copying: out.span), as: UTF8.self))
        }

        private static func reads(_ site: SimulatedSite) -> Int { site.kernel.failures.counts[.read, default: 0] }

        @Test(arguments: ["/page.txt", "/small.txt"]) func theSecondAnswerIsTheFirstAgain(_ path: String) throws {
            let site = try Self.site()
            let first = try Self.ask(site, Self.get(path))
            let before = Self.reads(site)
            let second = try Self.ask(site, Self.get(path))
            #expect(Self.reads(site) == before)
            #expect(second.answer == first.answer)
            #expect(second.text == first.text)
            #expect(first.answer.value(of: "Transfer-Encoding") == "chunked")
            #expect(first.answer.value(of: "ETag")?.hasPrefix("W/") == true)
            let ratios = site.accessLog.map { $0.split(separator: " ").last ?? "" }
            #expect(ratios.count == 2 && ratios[0] == ratios[1] && ratios[0] != "-")
            #expect(site.problems() == [])
        }

        @Test func aChangedFileIsCompressedAnew() throws {
            let site = try Self.site()
            for round in 0..<4 {
                let text = String(repeating: "version \(round) ", count: 8_000)
                site.kernel.disk.put(
                    SimulatedSite.prefix + "files/page.txt", Array(text.utf8),
                    at: site.kernel.wallMilliseconds() - 100_000_000 + round)
                for _ in 0..<3 { #expect(try Self.ask(site, Self.get("/page.txt")).text == text) }
            }
            #expect(site.problems() == [])
        }

        @Test func aFileThatMayStillChangeIsNotKept() throws {
            let site = try Self.site()
            let path = SimulatedSite.prefix + "files/page.txt"
            let now = site.kernel.wallMilliseconds()
            for text in ["first", "other", "third"].map({ String(repeating: $0, count: 10_000) }) {
                // The same times and the same size.
                site.kernel.disk.put(path, Array(text.utf8), at: now)
                #expect(try Self.ask(site, Self.get("/page.txt")).text == text)
            }
            #expect(site.problems() == [])
        }

        @Test func eachPlaceGetsItsOwn() throws {
            let site = try Self.site()
            for _ in 0..<3 {
                let fast = try Self.ask(site, Self.get("/page.txt"))
                let dense = try Self.ask(site, Self.get("/six/page.txt"))
                #expect(fast.text == Self.large)
                #expect(dense.text == Self.large)
                #expect(fast.answer.body != dense.answer.body)
                let plain = try Self.ask(site, Self.get("/plain/page.txt"))
                #expect(plain.answer.value(of: "Content-Encoding") == nil && plain.text == Self.large)
                #expect(try Self.ask(site, Self.get("/page.txt", "")).answer.value(of: "Content-Encoding") == nil)
                let old = try Self.ask(site, Self.get("/old/page.txt", "Accept-Encoding: gzip\r\nUser-Agent: old\r\n"))
                #expect(old.answer.value(of: "Content-Encoding") == nil && old.text == Self.large)
                let other = try Self.ask(site, Self.get("/other/page.txt"))
                #expect(other.text == Self.large.split(separator: "line", omittingEmptySubsequences: false).joined(separator: "LINE"))
                #expect(try Self.ask(site, Self.get("/after/page.txt")).text == Self.large + "the end\n")
                let missing = try Self.ask(site, Self.get("/error/none"))
                #expect(missing.answer.status == 404 && missing.text == Self.large)
            }
            #expect(site.problems() == [])
        }

        @Test func conditionsAndRangesAreWhatTheyWere() throws {
            let site = try Self.site()
            for _ in 0..<3 {
                let head = site.client([.send(Array(Self.get("/page.txt", method: "HEAD").utf8)), .wait { $0.text.contains("\r\n\r\n") }])
                site.finish(head)
                let answer = try #require(Answer.all(in: head.received, headOnly: [0]).first)
                #expect(answer.value(of: "Content-Encoding") == "gzip" && answer.value(of: "Content-Length") == nil)
                let ranged = try Self.ask(site, Self.get("/page.txt", "Accept-Encoding: gzip\r\nRange: bytes=5-9\r\n"))
                #expect(ranged.answer.status == 200 && ranged.text == Self.large)
                let part = try Self.ask(site, Self.get("/page.txt", "Range: bytes=5-9\r\n"))
                #expect(part.answer.status == 206 && part.text == String(Self.large.dropFirst(5).prefix(5)))
                let tag = try #require(try Self.ask(site, Self.get("/page.txt")).answer.value(of: "ETag"))
                let same = try Self.ask(site, Self.get("/page.txt", "Accept-Encoding: gzip\r\nIf-None-Match: \(tag)\r\n"))
                #expect(same.answer.status == 304 && same.answer.body.isEmpty)
            }
            #expect(site.problems() == [])
        }

        @Test func aFileThatIsCutShortWhileItIsSentIsNotKept() throws {
            let site = try Self.site()
            let text = (0..<250_000).map { String($0 &* 7_919 % 9_973 % 10) }.joined()
            site.put("page.txt", Array(text.utf8))
            let slow = site.client(
                capacity: 1_000,
                [
                    .send(Array(Self.get("/page.txt").utf8)), .pause(50),
                    .act { _ in site.put("page.txt", Array("short".utf8)) }, .waitForEnd,
                ])
            site.finish(slow)
            site.put("page.txt", Array(text.utf8))
            #expect(try Self.ask(site, Self.get("/page.txt")).text == text)
        }
    }

    @Suite struct KeptBodiesBound {
        @Test func whatWasUnusedForLongestGoes() throws {
            let bodies = ApusServer.KeptBodies()
            let shape = Compressor.Shape.zlib(level: 1, windowBits: 15, memoryLevel: 8)
            var status = FileStatus()
            status.size = 200_000
            let bytes = Buffer(capacity: 100_000)
            bytes.append(repeating: 1, count: 100_000)
            for inode in 1...400 as ClosedRange<UInt64> {
                status.inode = inode
                bodies.keep(bytes, of: status, shape, .gzip, ratio: 200)
                #expect(bodies.size <= ApusServer.KeptBodies.budget)
                var first = status
                first.inode = 1
                // Used all the time, so it stays.
                #expect(bodies.find(first, shape) != nil)
            }
            status.inode = 2
            #expect(bodies.find(status, shape) == nil)
            status.inode = 400
            #expect(bodies.find(status, shape) != nil)
            #expect(bodies.find(status, .zlib(level: 2, windowBits: 15, memoryLevel: 8)) == nil)
            status.changedNanoseconds += 1
            #expect(bodies.find(status, shape) == nil)
        }
    }
}
