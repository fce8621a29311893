import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Heads that are copied because they are made of the same as one before, and others that differ from it in one thing only.
    @Suite struct RecentHeads {
        private static let http = """
            map $arg_v $type { default text/plain; 2 text/other; }
            server {
                listen 127.0.0.1:8080; root files; default_type text/plain;
                location /plain { return 200 hello; }
                location /other { return 200 world; }
                location /created { return 201 hello; }
                location /named { server_tokens off; return 200 hello; }
                location /typed { default_type text/else1; return 200 hello; }
                location /charset { charset utf-8; return 200 hello; }
                location /charset2 { charset utf-7; return 200 hello; }
                location /timed { keepalive_timeout 75s 60s; return 200 hello; }
                location /timed2 { keepalive_timeout 75s 61s; return 200 hello; }
                location /marked { add_header X $arg_v; return 200 hello; }
                location /marked2 { add_header Y $arg_v; return 200 hello; }
                location /moved { add_header XY $arg_w; return 200 hello; }
                location /packed { gzip on; gzip_min_length 1; gzip_types *; }
                location /listed { add_header X 1; add_header X 2; return 200 hello; }
            }
            """

        private static let requests =
            ["/plain", "/other", "/created", "/named", "/typed", "/charset", "/charset2", "/timed", "/timed2", "/marked?v=1", "/marked?v=2",
             "/marked2?v=1", "/marked2?v=2", "/moved?w=", "/moved?w=1", "/listed", "/one.txt", "/two.txt", "/three.txt", "/packed/one.txt"]
            .map { Everything.get($0) } + [
                Everything.get("/packed/one.txt", "Accept-Encoding: gzip\r\n"), Everything.get("/plain", "Range: bytes=0-1\r\n"),
                Everything.get("/one.txt", "Range: bytes=0-2\r\n"), "HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Everything.get("/none"),
            ]

        private static func site() throws -> SimulatedSite {
            let site = try SimulatedSite(http: http)
            // The same length, and the same time but for the third: what tells them apart are the types and the tags.
            for name in ["one.txt", "two.txt", "packed/one.txt"] { site.put(name, Array("file".utf8)) }
            site.kernel.disk.put(SimulatedSite.prefix + "files/three.txt", Array("file".utf8), at: 1_000)
            return site
        }

        private static func heads(_ site: SimulatedSite, _ requests: [String]) -> [[String]] {
            let headOnly = Set(requests.indices.filter { requests[$0].hasPrefix("HEAD") })
            var steps: [ScriptedPeer.Step] = []
            for index in requests.indices {
                steps += [.send(Array(requests[index].utf8)), .wait(answers: index + 1, headOnly: headOnly.filter { $0 <= index })]
            }
            let client = site.client(steps)
            site.finish(client)
            return Answer.all(in: client.received, headOnly: headOnly).map(\.head)
        }

        @Test func eachIsTheOneThatWouldHaveBeenWritten() throws {
            let alone = try Self.requests.map { Self.heads(try Self.site(), [$0]) }
            let site = try Self.site()
            for first in Self.requests.indices {
                for second in Self.requests.indices where second != first {
                    let order = [first, first, first, second, second, second, first, second]
                    #expect(Self.heads(site, order.map { Self.requests[$0] }) == order.map { alone[$0][0] })
                }
            }
            #expect(site.problems() == [])
        }

        @Test func theDateGoesOn() throws {
            let site = try Self.site()
            func date() -> Substring? {
                let client = site.client(sends: Everything.get("/plain"))
                site.finish(client)
                return client.text.split(separator: "\r\n").first { $0.hasPrefix("Date: ") }
            }
            for _ in 0..<3 {
                let dates = (0..<4).map { _ in date() }
                #expect(dates[0] != nil && Set(dates).count == 1)
                site.run(milliseconds: 1_000)
                #expect(date() != dates[0])
            }
        }

        /// A worker that ends tells its clients so, though it has just told others that their connections are kept.
        @Test func aLeavingWorkerKeepsNobody() throws {
            let site = try Self.site()
            let request = Everything.get("/plain")
            #expect(Self.heads(site, [request, request, request]).allSatisfy { $0.contains("Connection: keep-alive") })
            let client = site.client([.send(Array(request.utf8.dropLast(2))), .pause(50), .send(Array("\r\n".utf8)), .waitForEnd])
            site.run(milliseconds: 10)
            site.quit()
            site.run { site.worker.loop.shouldStop }
            site.kernel.pass(milliseconds: 1_000)
            #expect(Answer.all(in: client.received).map(\.head).first?.contains("Connection: close") == true)
        }
    }
}
