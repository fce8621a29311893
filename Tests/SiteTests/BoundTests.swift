import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Who sends without end, or takes nothing, does not make the server hold ever more.
    @Suite struct Bounds {
        /// A long text under a short name.
        struct Endless: CustomStringConvertible, Sendable {
            let description: String
            let text: String

            init(_ name: String, _ text: String) {
                description = name
                self.text = text
            }
        }

        /// Bytes that the server has taken from a peer.
        private static func taken(_ peer: ScriptedPeer, sent: Int) -> Int { sent - peer.unsentCount - peer.socket.unreceived }

        private static let much = [UInt8](repeating: 0x62, count: 5_000_000)

        /// Requests for more and more by a client that reads no answer stay with the client.
        @Test(arguments: ["/large.txt", "/return", "/app/large"])
        func requestsOfAClientThatDoesNotRead(_ path: String) throws {
            let site = try Everything.site()
            let requests = Array(String(repeating: Everything.get(path), count: 20_000).utf8)
            let client = site.client(capacity: 2_000, [.stopReading, .send(requests)])
            site.run(milliseconds: 20_000)
            let taken = Self.taken(client, sent: requests.count)
            #expect(taken < 400_000, "\(taken) bytes of \(requests.count) were taken")
            #expect(site.problems() == [])
        }

        /// An answer for a client that does not read stays with the upstream, or goes to a file of the size allowed.
        @Test(arguments: [("proxy_buffering off;", 300_000), ("proxy_max_temp_file_size 0;", 400_000), ("proxy_max_temp_file_size 1m;", 1_400_000)])
        func answerForAClientThatDoesNotRead(_ directives: String, _ bound: Int) throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9000; \(directives) } }")
            let upstream = site.upstream { _ in
                [.wait { $0.hasRequest }, .send("HTTP/1.1 200 OK\r\n\r\n"), .send(Self.much), .close]
            }
            let client = site.client(capacity: 2_000, [.stopReading, .send(Everything.get("/"))])
            site.run(milliseconds: 20_000)
            let taken = Self.taken(upstream.connections[0], sent: Self.much.count)
            #expect(taken < bound, "\(taken) bytes were taken")
            client.append([.readFreely, .waitForEnd])
            site.run(milliseconds: 200_000)
            #expect(client.answers.first?.status == 200)
            #expect(site.problems() == [])
        }

        /// A page of 2 KB whose variables would be longer than all memory: each is twice the one before.
        @Test func valuesThatDoubleWithEachCommand() throws {
            let site = try SimulatedSite(http: "server { listen 127.0.0.1:8080; root files; ssi on; ssi_types *; }")
            var page = "<!--#set var=\"v0\" value=\"xxxxxxxxxx\" -->"
            for number in 1...24 {
                page += "<!--#set var=\"v\(number)\" value=\"$v\(number - 1)$v\(number - 1)\" -->"
            }
            page += "<!--#echo var=\"v10\" -->|<!--#echo var=\"v24\" -->"
            // Many that are just short enough are too much together.
            for number in 0..<100 { page += "<!--#set var=\"w\(number)\" value=\"$v12\" -->" }
            page += "|<!--#echo var=\"w1\" -->|<!--#echo var=\"w99\" -->"
            site.put("page", Array(page.utf8))
            let answer = site.ask(Everything.get("/page")).first
            let shown = (answer?.text ?? "").split(separator: "|").map { part in
                String(part).replacing("[an error occurred while processing the directive]", with: "")
            }
            #expect(shown.count == 4)
            #expect(shown.first == String(repeating: "x", count: 10_240))
            // What could not be set is nothing, and so is what was made of it.
            #expect(shown.dropFirst().first == "")
            #expect(shown.dropFirst(2).first?.count == 40_960)
            #expect(shown.last == "(none)")
        }

        /// A body that an unbuffered upstream does not take stays with the client.
        @Test func streamedBodyThatTheUpstreamDoesNotTake() throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        client_max_body_size 0;
                        location / { proxy_pass http://127.0.0.1:9000; proxy_request_buffering off; }
                    }
                    """)
            site.kernel.socketCapacity = 50_000
            _ = site.upstream { _ in [.stopReading] }
            let head = Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.much.count)\r\n\r\n".utf8)
            let client = site.client([.send(head + Self.much)])
            site.run(milliseconds: 20_000)
            let taken = Self.taken(client, sent: head.count + Self.much.count)
            #expect(taken < 500_000, "\(taken) bytes were taken")
            #expect(site.problems() == [])
        }

        /// Tunnels take no more from one side than the other side takes.
        @Test func tunnelThatOneSideDoesNotRead() throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        location / {
                            proxy_pass http://127.0.0.1:9000;
                            proxy_set_header Upgrade $http_upgrade;
                            proxy_set_header Connection upgrade;
                        }
                    }
                    """)
            site.kernel.socketCapacity = 20_000
            let upstream = site.upstream { _ in
                [
                    .wait { $0.hasRequest }, .send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
                    .stopReading, .send(Self.much),
                ]
            }
            let client = site.client([
                .send(Everything.get("/", "Upgrade: x\r\nConnection: upgrade\r\n")), .wait(text: "\r\n\r\n"), .stopReading,
                .send(Self.much),
            ])
            site.run(milliseconds: 20_000)
            #expect(Self.taken(client, sent: Self.much.count) < 400_000)
            #expect(Self.taken(upstream.connections[0], sent: Self.much.count) < 400_000)
            #expect(site.problems() == [])
        }

        /// Heads have a limit, whatever they consist of.
        @Test(arguments: [
            Endless("path", "GET /" + String(repeating: "a", count: 500_000)),
            Endless("value", "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 500_000)),
            Endless("fields", "GET / HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 90_000)),
            Endless("name", "GET / HTTP/1.1\r\n" + String(repeating: "a", count: 500_000)),
        ])
        func headWithoutEnd(_ head: Endless) throws {
            let site = try Everything.site()
            let client = site.client([.send(head.text), .waitForEnd])
            site.finish(client)
            #expect([400, 414].contains(client.answers.first?.status ?? 0), "\(client.text)")
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }

        /// Nor may the framing of a chunked body cost more and more: its sizes, extensions and trailers.
        @Test(arguments: [
            Endless("size", String(repeating: "0", count: 300_000)),
            Endless("extension", "1;" + String(repeating: "x", count: 300_000)),
            Endless("trailers", "0\r\n" + String(repeating: "x: y\r\n", count: 50_000)),
            Endless("trailer", "0\r\nx: " + String(repeating: "y", count: 300_000)),
        ])
        func chunksWithoutEnd(_ chunks: Endless) throws {
            let site = try Everything.site()
            let client = site.client([
                .send("POST /app/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks.text), .waitForEnd,
            ])
            site.finish(client)
            #expect(site.accessLog.count == 1, "\(site.accessLog)")
            #expect(site.problems() == [])
        }

        /// Trailers and interim answers of an upstream are not held without bound either.
        @Test(arguments: [
            Endless("trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "x: y\r\n", count: 50_000)),
            Endless("hints", String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: <\(String(repeating: "x", count: 500))>\r\n\r\n", count: 500)),
            Endless("extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 300_000)),
        ])
        func upstreamWithoutEnd(_ answer: Endless) throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        early_hints 1;
                        location / { proxy_pass http://127.0.0.1:9000; proxy_pass_trailers on; }
                    }
                    """)
            _ = site.upstream { _ in [.wait { $0.hasRequest }, .send(answer.text), .close] }
            let client = site.client([.send(Everything.get("/")), .waitForEnd])
            site.finish(client)
            #expect(client.received.count < 100_000, "\(client.received.count) bytes")
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }
    }
}
