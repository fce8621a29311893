import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Upstreams of HTTP/2 that say that nobody has looked at a request: it is made again, and not for ever.
    @Suite struct PassedOver {
        private static let http = """
            upstream one { server 127.0.0.1:9002; keepalive 8; }
            upstream two { server 127.0.0.1:9002; server 127.0.0.1:9004 backup; keepalive 8; }
            server {
                listen 127.0.0.1:8080;
                client_body_buffer_size 100;
                proxy_http_version 2;
                location /app/ { proxy_pass http://one; }
                location /app/streamed { proxy_pass http://one; proxy_request_buffering off; }
                location /grpc/ { grpc_pass grpc://one; }
                location /two/ { proxy_pass http://two; }
                location /two/off { proxy_pass http://two; proxy_next_upstream off; }
                location /two/header { proxy_pass http://two; proxy_next_upstream invalid_header; }
            }
            """

        /// An upstream that echoes bodies, or breaks a request off.
        final class Upstream: @unchecked Sendable {
            /// Says with what frame to answer a request instead, given the numbers of its connection and its stream.
            var refuses: (_ connection: Int, _ stream: UInt8) -> String? = { _, _ in nil }
            private(set) var requests = 0
            private var upstream: SimulatedUpstream?
            var connections: Int { upstream?.connections.count ?? 0 }

            init(_ site: SimulatedSite, port: UInt16 = 9002) {
                site.keep(self)
                upstream = site.upstream(port: port) { [unowned self] number in
                    [.send(HTTP2Requests.beginning)] + serve(number, HTTP2Requests())
                }
            }

            private func serve(_ number: Int, _ reader: HTTP2Requests) -> [ScriptedPeer.Step] {
                [
                    .wait { reader.isComplete($0.received) },
                    .act { [unowned self] peer in
                        peer.takeReceived()
                        requests += 1
                        let (stream, request) = reader.take()
                        let body = Answer.request(in: request).text
                        let answer = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                        let frames = refuses(number, UInt8(stream)).map { Array($0.utf8) }
                        peer.append([.send(frames ?? HTTP2Requests.frames(of: Array(answer.utf8), on: stream))] + serve(number, reader))
                    },
                ]
            }
        }

        private static func reset(_ stream: UInt8, _ code: UInt8 = 7) -> String {
            SentFrame.make(3, stream: stream, "\0\0\0\(Character(UnicodeScalar(code)))")
        }

        private static func goAway(_ last: UInt8) -> String {
            SentFrame.make(7, stream: 0, "\0\0\0\(Character(UnicodeScalar(last)))\0\0\0\0")
        }

        private static let long = String(repeating: "long ", count: 60)
        private static let requests = [
            Everything.get("/app/x"), Everything.post("/app/x", "body"), Everything.post("/app/x", long), Everything.get("/grpc/x"),
        ]

        @Test(arguments: requests, [false, true])
        func onAKeptConnectionItIsMadeAgainOnAnother(_ request: String, _ goesAway: Bool) throws {
            let site = try SimulatedSite(http: Self.http)
            let upstream = Upstream(site)
            upstream.refuses = { _, stream in stream == 1 ? nil : goesAway ? Self.goAway(1) : Self.reset(stream) }
            for number in 1...3 {
                site.forgetLogs()
                let answers = site.ask(request)
                #expect(answers.map(\.status) == [200])
                #expect(request.hasSuffix(answers[0].text), "\(answers)")
                #expect(upstream.connections == number)
                let again = "|127.0.0.1:9002, 127.0.0.1:9002|502, 200"
                #expect(site.accessLog.first?.hasSuffix(number == 1 ? "|127.0.0.1:9002|200" : again) == true, "\(site.accessLog)")
                #expect(!site.errorLog.contains { $0.hasPrefix("[error]") }, "\(site.errorLog)")
            }
            #expect(upstream.requests == 5)
            #expect(site.problems() == [])
        }

        @Test(arguments: [false, true])
        func onANewConnectionTheNextServerIsAsked(_ goesAway: Bool) throws {
            for request in [Everything.get("/two/x"), Everything.post("/two/x", Self.long)] {
                let site = try SimulatedSite(http: Self.http)
                let first = Upstream(site)
                first.refuses = { _, stream in goesAway ? Self.goAway(0) : Self.reset(stream) }
                let second = Upstream(site, port: 9004)
                #expect(site.ask(request).map(\.status) == [200])
                #expect(site.accessLog.first?.hasSuffix("|127.0.0.1:9002, 127.0.0.1:9004|502, 200") == true, "\(site.accessLog)")
                let text = goesAway ? "upstream sent goaway with error 0" : "upstream rejected request with error 7"
                #expect(site.errorLog.contains { $0.hasPrefix("[error] \(text) while reading response header from upstream") })
                // That is a failure of the server, which is left alone for a while.
                #expect(site.ask(request).map(\.status) == [200])
                #expect([first.requests, second.requests] == [1, 2])
                #expect(site.problems() == [])
            }
        }

        /// `proxy_next_upstream` has the last word; without `error` it is what nginx takes it for, an invalid answer.
        @Test(arguments: [("/two/off", "GET", 502), ("/two/header", "GET", 200), ("/two/header", "POST", 502)])
        func onlyWhereTheNextServerMayBeAsked(_ path: String, _ method: String, _ status: Int) throws {
            let site = try SimulatedSite(http: Self.http)
            let first = Upstream(site)
            first.refuses = { _, stream in Self.reset(stream) }
            let second = Upstream(site, port: 9004)
            #expect(site.ask("\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").map(\.status) == [status])
            #expect([first.requests, second.requests] == [1, status == 200 ? 1 : 0])
            #expect(site.problems() == [])
        }

        /// Each kept connection is tried once, and a new one.
        @Test func whoRefusesEverythingIsNotAskedForEver() throws {
            let site = try SimulatedSite(http: Self.http)
            let upstream = Upstream(site)
            let clients = (0..<3).map { _ in site.client(sends: Everything.get("/app/x")) }
            for client in clients { site.finish(client) }
            #expect(upstream.connections == 3)
            upstream.refuses = { _, stream in Self.reset(stream) }
            #expect(site.ask(Everything.post("/app/x", "body")).map(\.status) == [502])
            #expect([upstream.requests, upstream.connections] == [7, 4])
            #expect(site.problems() == [])
        }

        /// Who has begun to answer has looked at the request, whatever it says then; and so has who gives another reason.
        @Test(arguments: [0, 1, 2, 8])
        func anotherEndIsAFailure(_ code: UInt8) throws {
            let site = try SimulatedSite(http: Self.http)
            let upstream = Upstream(site)
            upstream.refuses = { _, stream in
                if stream == 1 { return nil }
                return code == 0 ? SentFrame.headers(stream, [(":status", "103")], ends: false) + Self.reset(stream) : Self.reset(stream, code)
            }
            #expect(site.ask(Everything.get("/app/x")).map(\.status) == [200])
            #expect(site.ask(Everything.get("/app/x")).map(\.status) == [502])
            #expect([upstream.requests, upstream.connections] == [2, 1])
            #expect(site.problems() == [])
        }

        /// What was passed on as it came cannot be sent again.
        @Test(arguments: ["/app/streamed", "/grpc/x"])
        func aBodyThatIsGone(_ path: String) throws {
            let site = try SimulatedSite(http: Self.http)
            let upstream = Upstream(site)
            upstream.refuses = { _, stream in stream == 1 ? nil : Self.reset(stream) }
            for status in [200, 502] {
                let request = Everything.post(path, Self.long)
                let client = site.client([.cut(request, at: request.utf8.count - 10, gap: 5), .wait(answers: 1)])
                site.finish(client)
                #expect(client.answers.map(\.status) == [status])
            }
            #expect([upstream.requests, upstream.connections] == [2, 1])
            #expect(site.errorLog.contains { $0.hasPrefix("[error] upstream rejected request with error 7") }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }
    }
}
