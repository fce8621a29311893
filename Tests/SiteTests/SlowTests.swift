import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Who is slow is waited for exactly as long as the configuration says.
    @Suite struct Slow {
        static let http = """
            client_header_timeout 20s;
            client_body_timeout 10s;
            send_timeout 15s;
            keepalive_timeout 30s;
            lingering_timeout 3s;
            lingering_time 8s;
            server {
                listen 127.0.0.1:8080;
                server_name a;
                root files;
                client_max_body_size 0;
                location /return { return 200 hello; }
                location /app/ {
                    proxy_pass http://127.0.0.1:9000;
                    proxy_connect_timeout 4s;
                    proxy_send_timeout 5s;
                    proxy_read_timeout 6s;
                }
            }
            """

        private static func site() throws -> SimulatedSite {
            let site = try SimulatedSite(http: http)
            site.put("large.txt", Everything.large)
            return site
        }

        /// How long a client's connection lasts, in milliseconds.
        private static func lifetime(
            _ site: SimulatedSite, capacity: Int? = nil, _ steps: [ScriptedPeer.Step]
        ) throws -> (client: ScriptedPeer, time: Int) {
            let start = site.kernel.now
            let client = site.client(capacity: capacity, steps + [.waitForEnd])
            site.finish(client)
            return (client, try #require(client.endedAt) - start)
        }

        /// The wheel's ticks are 4 ms wide.
        private static func isAbout(_ time: Int, seconds: Int) -> Bool {
            time >= seconds * 1_000 && time <= seconds * 1_000 + 10
        }

        /// Asks the application, and tells how long the answer took.
        private static func answer(_ site: SimulatedSite) -> (client: ScriptedPeer, time: Int) {
            let start = site.kernel.now
            let client = site.client(sends: Everything.get("/app/"))
            site.finish(client)
            return (client, client.lastArrival - start)
        }

        /// The error log has one line, which has these parts.
        private static func expect(_ site: SimulatedSite, _ parts: String...) {
            let lines = site.errorLog.filter { $0.contains("timed out") }
            #expect(lines.count == 1 && parts.allSatisfy { lines[0].contains($0) }, "\(site.errorLog)")
        }

        // MARK: - Clients

        @Test func nothingIsSent() throws {
            let site = try Self.site()
            let (client, time) = try Self.lifetime(site, [])
            #expect(Self.isAbout(time, seconds: 20))
            #expect(client.received.isEmpty)
            #expect(site.accessLog == [])
            #expect(site.problems() == [])
        }

        @Test func headAtOneByteASecond() throws {
            let site = try Self.site()
            let text = "GET /return HTTP/1.1\r\nHost: a\r\nX: 12345678901234567890\r\n\r\n"
            let (client, time) = try Self.lifetime(site, [.byteByByte(text, gap: 1_000)])
            #expect(Self.isAbout(time, seconds: 20), "\(time)")
            #expect(client.received.isEmpty)
            #expect(site.accessLog == ["GET /return HTTP/1.1|408|0|0|-|-"])
            Self.expect(site, "client timed out", "while reading client request line")
            #expect(site.problems() == [])
        }

        @Test func headersAtOneByteASecond() throws {
            let site = try Self.site()
            let line = "GET /return HTTP/1.1\r\n"
            let (_, time) = try Self.lifetime(
                site, [.send(line), .byteByByte("Host: a\r\nX: 12345678901234567890\r\n\r\n", gap: 1_000)])
            #expect(Self.isAbout(time, seconds: 20), "\(time)")
            #expect(site.accessLog.count == 1)
            #expect(site.accessLog[0].hasPrefix("GET /return HTTP/1.1|408|0|"))
            Self.expect(site, "client timed out", "while reading client request headers")
            #expect(site.problems() == [])
        }

        @Test func headThatIsJustInTime() throws {
            let site = try Self.site()
            let client = site.client(
                [.byteByByte("GET /return HTTP/1.0\r\n\r\n", gap: 800), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.status) == [200])
            #expect(site.problems() == [])
        }

        @Test func bodyAtOneByteASecondIsReadToItsEnd() throws {
            let site = try Self.site()
            _ = site.upstream(answers: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            let body = String(repeating: "x", count: 50)
            let client = site.client([
                .send("POST /app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n"),
                .byteByByte(body, gap: 1_000), .wait(answers: 1),
            ])
            site.finish(client)
            #expect(client.answers.map(\.text) == ["ok"])
            #expect(site.problems() == [])
        }

        @Test(arguments: [true, false])
        func bodyThatStops(_ isChunked: Bool) throws {
            let site = try Self.site()
            let field = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 50"
            let (client, time) = try Self.lifetime(
                site,
                [.send("POST /app/ HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n"), .pause(5_000), .send("5\r\n12")])
            #expect(Self.isAbout(time, seconds: 15), "\(time)")
            #expect(client.received.isEmpty)
            #expect(site.accessLog.first?.hasPrefix("POST /app/ HTTP/1.1|408|0|") == true)
            // The access log alone tells of it, as nginx has it.
            #expect(!site.errorLog.contains { $0.contains("timed out") })
            #expect(site.problems() == [])
        }

        @Test func keptAliveWithoutAnotherRequest() throws {
            let site = try Self.site()
            let (client, time) = try Self.lifetime(site, [.send(Everything.get("/return")), .wait(answers: 1)])
            #expect(Self.isAbout(time, seconds: 30), "\(time)")
            #expect(client.answers.map(\.status) == [200])
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }

        /// A request that begins on a kept-alive connection has the time of a head, not what is left of keep-alive.
        @Test func secondHeadThatStops() throws {
            let site = try Self.site()
            let (_, time) = try Self.lifetime(
                site,
                [.send(Everything.get("/return")), .wait(answers: 1), .pause(25_000), .send("GET /re")])
            #expect(Self.isAbout(time, seconds: 45), "\(time)")
            #expect(site.accessLog.last?.hasPrefix("GET /re|408|0|") == true)
            #expect(site.problems() == [])
        }

        @Test func readerThatStops() throws {
            let site = try Self.site()
            let start = site.kernel.now
            site.client(capacity: 10_000, [.stopReading, .send(Everything.get("/large.txt"))])
            #expect(site.run(until: { site.accessCount > 0 }))
            #expect(Self.isAbout(site.kernel.now - start, seconds: 15))
            #expect(site.accessLog.first?.hasPrefix("GET /large.txt HTTP/1.1|200|") == true)
            Self.expect(site, "client timed out", "while sending response to client")
            #expect(site.problems() == [])
        }

        /// The time between two sends counts, not that of the whole answer.
        @Test func readerThatIsSlow() throws {
            let site = try Self.site()
            let client = site.client(
                capacity: 4_000,
                [.readSlowly(bytes: 2_000, every: 5_000), .send(Everything.get("/large.txt")), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.first?.body == Everything.large)
            #expect(site.problems() == [])
        }

        @Test func lingeringEnds() throws {
            let site = try Self.site()
            let (client, time) = try Self.lifetime(
                site,
                [
                    .send("POST /return HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5000000\r\n\r\n")
                ] + (0..<20).flatMap { _ in [ScriptedPeer.Step.send("x"), .pause(2_000)] })
            #expect(client.answers.map(\.status) == [200])
            // The end of our side comes at once; the connection lasts as long as `lingering_time` allows.
            #expect(time < 50_000)
            #expect(site.problems() == [])
        }

        // MARK: - Upstreams

        @Test func upstreamThatDoesNotAcceptConnections() throws {
            let site = try Self.site()
            site.kernel.setHost(SimulatedSite.loopback(9000), .silent)
            let (client, time) = Self.answer(site)
            #expect(client.answers.map(\.status) == [504])
            #expect(Self.isAbout(time, seconds: 4))
            Self.expect(site, "upstream timed out (110: Connection timed out) while connecting to upstream")
            #expect(site.problems() == [])
        }

        @Test func upstreamThatNeverAnswers() throws {
            let site = try Self.site()
            _ = site.upstream { _ in [] }
            let (client, time) = Self.answer(site)
            #expect(client.answers.map(\.status) == [504])
            #expect(Self.isAbout(time, seconds: 6))
            Self.expect(site, "upstream timed out (110: Connection timed out) while reading response header from upstream")
            #expect(site.problems() == [])
        }

        @Test func upstreamThatStopsWithinItsHead() throws {
            let site = try Self.site()
            _ = site.upstream { _ in [.byteByByte("HTTP/1.1 200 OK\r\nX", gap: 5_000)] }
            #expect(site.ask(Everything.get("/app/")).map(\.status) == [504])
            #expect(site.problems() == [])
        }

        @Test func upstreamThatStopsWithinItsBody() throws {
            let site = try Self.site()
            _ = site.upstream { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")] }
            let start = site.kernel.now
            let (client, _) = Self.answer(site)
            #expect(client.answers.map(\.isComplete) == [false])
            #expect(client.answers.map(\.text) == ["half"])
            #expect(Self.isAbout(try #require(client.endedAt) - start, seconds: 6))
            Self.expect(site, "upstream timed out (110: Connection timed out) while reading upstream")
            #expect(site.problems() == [])
        }

        @Test func upstreamThatDoesNotReadTheRequest() throws {
            let site = try Self.site()
            site.kernel.socketCapacity = 5_000
            _ = site.upstream { _ in [.stopReading] }
            let body = String(repeating: "x", count: 50_000)
            #expect(site.ask(Everything.post("/app/", body)).map(\.status) == [504])
            Self.expect(site, "upstream timed out (110: Connection timed out) while sending request to upstream")
            #expect(site.problems() == [])
        }

        @Test func upstreamAtOneByteASecond() throws {
            let site = try Self.site()
            _ = site.upstream { _ in
                [.wait { $0.hasRequest }, .byteByByte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", gap: 1_000)]
            }
            let answers = site.ask(Everything.get("/app/"))
            #expect(answers.map(\.text) == ["hello"])
            #expect(site.problems() == [])
        }
    }
}
