import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// What is particular to HTTP/2 and TLS: a network that cuts between any two bytes of the wire, and time-outs.
    @Suite struct Framed {
        /// What is on the wire is cut, the handshake and records too, not only what the client wants to say.
        @Test(arguments: small, [1, 4])
        func wireInSmallSegments(_ visit: Everything.Visit, _ limit: Int) throws {
            let site = try Everything.site()
            _ = site.outcome(of: visit)
            // How much is framing differs, and how much of a refused request was seen.
            func figures(_ outcome: SimulatedSite.Outcome) -> SimulatedSite.Outcome {
                visit.statuses[0] == 400 ? outcome.without(field: 2).without(field: 3) : outcome.without(field: 2)
            }
            let whole = figures(site.outcome(of: visit))
            site.kernel.segmentLimit = limit
            let torn = figures(site.outcome(of: visit))
            #expect(torn == whole, "torn: \(torn), whole: \(whole)")
            site.kernel.segmentLimit = 0
            #expect(site.problems() == [])
        }

        /// Single bytes of large answers would take the test's whole time.
        private static let small = (Everything.secure + Everything.framed + Everything.relayed).filter {
            ($0.body?.count ?? 0) < 5_000 && $0.statuses.count < 4
        }

        // MARK: - Time

        private static let http = """
            client_header_timeout 20s;
            client_body_timeout 10s;
            send_timeout 15s;
            keepalive_timeout 30s;
            lingering_timeout 3s;
            server {
                listen 127.0.0.1:8080;
                listen 127.0.0.1:8444 ssl;
                \(SiteCertificate.directives)
                http2 on;
                server_name a;
                root files;
                client_max_body_size 0;
                location /return { return 200 hello; }
                location /app/ {
                    proxy_pass http://127.0.0.1:9002;
                    proxy_http_version 2;
                    proxy_connect_timeout 4s;
                    proxy_send_timeout 5s;
                    proxy_read_timeout 6s;
                }
                location /grpc/ {
                    grpc_pass grpc://127.0.0.1:9002;
                    grpc_connect_timeout 4s;
                    grpc_send_timeout 5s;
                    grpc_read_timeout 6s;
                }
            }
            """

        private static func site() throws -> SimulatedSite {
            let site = try SimulatedSite(http: http)
            site.put("large.txt", Everything.large)
            site.securePorts = [8444]
            site.framedPorts = [8444]
            return site
        }

        private static func isAbout(_ time: Int, seconds: Int) -> Bool {
            time >= seconds * 1_000 && time <= seconds * 1_000 + 20
        }

        /// The code of the frame that breaks a stream off or ends the connection, the last of its kind.
        private static func code(of kind: UInt8, in bytes: [UInt8]) -> UInt8? {
            var code: UInt8?
            var position = 0
            while bytes.count - position >= 9 {
                let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
                guard bytes.count - position >= 9 + length else { break }
                if bytes[position + 3] == kind { code = bytes[position + 9 + (kind == 7 ? 7 : 3)] }
                position += 9 + length
            }
            return code
        }

        /// How long a connection lasts, in milliseconds, and what came over it.
        private static func lifetime(
            _ port: UInt16, _ steps: [ScriptedPeer.Step], capacity: Int? = nil
        ) throws -> (site: SimulatedSite, client: ScriptedPeer, time: Int) {
            let site = try site()
            let start = site.kernel.now
            let client = site.client(port: port, capacity: capacity, steps + [.waitForEnd])
            site.finish(client)
            return (site, client, try #require(client.endedAt) - start)
        }

        private static let ports: [UInt16] = [8080, 8444]

        @Test(arguments: ports)
        func nothingBehindThePreface(_ port: UInt16) throws {
            let (site, client, time) = try Self.lifetime(port, [.send(SentFrame.beginning)])
            #expect(Self.isAbout(time, seconds: 20), "\(time)")
            #expect(Self.code(of: 7, in: client.received) == 0)
            #expect(site.accessLog == [])
            #expect(site.problems() == [])
        }

        @Test(arguments: ports)
        func keptAliveWithoutAnotherRequest(_ port: UInt16) throws {
            let (site, client, time) = try Self.lifetime(
                port,
                [.send(SentFrame.beginning + SentFrame.request(1, "GET", "/return")), .wait(streams: 1), .pause(10_000),
                    .send(SentFrame.request(3, "GET", "/return")), .wait(streams: 2)])
            #expect(Self.isAbout(time, seconds: 40), "\(time)")
            #expect(Self.code(of: 7, in: client.received) == 0)
            #expect(HTTP2Answers.all(in: client.received, streams: 2).map(\.text) == ["hello", "hello"])
            #expect(site.problems() == [])
        }

        /// Pings are no requests: a connection is not kept by them.
        @Test func keptAliveByPings() throws {
            let pings = (0..<20).flatMap { _ in
                [ScriptedPeer.Step.send(SentFrame.make(6, stream: 0, "12345678")), .pause(4_000)]
            }
            let (site, _, time) = try Self.lifetime(
                8080, [.send(SentFrame.beginning + SentFrame.request(1, "GET", "/return")), .wait(streams: 1)] + pings)
            #expect(time < 45_000, "\(time)")
            #expect(site.problems() == [])
        }

        @Test(arguments: ports)
        func headThatStops(_ port: UInt16) throws {
            let head = SentFrame.request(1, "GET", "/return", [("x-long", String(repeating: "x", count: 120))])
            // The stream ends, and then the connection, over which nothing more comes.
            let (site, client, time) = try Self.lifetime(
                port, [.send(SentFrame.beginning + String(head.dropLast(20))), .wait(streams: 1)])
            #expect(Self.isAbout(time, seconds: 50), "\(time)")
            #expect(Self.code(of: 3, in: client.received) == 1)
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }

        @Test(arguments: ports)
        func bodyThatStops(_ port: UInt16) throws {
            let (site, client, time) = try Self.lifetime(
                port,
                [.send(SentFrame.beginning + SentFrame.request(1, "POST", "/app/", ends: false)), .pause(5_000),
                    .send(SentFrame.data(1, "some", ends: false)), .wait(streams: 1),
                    .send(SentFrame.request(3, "GET", "/return")), .wait(streams: 2), .close])
            #expect(Self.isAbout(time, seconds: 15), "\(time)")
            #expect(HTTP2Answers.all(in: client.received, streams: 2).last?.text == "hello")
            #expect(site.accessLog.first?.hasPrefix("POST /app/ HTTP/2.0|408|") == true, "\(site.accessLog)")
            #expect(site.problems() == [])
        }

        @Test(arguments: ports)
        func readerThatStops(_ port: UInt16) throws {
            let site = try Self.site()
            let client = site.client(
                port: port, capacity: 10_000,
                [.send(SentFrame.beginning + SentFrame.request(1, "GET", "/return")), .wait(streams: 1), .stopReading,
                    .send(SentFrame.request(3, "GET", "/large.txt"))])
            site.run { site.accessCount == 1 }
            let start = site.kernel.now
            #expect(site.run(until: { site.accessCount > 1 }))
            #expect(Self.isAbout(site.kernel.now - start, seconds: 15), "\(site.kernel.now - start)")
            #expect(client.received.count > 0)
            #expect(site.errorLog.contains { $0.contains("client timed out (110: Connection timed out)") }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        /// A stream whose window is shut is broken off; the others are served.
        @Test(arguments: ports)
        func windowThatStaysShut(_ port: UInt16) throws {
            let shut = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SentFrame.make(4, stream: 0, "\0\u{4}\0\0\0\0")
            let (site, client, time) = try Self.lifetime(
                port,
                [.send(shut + SentFrame.request(1, "GET", "/large.txt")), .wait(streams: 1), .pause(1_000),
                    .send(SentFrame.request(3, "GET", "/return") + SentFrame.make(8, stream: 3, "\0\0\u{1}\0")), .wait(streams: 2), .close])
            #expect(Self.isAbout(time, seconds: 16), "\(time)")
            #expect(Self.code(of: 3, in: client.received) != nil)
            #expect(HTTP2Answers.all(in: client.received, streams: 2).last?.text == "hello")
            #expect(site.problems() == [])
        }

        /// An upstream that takes the connection and says nothing, not even its settings; one that says these; and one that stops.
        @Test(arguments: ["/app/x", "/grpc/x"], 0...2)
        func upstreamThatIsSilent(_ path: String, _ stage: Int) throws {
            let site = try Self.site()
            let head = HTTP2Requests.frames(of: Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".utf8), on: 1)
            _ = site.upstream(port: 9002) { _ in
                let reader = HTTP2Requests()
                return [
                    .send(stage > 0 ? HTTP2Requests.beginning : []), .wait { reader.isComplete($0.received) },
                    // Without its last frame, which holds half of the body.
                    .send(stage > 1 ? Array(head.dropLast(13)) : []),
                ]
            }
            let start = site.kernel.now
            let client = site.client([.send(Everything.get(path)), .wait { $0.isOver || $0.text.contains("</html>") }])
            site.finish(client)
            #expect(Self.isAbout(site.kernel.now - start, seconds: 6), "\(site.kernel.now - start)")
            #expect(client.answers.map(\.status) == [stage > 1 ? 200 : 504])
            #expect(site.errorLog.contains { $0.contains("upstream timed out (110: Connection timed out)") }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        @Test(arguments: ["/app/x", "/grpc/x"])
        func upstreamThatDoesNotReadTheRequest(_ path: String) throws {
            let site = try Self.site()
            site.kernel.socketCapacity = 5_000
            _ = site.upstream(port: 9002) { _ in [.stopReading] }
            let body = String(repeating: "x", count: 50_000)
            #expect(site.ask(Everything.post(path, body)).map(\.status) == [504])
            #expect(site.errorLog.contains { $0.contains("while sending request to upstream") }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        // MARK: - Upstreams that break off

        @Test(arguments: Everything.relayed.filter { $0.statuses.count == 1 }, [false, true])
        func upstreamBreaksOffWithinItsAnswer(_ visit: Everything.Visit, _ resets: Bool) throws {
            let application = Application()
            let site = try Everything.site(application)
            let whole = site.outcome(of: visit)
            var length = 0
            application.sends = { bytes in
                length = bytes.count
                return [.send(bytes)]
            }
            _ = site.outcome(of: visit)
            for count in (0..<length) where count < 120 || count % 9_973 == 0 || count == length - 1 {
                // Idle connections would make the first try of each visit a second.
                site.run(milliseconds: 100_000)
                application.sends = { bytes in
                    count >= bytes.count ? [.send(bytes)] : [.send(Array(bytes[..<count])), .pause(1), resets ? .reset : .close]
                }
                let cut = site.outcome(of: visit)
                try #require(cut.answers.count == 1, "after \(count): \(cut)")
                let isGateway = cut.answers[0].status == 502
                try #require(isGateway || !cut.answers[0].isComplete || cut.without(field: 2) == whole.without(field: 2), "after \(count): \(cut)")
                try #require(site.errorLog.contains { $0.hasPrefix("[error]") } || cut.answers == whole.answers, "after \(count)")
            }
            application.sends = Application.inParts
            site.run(milliseconds: 100_000)
            #expect(site.outcome(of: visit).without(field: 2) == whole.without(field: 2))
            #expect(site.problems() == [])
        }
    }
}
