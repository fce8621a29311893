import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// What becomes of connections, and what the error log says of it.
    @Suite struct Connections {
        private static func site(_ settings: String, location: String = "return 200 hello;", main: String = "") throws -> SimulatedSite {
            try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; root files; \(settings) location / { \(location) } }", main: main)
        }

        /// One request, and then silence until the server ends the connection.
        private static func keptFor(_ site: SimulatedSite) throws -> Int {
            let client = site.client([.send(Everything.get("/")), .wait(answers: 1), .waitForEnd])
            site.finish(client)
            return try #require(client.endedAt) - client.lastArrival
        }

        // MARK: - Many at a time

        /// As long as many connections come, the kernel holds back those without data; a silent one is seen at once otherwise.
        @Test func silentConnectionsAreHeldBackInARush() throws {
            let site = try Self.site("location = /figures { stub_status; }")
            func active() -> String? {
                let client = site.client(sends: Everything.get("/figures", "Connection: close\r\n"))
                site.finish(client)
                return client.answers.first?.text.split(separator: "\n").first.map(String.init)
            }
            site.client([.wait(answers: 1)])
            #expect(active() == "Active connections: 2 ")
            for _ in 0..<600 { site.finish(site.client(sends: Everything.get("/", "Connection: close\r\n"))) }
            site.client([.wait(answers: 1)])
            #expect(active() == "Active connections: 2 ")
            site.run(milliseconds: 1_100)
            #expect(active() == "Active connections: 3 ")
            // The rush is over.
            site.client([.wait(answers: 1)])
            #expect(active() == "Active connections: 4 ")
            #expect(site.problems() == [])
        }

        // MARK: - keepalive_min_timeout

        @Test(arguments: [("10s", "30s", 30), ("30s", "30s", 30), ("40s", "30s", 30), ("0", "30s", 30)])
        func keptForTheTimeout(_ least: String, _ timeout: String, _ seconds: Int) throws {
            let site = try Self.site("keepalive_min_timeout \(least); keepalive_timeout \(timeout);")
            let time = try Self.keptFor(site)
            #expect(time >= seconds * 1_000 && time <= seconds * 1_000 + 10)
            #expect(site.problems() == [])
        }

        /// A worker that quits closes idle connections, but those whose least time has not passed are served once more, or
        /// closed when it has.
        @Test(arguments: [(1_000, 9_000), (9_000, 1_000), (11_000, 0), (29_000, 0)])
        func quittingSparesYoungIdleConnections(_ idle: Int, _ rest: Int) throws {
            let site = try Self.site("keepalive_min_timeout 10s; keepalive_timeout 30s;")
            let client = site.client([.send(Everything.get("/")), .wait(answers: 1), .waitForEnd])
            site.run { client.answers.count == 1 }
            site.run(milliseconds: idle)
            let start = site.kernel.now
            site.quit()
            #expect(site.run { site.worker.loop.shouldStop })
            #expect(site.kernel.now - start >= rest - 10 && site.kernel.now - start <= rest + 10)
        }

        @Test func aYoungIdleConnectionIsServedByAWorkerThatQuits() throws {
            let site = try Self.site("keepalive_min_timeout 10s; keepalive_timeout 30s;")
            let client = site.client([
                .send(Everything.get("/")), .wait(answers: 1), .pause(2_000), .send(Everything.get("/")), .wait(answers: 2),
                .waitForEnd,
            ])
            site.run { client.answers.count == 1 }
            site.run(milliseconds: 1_000)
            site.quit()
            #expect(site.run { site.worker.loop.shouldStop })
            site.kernel.pass(milliseconds: 1_000)
            #expect(client.answers.map { $0.value(of: "Connection") } == ["keep-alive", "close"])
        }

        /// A head that is made while the worker ends does not promise what is not kept.
        @Test func anAnswerThatIsMadeAtTheEndSaysClose() throws {
            let site = try SimulatedSite(
                http: """
                    limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s;
                    server { listen 127.0.0.1:8080; root files; location / { limit_req zone=z burst=5; } }
                    """)
            site.put("a", Array("hello".utf8))
            let client = site.client([.send(Everything.get("/a") + Everything.get("/a")), .wait(answers: 2)])
            site.run { client.answers.count == 1 }
            site.quit()
            #expect(site.run { site.worker.loop.shouldStop })
            site.kernel.pass(milliseconds: 1_000)
            #expect(client.answers.map { $0.value(of: "Connection") } == ["keep-alive", "close"])
        }

        // MARK: - reset_timedout_connection

        @Test(arguments: [true, false])
        func aClientThatDoesNotReadIsReset(_ resets: Bool) throws {
            let site = try Self.site("send_timeout 5s; reset_timedout_connection \(resets ? "on" : "off");", location: "")
            site.put("large", [UInt8](repeating: 65, count: 3_000_000))
            let client = site.client([.stopReading, .send(Everything.get("/large")), .pause(20_000), .readFreely, .waitForEnd])
            site.finish(client)
            #expect(client.wasReset == resets)
            #expect(site.problems() == [])
        }

        @Test(arguments: [true, false])
        func anUnfinishedHeadIsReset(_ resets: Bool) throws {
            let site = try Self.site("client_header_timeout 5s; reset_timedout_connection \(resets ? "on" : "off");")
            let client = site.client([.send("GET / HTTP/1.1\r\nHost: "), .waitForEnd])
            site.finish(client)
            #expect(client.wasReset == resets)
        }

        @Test(arguments: [true, false])
        func status444IsReset(_ resets: Bool) throws {
            let site = try Self.site("reset_timedout_connection \(resets ? "on" : "off");", location: "return 444;")
            let client = site.client([.send(Everything.get("/")), .waitForEnd])
            site.finish(client)
            #expect(client.wasReset == resets && client.received.isEmpty)
        }

        /// An answer that ends as it should is no time-out.
        @Test func anAnswerIsNotReset() throws {
            let site = try Self.site("reset_timedout_connection on;")
            let client = site.client([.send("GET / HTTP/1.0\r\n\r\n"), .waitForEnd])
            site.finish(client)
            #expect(!client.wasReset && client.text.hasSuffix("hello"))
        }

        // MARK: - sendfile_max_chunk

        /// A client that takes all at once does not hold the others up for longer than its chunk.
        @Test(arguments: [("sendfile_max_chunk 64k;", 64 * 1_024), ("", 2 * 1_048_576)])
        func aTurnSendsAChunkOfAFile(_ settings: String, _ chunk: Int) throws {
            let site = try Self.site(settings, location: "")
            site.put("large", [UInt8](repeating: 65, count: 5_000_000))
            let client = site.client(capacity: 10_000_000, [.send(Everything.get("/large")), .wait(answers: 1)])
            var seen = 0
            var most = 0
            site.run {
                most = max(most, client.received.count - seen)
                seen = client.received.count
                return client.isDone
            }
            #expect(client.answers.first?.body.count == 5_000_000)
            #expect(most > chunk / 2 && most <= chunk + 1_024, "\(most) bytes in a turn")
            #expect(site.problems() == [])
        }

        @Test func noChunkIsTheWholeFile() throws {
            let site = try Self.site("sendfile_max_chunk 0;", location: "")
            site.put("large", [UInt8](repeating: 65, count: 5_000_000))
            let client = site.client(capacity: 10_000_000, [.send(Everything.get("/large")), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.first?.body.count == 5_000_000)
        }

        // MARK: - The log

        @Test func leavingBeforeARequestIsLogged() throws {
            let site = try Self.site("")
            site.finish(site.client([.pause(10), .close]))
            site.run(milliseconds: 10)
            #expect(site.errorLog == [
                "[info] client closed connection while waiting for request, client: 127.0.0.1, server: 127.0.0.1:8080"
            ])
        }

        @Test func leavingAKeptConnectionIsLoggedWithoutCircumstances() throws {
            let site = try Self.site("")
            site.finish(site.client([.send(Everything.get("/")), .wait(answers: 1), .close]))
            site.run(milliseconds: 10)
            #expect(site.errorLog == ["[info] client 127.0.0.1 closed keepalive connection"])
        }

        @Test func aResetBeforeARequestIsLoggedAndOneOfAKeptConnectionIsNot() throws {
            let site = try Self.site("")
            site.finish(site.client([.pause(10), .reset]))
            site.finish(site.client([.send(Everything.get("/")), .wait(answers: 1), .reset]))
            site.run(milliseconds: 10)
            #expect(site.errorLog == [
                "[info] recv() failed (104: Connection reset by peer) while waiting for request, "
                    + "client: 127.0.0.1, server: 127.0.0.1:8080"
            ])
        }

        // MARK: - debug_connection

        @Test(arguments: [("127.0.0.0/8", true), ("127.0.0.2", false), ("10.0.0.0/8", false)])
        func everythingIsLoggedOfAClientToDebug(_ network: String, _ isDebugged: Bool) throws {
            let site = try SimulatedSite(
                http: """
                    error_log logs/quiet.log crit;
                    server { listen 127.0.0.1:8080; root files; location /a { log_not_found off; } location / { return 200 x; } }
                    """, events: "debug_connection \(network);")
            _ = site.ask(Everything.get("/a?b"))
            let log = site.lines(of: "quiet.log")
            #expect(log.isEmpty == !isDebugged)
            guard isDebugged else { return }
            for part in ["http request line: \"GET /a?b HTTP/1.1\"", "http header: \"Host: a\"", "using configuration \"/a\"", "finalize request: 404"] {
                #expect(log.contains { $0.contains("[debug]") && $0.contains(part) }, "\(part) in \(log)")
            }
        }
    }
}
