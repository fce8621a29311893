import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Between the server and its upstreams: idle connections, other servers, rates.
    @Suite struct Proxying {
        /// An unbuffered body that was complete before the upstream was connected went before the request's head.
        @Test(arguments: [true, false])
        func streamedBodyThatIsCompleteBeforeTheUpstreamIsConnectedFollowsTheHead(_ isChunked: Bool) throws {
            let application = Application()
            let site = try Everything.site(application)
            site.kernel.latency = 50
            let path = "/streamed/echo"
            let request = isChunked ? Everything.postInChunks(path, ["hello"]) : Everything.post(path, "hello")
            let end = request.utf8.count - (isChunked ? 12 : 5)
            let client = site.client([.cut(request, at: end, gap: 20), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.text) == ["hello"])
            #expect(application.requests.count == 1)
            #expect(application.requests.first?.hasPrefix("POST /streamed/echo HTTP/1.1\r\n") == true)
            #expect(site.problems() == [])
        }

        private static let pair = """
            upstream pair { server 127.0.0.1:9000; server 127.0.0.1:9001 backup; }
            server {
                listen 127.0.0.1:8080;
                client_body_buffer_size 100;
                location / { proxy_pass http://pair; proxy_read_timeout 5s; }
            }
            """

        private static let single = """
            upstream single { server 127.0.0.1:9000; }
            server { listen 127.0.0.1:8080; location / { proxy_pass http://single; } }
            """

        private static let good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"

        /// The upstream closed an idle connection while the next request was on its way.
        @Test(arguments: [ScriptedPeerEnd.close, .reset])
        func idleConnectionThatIsClosedAsItIsUsed(_ end: ScriptedPeerEnd) throws {
            let site = try SimulatedSite(http: Self.single)
            let upstream = site.upstream { number in
                let first: [ScriptedPeer.Step] = [
                    .wait { $0.hasRequest }, .act { $0.takeReceived() }, .send(Self.good),
                    .wait { !$0.received.isEmpty }, end.step,
                ]
                return number == 0 ? first : ScriptedPeer.Step.answerEach(with: [.send(Self.good)])
            }
            for _ in 0..<3 { #expect(site.ask(Everything.get("/")).map(\.text) == ["good"]) }
            #expect(upstream.connections.count == 2)
            #expect(site.problems() == [])
        }

        /// It closed it before: nothing is sent on it at all.
        @Test func idleConnectionThatWasClosed() throws {
            let site = try SimulatedSite(http: Self.single)
            let upstream = site.upstream { _ in [.wait { $0.hasRequest }, .send(Self.good), .pause(10), .close] }
            #expect(site.ask(Everything.get("/")).map(\.text) == ["good"])
            site.run(milliseconds: 100)
            #expect(site.ask(Everything.post("/", "body")).map(\.text) == ["good"])
            #expect(upstream.connections.count == 2)
            // Of the upstream nothing is said: only that the first client has left.
            #expect(site.errorLog == ["[info] client 127.0.0.1 closed keepalive connection"])
            #expect(site.problems() == [])
        }

        /// A request that may be repeated goes to the next server whole, a body in a file included, whatever the first one
        /// had taken of it.
        @Test(arguments: [0, 1, 50, 100, 600], [ScriptedPeerEnd.close, .reset])
        func nextServerGetsTheWholeRequest(_ taken: Int, _ end: ScriptedPeerEnd) throws {
            for size in [0, 50, 700] {
                let site = try SimulatedSite(http: Self.pair)
                _ = site.upstream { _ in [.read(taken), .wait { $0.received.count >= taken || $0.hasRequest }, end.step] }
                let next = site.upstream(port: 9001, answers: Self.good)
                let body = String(repeating: "b", count: size)
                let request = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n\(body)"
                #expect(site.ask(request).map(\.text) == ["good"])
                let asked = Answer.request(in: next.connections[0].taken[0])
                #expect(asked.head.first == "PUT /x HTTP/1.1")
                #expect(asked.text == body)
                #expect(site.accessLog[0].hasSuffix("|127.0.0.1:9000, 127.0.0.1:9001|502, 200"))
                #expect(site.problems() == [])
            }
        }

        @Test func requestThatMayHaveHadAnEffectIsNotRepeated() throws {
            let site = try SimulatedSite(http: Self.pair)
            _ = site.upstream { _ in [.wait { $0.hasRequest }, .close] }
            let next = site.upstream(port: 9001, answers: Self.good)
            #expect(site.ask(Everything.post("/x", "body")).map(\.status) == [502])
            #expect(next.connections.isEmpty)
            #expect(site.problems() == [])
        }

        @Test func serverThatDoesNotAnswerInTime() throws {
            let site = try SimulatedSite(http: Self.pair)
            _ = site.upstream { _ in [] }
            _ = site.upstream(port: 9001, answers: Self.good)
            #expect(site.ask(Everything.get("/x")).map(\.text) == ["good"])
            // It failed once, so it is left alone for ten seconds.
            site.forgetLogs()
            #expect(site.ask(Everything.get("/x")).map(\.text) == ["good"])
            #expect(site.accessLog[0].hasSuffix("|127.0.0.1:9001|200"))
            #expect(site.problems() == [])
        }

        @Test func nobodyIsThere() throws {
            let site = try SimulatedSite(http: Self.pair)
            #expect(site.ask(Everything.get("/x")).map(\.status) == [502])
            #expect(site.accessLog[0].hasSuffix("|127.0.0.1:9000, 127.0.0.1:9001|502, 502"))
            #expect(site.ask(Everything.get("/x")).map(\.status) == [502])
            #expect(site.errorLog.contains { $0.hasPrefix("[error] no live upstreams while connecting to upstream") })
            #expect(site.problems() == [])
        }

        // MARK: - Rates

        /// Bytes that arrive in each second stay below the rate.
        @Test(arguments: ["limit_rate 5000;", "proxy_limit_rate 5000;"])
        func rate(_ directive: String) throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9000; \(directive) } }")
            let application = Application()
            application.listen(site)
            let start = site.kernel.now
            let client = site.client(sends: Everything.get("/large"))
            var amounts: [Int] = []
            while !client.isDone, amounts.count < 60 {
                site.run(milliseconds: 1_000)
                amounts.append(client.received.count)
            }
            #expect(client.answers.first?.body == Everything.large)
            #expect((18_000...21_100).contains(client.lastArrival - start), "\(client.lastArrival - start)")
            for (second, amount) in amounts.enumerated() { #expect(amount <= (second + 2) * 5_000 + 500, "\(amounts)") }
            #expect(site.problems() == [])
        }

        @Test func rateOfAFile() throws {
            let site = try Everything.site()
            site.put("five.txt", Array(Everything.large.prefix(5_000)))
            let start = site.kernel.now
            let client = site.client(sends: Everything.get("/rate/five.txt"))
            site.finish(client)
            #expect(client.answers.first?.body == Array(Everything.large.prefix(5_000)))
            #expect((3_000...5_100).contains(client.lastArrival - start), "\(client.lastArrival - start)")
            #expect(site.problems() == [])
        }
    }
}
