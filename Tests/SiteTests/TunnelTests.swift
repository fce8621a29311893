import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Connections that are upgraded: bytes pass both ways, whoever is slower slows the other, and either may end it.
    @Suite struct Tunnels {
        private static let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
        private static let request = Everything.get("/socket/x", "Upgrade: x\r\nConnection: upgrade\r\n")

        /// The upstream's side after the switch.
        private static func site(
            seed: UInt64 = 1, answer: String = head, _ steps: [ScriptedPeer.Step]
        ) throws -> (SimulatedSite, SimulatedUpstream) {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        location /socket/ {
                            proxy_pass http://127.0.0.1:9000;
                            proxy_http_version 1.1;
                            proxy_set_header Upgrade $http_upgrade;
                            proxy_set_header Connection upgrade;
                            proxy_read_timeout 40s;
                            proxy_send_timeout 20s;
                        }
                    }
                    """, seed: seed)
            let upstream = site.upstream { _ in
                [.wait { $0.hasRequest }, .act { $0.takeReceived() }, .send(answer)] + steps
            }
            return (site, upstream)
        }

        private static func body(_ client: ScriptedPeer) -> String {
            String(client.text.dropFirst(client.text.split(separator: "\r\n\r\n")[0].count).drop { $0 == "\r\n" })
        }

        @Test func bytesPassBothWays() throws {
            let (site, upstream) = try Self.site([.send("welcome"), .wait(text: "ping"), .send("pong"), .wait(text: "bye"), .close])
            let client = site.client([
                .send(Self.request), .wait(text: "welcome"), .send("ping"), .wait(text: "pong"), .send("bye"), .waitForEnd,
            ])
            site.finish(client)
            #expect(Self.body(client) == "welcomepong")
            #expect(upstream.connections[0].text == "pingbye")
            #expect(site.accessLog == ["GET /socket/x HTTP/1.1|101|11|\(Self.request.utf8.count)|127.0.0.1:9000|101"])
            #expect(site.problems() == [])
        }

        /// What comes with the request, or with the head of the answer, is the tunnel's already.
        @Test func bytesThatComeAtOnce() throws {
            let (site, upstream) = try Self.site(
                answer: Self.head + "early", [.wait(text: "eager"), .send("late"), .close])
            let client = site.client([.send(Self.request + "eager"), .waitForEnd])
            site.finish(client)
            #expect(Self.body(client) == "earlylate")
            #expect(upstream.connections[0].text == "eager")
            #expect(site.problems() == [])
        }

        @Test func answerTornAtEveryByte() throws {
            let answer = Self.head + "early"
            for position in 1..<answer.utf8.count {
                let (site, _) = try Self.site(answer: "", [.cut(answer, at: position, gap: 3), .wait(text: "ping"), .send("pong"), .close])
                let client = site.client([.send(Self.request), .wait(text: "early"), .send("ping"), .waitForEnd])
                site.finish(client)
                try #require(Self.body(client) == "earlypong", "torn at \(position): \(client.text)")
                try #require(site.problems() == [])
            }
        }

        /// A megabyte each way through windows of a few kilobytes, with slow readers.
        @Test(arguments: 1...UInt64(8))
        func muchPassesThroughSmallWindows(_ seed: UInt64) throws {
            let much = Everything.text(300_000, 7)
            let (site, upstream) = try Self.site(
                seed: seed, [.readSlowly(bytes: 9_000, every: 3), .send(much), .wait(bytes: much.count), .close])
            site.kernel.socketCapacity = 5_000 * Int(seed)
            site.kernel.shortSends = 0.2
            site.kernel.jitter = 2
            let client = site.client([.send(Self.request), .wait(text: "\r\n\r\n"), .send(much), .waitForEnd])
            site.finish(client)
            #expect(client.received.suffix(much.count) == much[...])
            let isWhole = upstream.connections[0].received == much
            #expect(isWhole)
            #expect(site.problems() == [])
        }

        @Test(arguments: [ScriptedPeerEnd.close, .reset, .halfClose])
        func clientEnds(_ end: ScriptedPeerEnd) throws {
            let (site, upstream) = try Self.site([.send("welcome"), .waitForEnd])
            let client = site.client([.send(Self.request), .wait(text: "welcome"), .send("last"), .pause(10), end.step])
            site.finish(client)
            site.run(milliseconds: 1_000)
            #expect(upstream.connections[0].isOver)
            #expect(upstream.connections[0].text == "last")
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }

        @Test(arguments: [ScriptedPeerEnd.close, .reset, .halfClose])
        func upstreamEnds(_ end: ScriptedPeerEnd) throws {
            let (site, _) = try Self.site([.send("welcome"), .pause(10), end.step])
            let client = site.client([.send(Self.request), .waitForEnd])
            site.finish(client)
            #expect(Self.body(client) == "welcome")
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }

        /// Who ends at once after much output has not been heard to the end: the other gets all of it.
        @Test func endBehindMuchOutput() throws {
            let much = Everything.text(300_000, 7)
            let (site, _) = try Self.site([.send(much), .close])
            site.kernel.socketCapacity = 4_000
            let client = site.client([
                .readSlowly(bytes: 3_000, every: 5), .send(Self.request), .waitForEnd,
            ])
            site.finish(client)
            #expect(client.received.suffix(much.count) == much[...])
            #expect(site.problems() == [])
        }

        @Test func silence() throws {
            let (site, _) = try Self.site([])
            let start = site.kernel.now
            let client = site.client([.send(Self.request), .waitForEnd])
            site.finish(client)
            #expect((40_000...40_010).contains(try #require(client.endedAt) - start))
            #expect(site.problems() == [])
        }

        private static let refused =
            "[error] upstream sent 101 to a request that cannot be upgraded while reading response header from upstream"

        /// What an upstream sends behind a switch that nobody asked for is not taken for the answer of the next request.
        @Test func switchThatNobodyAskedFor() throws {
            let (site, _) = try Self.site([.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), .close])
            let client = site.client([.send(Everything.get("/socket/x") + Everything.get("/socket/y")), .waitForEnd])
            site.finish(client)
            #expect(client.answers.map(\.status) == [101])
            #expect(!client.text.contains("evil"))
            #expect(site.problems() == [])
        }

        /// Without HTTP/1 there is no connection to be switched.
        @Test func switchOfAStream() throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        http2 on;
                        location /socket/ { proxy_pass http://127.0.0.1:9000; }
                    }
                    """)
            _ = site.upstream(answers: Self.head + "more")
            let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/socket/x"), (":authority", "a")]
            let client = site.client([.send(SentFrame.beginning + SentFrame.headers(1, fields)), .wait { $0.text.contains("Bad Gateway") }])
            site.finish(client)
            #expect(site.accessLog.first?.hasPrefix("GET /socket/x HTTP/2.0|502|") == true, "\(site.accessLog)")
            #expect(site.errorLog.contains { $0.hasPrefix(Self.refused) }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        /// The connection of a page's part is the page's.
        @Test func switchOfASubrequest() throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        location / { auth_request /socket/; root files; }
                        location /socket/ { proxy_pass http://127.0.0.1:9000; }
                    }
                    """)
            site.put("page", [1])
            _ = site.upstream(answers: Self.head + "more")
            let fields = "Upgrade: x\r\nConnection: upgrade\r\n"
            #expect(site.ask(Everything.get("/page", fields)).map(\.status) == [500])
            #expect(site.errorLog.contains { $0.hasPrefix(Self.refused) }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        @Test func refusedUpgrade() throws {
            let (site, _) = try Self.site(answer: "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", [])
            let answers = site.ask(Self.request)
            #expect(answers.map(\.status) == [403])
            #expect(answers.map(\.text) == ["no"])
            #expect(site.problems() == [])
        }
    }
}

/// How an end of a connection goes.
enum ScriptedPeerEnd: String, CaseIterable, Sendable {
    case close, reset, halfClose

    var step: ScriptedPeer.Step {
        switch self {
        case .close: .close
        case .reset: .reset
        case .halfClose: .halfClose
        }
    }
}
