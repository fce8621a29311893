import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Large bodies that go from the upstream's socket to the client's through a pipe.
    @Suite struct MovedBodies {
        private static let locations = """
            upstream app { server 127.0.0.1:9000 max_fails=0; }
            log_format moved '$status $bytes_sent $body_bytes_sent $upstream_bytes_received $upstream_response_length';
            access_log logs/moved.log moved;
            server {
                listen 127.0.0.1:8080;
                location / { proxy_pass http://app; proxy_read_timeout 6s; }
                location /unbuffered { proxy_pass http://app; proxy_buffering off; }
                location /unspooled { proxy_pass http://app; proxy_max_temp_file_size 0; }
                location /limited { proxy_pass http://app; limit_rate 1m; }
                location /slowed { proxy_pass http://app; proxy_limit_rate 1m; }
                location /part { proxy_pass http://app; proxy_force_ranges on; }
                location /packed { proxy_pass http://app; gzip on; gzip_types *; }
                location /uwsgi { uwsgi_pass app; }
            }
            """

        private static func head(_ count: Int) -> [UInt8] {
            Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(count)\r\n\r\n".utf8)
        }

        /// The least of the rest that is moved.
        private static let least = 131_072

        /// An upstream that sends a body in parts, the first of them with the head.
        private static func site(
            _ body: [UInt8], parts: [Int] = [10_000], prepare: (SimulatedKernel) -> Void = { _ in },
            then: [ScriptedPeer.Step] = []
        ) throws -> (SimulatedSite, SimulatedUpstream) {
            let site = try SimulatedSite(http: locations, prepare: prepare)
            let upstream = site.upstream { _ in
                var pieces = [Self.head(body.count)]
                var start = 0
                for part in parts where start < body.count {
                    pieces.append(Array(body[start..<min(start + part, body.count)]))
                    start += part
                }
                pieces[0] += pieces.count > 1 ? pieces.remove(at: 1) : []
                if start < body.count { pieces.append(Array(body[start...])) }
                return ScriptedPeer.Step.answerEach(with: [.sendTorn(pieces, gap: 1)] + then)
            }
            return (site, upstream)
        }

        private static func count(_ site: SimulatedSite, _ call: SimulatedCall) -> Int { site.kernel.failures.counts[call, default: 0] }

        private static let body = Everything.text(400_000, 7)

        @Test(arguments: ["/", "/unbuffered", "/unspooled"])
        func bodyIsMoved(_ path: String) throws {
            let (site, upstream) = try Self.site(Self.body)
            for _ in 0..<3 { #expect(site.ask(Everything.get(path)).map(\.body) == [Self.body]) }
            #expect(Self.count(site, .fillPipe) > 3)
            // One after the other they need one pipe.
            #expect(Self.count(site, .pipe) == 1)
            #expect(upstream.connections.count == 1)
            let headSize = Self.head(Self.body.count).count
            let line = try #require(site.lines(of: "moved.log").last).split(separator: " ").compactMap { Int($0) }
            #expect(line[0] == 200 && line[2] == 400_000 && line[3] == 400_000 + headSize && line[4] == 400_000)
            #expect(line[1] > 400_100)
            #expect(site.problems() == [])
        }

        @Test func pipesAreClosedSomeTimeAfterABurst() throws {
            let (site, _) = try Self.site(Self.body)
            func pipeEnds() -> Int {
                site.kernel.descriptors.values.count { if case .pipe = $0 { true } else { false } }
            }
            for _ in 0..<1_100 { #expect(site.ask(Everything.get("/part")).map(\.status) == [200]) }
            #expect(pipeEnds() == 2)
            _ = site.run(atMost: 10_000) { pipeEnds() == 0 }
            #expect(pipeEnds() == 0)
        }

        @Test func bodyOfAGatewayIsMoved() throws {
            let site = try SimulatedSite(http: Self.locations)
            _ = site.upstream { _ in
                [.wait(bytes: 4), .send(Self.head(Self.body.count) + Self.body.prefix(10_000)), .pause(5), .send(Array(Self.body.dropFirst(10_000))), .close]
            }
            #expect(site.ask(Everything.get("/uwsgi")).map(\.body) == [Self.body])
            #expect(Self.count(site, .fillPipe) > 1)
            #expect(site.problems() == [])
        }

        /// Somebody looks at the bytes, or holds them back.
        @Test(arguments: ["/limited", "/slowed", "/part", "/packed"])
        func bodyIsNotMoved(_ path: String) throws {
            let (site, _) = try Self.site(Self.body)
            let fields = path == "/part" ? "Range: bytes=1-399999\r\n" : path == "/packed" ? "Accept-Encoding: gzip\r\n" : ""
            let answers = site.ask(Everything.get(path, fields))
            #expect(answers.map(\.isComplete) == [true])
            if path == "/limited" || path == "/slowed" { #expect(answers.map(\.body) == [Self.body]) }
            #expect(Self.count(site, .fillPipe) == 0)
            #expect(site.problems() == [])
        }

        /// Whatever the sizes, and wherever it is cut.
        @Test(arguments: [least - 1, least, least + 1, least + 10_000, 262_144, 393_216, 400_001], [1, 9_999, 60_000])
        func everySize(_ size: Int, _ first: Int) throws {
            let body = Everything.text(size, 8)
            for parts in [[first], [first, 1], [first, size - first - 1], [first, 70_000, 1]] {
                let (site, upstream) = try Self.site(body, parts: parts)
                for _ in 0..<2 { #expect(site.ask(Everything.get("/")).map(\.body) == [body], "\(size) \(parts)") }
                #expect(upstream.connections.count == 1)
                #expect((Self.count(site, .fillPipe) > 0) == (size - first >= Self.least), "\(size) \(parts)")
                #expect(site.problems() == [])
            }
        }

        @Test(arguments: 1...12)
        func tornAndSlowOnBothSides(_ seed: UInt64) throws {
            let (site, _) = try Self.site(Self.body, parts: [20_000, 1_000, 40_000, 3]) { kernel in
                kernel.random = SeededRandom(seed: seed)
                kernel.shortSends = 0.3
                kernel.shortMoves = 0.5
                kernel.latency = 2
                kernel.jitter = 3
                kernel.segmentLimit = seed % 2 == 0 ? 3_000 : 0
                kernel.interruptions = 0.2
                kernel.pipeCapacity = seed % 3 == 0 ? 65_536 : 262_144
            }
            let clients = (0..<4).map { index in
                site.client(
                    capacity: 20_000 + 30_000 * index,
                    [.readSlowly(bytes: 5_000 + 20_000 * index, every: 1), .send(Everything.get(index % 2 == 0 ? "/" : "/unspooled")), .wait(answers: 1)])
            }
            for client in clients { site.finish(client) }
            for client in clients { #expect(client.answers.map(\.body) == [Self.body]) }
            #expect(Self.count(site, .fillPipe) > 0)
            #expect(site.problems() == [])
        }

        /// Bytes that the server has taken from the upstream.
        private static func taken(_ upstream: SimulatedUpstream, of size: Int) -> Int {
            let peer = upstream.connections[0]
            return size - peer.unsentCount - peer.socket.unreceived
        }

        /// With buffering a client that does not read does not hold the upstream: the rest of the answer goes to a file.
        @Test(arguments: [("/", 900_000...Int.max), ("/unbuffered", 0...500_000), ("/unspooled", 0...500_000)])
        func upstreamOfAClientThatDoesNotRead(_ path: String, _ bound: ClosedRange<Int>) throws {
            let body = Everything.text(1_000_000, 9)
            let (site, upstream) = try Self.site(body)
            let client = site.client(capacity: 50_000, [.stopReading, .send(Everything.get(path))])
            site.run(milliseconds: 500)
            #expect(Self.count(site, .fillPipe) > 0)
            #expect(bound.contains(Self.taken(upstream, of: body.count)), "\(Self.taken(upstream, of: body.count))")
            #expect(site.errorLog.contains { $0.contains("buffered to a temporary file") } == (path == "/"))
            client.append([.readFreely, .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.body) == [body])
            #expect(site.problems() == [])
        }

        /// A client that only pauses is waited for; no file is made.
        @Test func clientThatPauses() throws {
            let (site, _) = try Self.site(Self.body)
            let client = site.client(
                capacity: 50_000,
                [.send(Everything.get("/")), .wait(bytes: 20_000), .stopReading, .pause(60), .readFreely, .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.body) == [Self.body])
            #expect(!site.errorLog.contains { $0.contains("temporary file") })
            #expect(site.problems() == [])
        }

        /// A byte of what follows the body is not the client's, and the connection is not used again.
        @Test(arguments: [true, false])
        func moreThanTheBody(_ isMore: Bool) throws {
            let extra = isMore ? Array("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".utf8) : []
            let site = try SimulatedSite(http: Self.locations)
            let upstream = site.upstream { _ in
                ScriptedPeer.Step.answerEach(
                    with: [.send(Self.head(Self.body.count) + Self.body.prefix(10_000)), .pause(5), .send(Self.body.dropFirst(10_000) + extra)])
            }
            // All that is sent is there when it is looked at.
            site.kernel.socketCapacity = 1_000_000
            site.kernel.gathersEvents = true
            for _ in 0..<2 { #expect(site.ask(Everything.get("/")).map(\.body) == [Self.body]) }
            #expect(upstream.connections.count == (isMore ? 2 : 1))
            let said = site.errorLog.filter { $0.contains("upstream sent more data than specified in \"Content-Length\" header") }
            #expect(said.count == (isMore ? 2 : 0))
            #expect(site.problems() == [])
        }

        @Test(arguments: [ScriptedPeerEnd.close, .reset, .halfClose], [10_001, 200_000, 399_999])
        func upstreamThatBreaksOff(_ end: ScriptedPeerEnd, _ sent: Int) throws {
            let site = try SimulatedSite(http: Self.locations)
            let upstream = site.upstream { _ in
                [
                    .wait { $0.hasRequest }, .send(Self.head(Self.body.count) + Self.body.prefix(10_000)), .pause(5),
                    .send(Array(Self.body[10_000..<sent])), .pause(5), end.step, .waitForEnd,
                ]
            }
            let client = site.client([.send(Everything.get("/")), .waitForEnd])
            site.finish(client)
            #expect(client.answers.map(\.isComplete) == [false])
            #expect(client.answers.map(\.body) == [Array(Self.body.prefix(sent))])
            let text = end == .reset ? "recv() failed (104: Connection reset by peer)" : "upstream prematurely closed connection"
            #expect(site.errorLog.contains { $0.hasPrefix("[error] \(text) while reading upstream") }, "\(site.errorLog)")
            #expect(upstream.connections.count == 1)
            #expect(Self.count(site, .fillPipe) > 0)
            #expect(site.problems() == [])
        }

        @Test func upstreamThatStops() throws {
            let site = try SimulatedSite(http: Self.locations)
            _ = site.upstream { _ in
                [.wait { $0.hasRequest }, .send(Self.head(Self.body.count) + Self.body.prefix(10_000)), .pause(5), .send(Array(Self.body[10_000..<90_000]))]
            }
            let start = site.kernel.now
            let client = site.client([.send(Everything.get("/")), .waitForEnd])
            site.finish(client)
            #expect(client.answers.map(\.body.count) == [90_000])
            #expect((6_000...6_030).contains(try #require(client.endedAt) - start))
            #expect(site.errorLog.contains { $0.hasPrefix("[error] upstream timed out (110: Connection timed out) while reading upstream") })
            #expect(site.problems() == [])
        }

        /// Wherever it is, with bytes in the pipe or not: the pipe is closed with what is in it, and the next client gets its own bytes.
        @Test(arguments: ["/", "/unbuffered"], [ScriptedPeerEnd.close, .reset])
        func clientThatLeaves(_ path: String, _ end: ScriptedPeerEnd) throws {
            let (site, _) = try Self.site(Self.body)
            var moves = 0
            for count in [1, 20_000, 70_000, 200_000, 390_000] {
                for pause in [0, 50] {
                    let client = site.client(
                        capacity: 50_000, [.read(count), .send(Everything.get(path)), .wait(bytes: count), .pause(pause), end.step])
                    site.finish(client)
                    let next = site.client(sends: Everything.get("/"))
                    site.finish(next)
                    #expect(next.answers.map(\.body) == [Self.body])
                    moves += Self.count(site, .emptyPipe)
                    #expect(site.problems() == [])
                }
            }
            #expect(moves > 20)
        }

        /// The bytes are copied where the system does not move them.
        @Test(arguments: [
            (SimulatedCall.fillPipe, Errno.invalid), (.fillPipe, .noSystemCall), (.fillPipe, .noMemory), (.pipe, .processFilesExhausted),
        ])
        func callThatIsRefused(_ call: SimulatedCall, _ error: Errno) throws {
            for number in 1...3 {
                let (site, upstream) = try Self.site(Self.body, parts: [10_000, 20_000])
                site.kernel.failures.fail(call, number: number, with: error)
                for _ in 0..<2 { #expect(site.ask(Everything.get("/")).map(\.body) == [Self.body]) }
                #expect(upstream.connections.count == 1)
                if call == .fillPipe { #expect(site.kernel.failures.happened == 1) }
                // Where it does not work it is not tried again.
                if error == .invalid { #expect(Self.count(site, .fillPipe) == number) }
                #expect(site.problems() == [])
            }
        }

        /// A user beyond the limit of what pipes may take gets small ones.
        @Test func pipeWithoutRoom() throws {
            let (site, _) = try Self.site(Self.body) { $0.pipeCapacity = 8_192 }
            for _ in 0..<2 { #expect(site.ask(Everything.get("/")).map(\.body) == [Self.body]) }
            #expect(Self.count(site, .fillPipe) == 0)
            #expect(Self.count(site, .pipe) == 1)
            #expect(site.kernel.leaks().filter { $0.hasPrefix("pipe") } == [])
            #expect(site.problems() == [])
        }

        /// Clients that take nothing have so many pipes and no more.
        @Test func pipesAreBounded() throws {
            let (site, _) = try Self.site(Self.body)
            site.kernel.descriptorLimit = 4_000
            let clients = (0..<100).map { _ in site.client(capacity: 50_000, [.stopReading, .send(Everything.get("/unbuffered"))]) }
            site.run(milliseconds: 1_000)
            #expect(Self.count(site, .pipe) == 64)
            for client in clients { client.append([.readFreely, .wait(answers: 1)]) }
            for client in clients { site.finish(client) }
            for client in clients { #expect(client.answers.map(\.body) == [Self.body]) }
            #expect(site.problems() == [])
        }
    }
}
