import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// The directives that all modules have that pass requests on: each of them has its effect in each of the modules.
    @Suite struct Families {
        /// A module, and how a server answers that speaks its protocol.
        struct Family: CustomStringConvertible, Sendable {
            let description: String
            /// Such as `proxy_`.
            let prefix: String
            /// What passes requests on to the group `u`.
            let pass: String
            /// The request is there.
            var isAsked: @Sendable () -> (ScriptedPeer) -> Bool = { { !$0.received.isEmpty } }
            /// The request as text.
            var request: @Sendable (ScriptedPeer) -> String = { $0.text }
            /// An answer with a status and a body.
            var answer: @Sendable (_ status: Int, _ field: String, _ body: String) -> [UInt8] = { status, field, body in
                Array("Status: \(status) X\r\nContent-Length: \(body.utf8.count)\r\nX-Field: \(field)\r\n\r\n\(body)".utf8)
            }

            func directive(_ name: String, _ value: String) -> String { "\(prefix)\(name) \(value);" }

            /// What a server does with each connection.
            func script(_ status: Int = 200, field: String = "f", body: String = "hello") -> [ScriptedPeer.Step] {
                [.wait(isAsked()), .send(answer(status, field, body)), .waitForEnd, .close]
            }
        }

        private static let framed: @Sendable () -> (ScriptedPeer) -> Bool = {
            let reader = HTTP2Requests()
            return { reader.isComplete($0.received) }
        }

        private static let unframed: @Sendable (ScriptedPeer) -> String = {
            let reader = HTTP2Requests()
            return reader.isComplete($0.received) ? String(decoding: reader.take().request, as: UTF8.self) : ""
        }

        private static let http: @Sendable (Int, String, String) -> [UInt8] = { status, field, body in
            Array("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nX-Field: \(field)\r\n\r\n\(body)".utf8)
        }

        private static let frames: @Sendable (Int, String, String) -> [UInt8] = { status, field, body in
            // Fields of frames are short here: a long one becomes many.
            var rest = field[...]
            var fields = ""
            repeat {
                fields += "X-Field: \(rest.prefix(100))\r\n"
                rest = rest.dropFirst(100)
            } while !rest.isEmpty
            let text = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
            return HTTP2Requests.beginning + HTTP2Requests.frames(of: Array(text.utf8), on: 1)
        }

        /// Those whose answers have fields.
        static let withFields = [
            Family(description: "proxy", prefix: "proxy_", pass: "proxy_pass http://u;", isAsked: { \.hasRequest }, answer: http),
            Family(
                description: "proxy 2", prefix: "proxy_", pass: "proxy_http_version 2; proxy_pass http://u;", isAsked: framed,
                request: unframed, answer: frames),
            Family(
                description: "grpc", prefix: "grpc_", pass: "grpc_pass grpc://u;", isAsked: framed, request: unframed, answer: frames),
            Family(
                description: "fastcgi", prefix: "fastcgi_", pass: "fastcgi_pass u;",
                isAsked: { { FastCGIText.request(in: $0.received) != nil } },
                answer: { status, field, body in
                    FastCGIText.output("Status: \(status) X\r\nContent-Length: \(body.utf8.count)\r\nX-Field: \(field)\r\n\r\n\(body)")
                        + FastCGIText.end
                }),
            Family(description: "scgi", prefix: "scgi_", pass: "scgi_pass u;"),
            Family(description: "uwsgi", prefix: "uwsgi_", pass: "uwsgi_pass u;"),
        ]

        /// Those that may hold requests and answers back.
        static let buffering = withFields.filter { $0.prefix != "grpc_" }

        static let all = withFields + [
            Family(
                description: "memcached", prefix: "memcached_", pass: "set $memcached_key k; memcached_pass u;",
                isAsked: { { $0.text.hasSuffix("\r\n") } },
                answer: { status, field, body in
                    Array((status == 200 ? "VALUE k 0 \(body.utf8.count)\r\n\(body)\r\nEND\r\n" : "END\r\n").utf8)
                })
        ]

        /// Locations with the directive, without it, and within another where it has been set otherwise.
        static func site(_ family: Family, _ directive: String = "", servers: Int = 1, plain: String = "") throws -> SimulatedSite {
            let ports = (0..<servers).map { "server 127.0.0.1:\(9000 + $0);" }
            return try SimulatedSite(
                http: """
                    upstream u { \(ports.joined()) }
                    server {
                        listen 127.0.0.1:8080;
                        location / { \(directive) \(family.pass) }
                        location /plain { \(plain) \(family.pass) }
                        location /own { return 200 own; }
                    }
                    """)
        }

        static func isAbout(_ time: Int, seconds: Int) -> Bool {
            time >= seconds * 1_000 && time <= seconds * 1_000 + 20
        }

        // MARK: - Sockets

        /// The address that the upstream sees: a text, one of a variable, none where that is empty or not one.
        @Test(arguments: all)
        func bind(_ family: Family) throws {
            for (value, own) in [("127.0.0.5", 5), ("$arg_own", 6), ("off", 1)] as [(String, UInt32)] {
                let site = try Self.site(family, family.directive("bind", value))
                let upstream = site.upstream { _ in family.script() }
                #expect(site.ask(Everything.get("/x?own=127.0.0.6")).map(\.text) == ["hello"])
                #expect(site.ask(Everything.get("/plain?own=127.0.0.6")).map(\.text) == ["hello"])
                let seen = upstream.connections.map { $0.socket.remote }
                #expect(seen == [own, 1].map { SocketAddress(ipv4: 0x7F00_0000 + $0, port: 0) }, "\(value): \(seen)")
                #expect(site.problems() == [])
            }
        }

        @Test(arguments: all)
        func socketKeepalive(_ family: Family) throws {
            let (set, plain) = try Self.options(family, "socket_keepalive", "on")
            #expect([set[Self.key(.keepalive)], plain[Self.key(.keepalive)]] == [1, nil])
        }

        @Test(arguments: withFields)
        func socketBuffers(_ family: Family) throws {
            for (name, option) in [("socket_rcvbuf", SocketOption.receiveBuffer), ("socket_sndbuf", .sendBuffer)] {
                let (set, plain) = try Self.options(family, name, "48k")
                #expect([set[Self.key(option)], plain[Self.key(option)]] == [49_152, nil], "\(name)")
            }
        }

        private static func key(_ option: SocketOption) -> [Int32] { [option.level, option.name] }

        /// The options of a connection where the directive is, and of one where it is not.
        private static func options(_ family: Family, _ name: String, _ value: String) throws -> (set: [[Int32]: Int32], plain: [[Int32]: Int32]) {
            let site = try site(family, family.directive(name, value))
            let upstream = site.upstream { _ in family.script() }
            #expect(site.ask(Everything.get("/x")).map(\.text) == ["hello"])
            #expect(site.ask(Everything.get("/plain")).map(\.text) == ["hello"])
            let found = upstream.connections.map { $0.socket.peer?.options ?? [:] }
            try #require(found.count == 2)
            #expect(site.problems() == [])
            return (found[0], found[1])
        }

        // MARK: - Heads

        @Test(arguments: withFields)
        func bufferSize(_ family: Family) throws {
            let site = try Self.site(family, family.directive("buffer_size", "1k"))
            _ = site.upstream { _ in family.script(field: String(repeating: "f", count: 2_000)) }
            #expect(site.ask(Everything.get("/plain")).map(\.text) == ["hello"])
            #expect(site.ask(Everything.get("/x")).map(\.status) == [502])
            #expect(site.errorLog.contains { $0.hasPrefix("[error] upstream sent too big header while reading") }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        @Test(arguments: withFields)
        func interceptErrors(_ family: Family) throws {
            let site = try Self.site(
                family, family.directive("intercept_errors", "on") + "error_page 404 =201 /own;", plain: "error_page 404 =201 /own;")
            _ = site.upstream { _ in family.script(404) }
            let answers = ["/x", "/plain"].flatMap { site.ask(Everything.get($0)) }
            #expect(answers.map(\.text) == ["own", "hello"])
            #expect(answers.map(\.status) == [201, 404])
            #expect(site.problems() == [])
        }

        // MARK: - Times

        @Test(arguments: all)
        func connectTimeout(_ family: Family) throws {
            let site = try Self.site(family, family.directive("connect_timeout", "3s"))
            site.kernel.setHost(SimulatedSite.loopback(9000), .silent)
            for (path, seconds) in [("/x", 3), ("/plain", 60)] {
                let start = site.kernel.now
                #expect(site.ask(Everything.get(path)).map(\.status) == [504])
                #expect(Self.isAbout(site.kernel.now - start, seconds: seconds), "\(path): \(site.kernel.now - start)")
            }
            #expect(site.errorLog.contains { $0.contains("upstream timed out (110: Connection timed out) while connecting to upstream") })
            #expect(site.problems() == [])
        }

        @Test(arguments: all)
        func readTimeout(_ family: Family) throws {
            let site = try Self.site(family, family.directive("read_timeout", "3s"))
            _ = site.upstream { _ in [.waitForEnd, .close] }
            for (path, seconds) in [("/x", 3), ("/plain", 60)] {
                let start = site.kernel.now
                #expect(site.ask(Everything.get(path)).map(\.status) == [504])
                #expect(Self.isAbout(site.kernel.now - start, seconds: seconds), "\(path): \(site.kernel.now - start)")
            }
            #expect(site.problems() == [])
        }

        @Test(arguments: withFields)
        func sendTimeout(_ family: Family) throws {
            let site = try Self.site(family, family.directive("send_timeout", "3s"))
            site.kernel.socketCapacity = 5_000
            _ = site.upstream { _ in [.stopReading, .pause(1_000_000)] }
            let body = String(repeating: "x", count: 20_000)
            for (path, seconds) in [("/x", 3), ("/plain", 60)] {
                let start = site.kernel.now
                #expect(site.ask(Everything.post(path, body)).map(\.status) == [504])
                #expect(Self.isAbout(site.kernel.now - start, seconds: seconds), "\(path): \(site.kernel.now - start)")
            }
            #expect(site.problems() == [])
        }

        // MARK: - The next server

        private static func tried(_ site: SimulatedSite, _ path: String) -> (count: Int, status: Int) {
            site.forgetLogs()
            let status = site.ask(Everything.get(path)).first?.status ?? 0
            let fields = site.accessLog.first?.split(separator: "|") ?? []
            return (fields.count > 4 ? fields[4].split(separator: ",").count : 0, status)
        }

        @Test(arguments: all)
        func nextUpstream(_ family: Family) throws {
            let failure = family.prefix == "memcached_" ? "not_found" : "http_404"
            let site = try Self.site(family, family.directive("next_upstream", failure), servers: 2)
            _ = site.upstream { _ in family.script(404) }
            _ = site.upstream(port: 9001) { _ in family.script() }
            #expect(Self.tried(site, "/x") == (2, 200))
            // The second server's turn is over.
            #expect(["/plain", "/plain"].map { Self.tried(site, $0).status }.sorted() == [200, 404])
            #expect(site.problems() == [])
        }

        @Test(arguments: all)
        func nextUpstreamTries(_ family: Family) throws {
            for (value, count) in [("2", 2), ("1", 1), ("0", 3)] {
                let site = try Self.site(family, family.directive("next_upstream_tries", value), servers: 3)
                #expect(Self.tried(site, "/x") == (count, 502), "\(value)")
                #expect(site.problems() == [])
            }
            #expect(Self.tried(try Self.site(family, servers: 3), "/x") == (3, 502))
        }

        @Test(arguments: all)
        func nextUpstreamTimeout(_ family: Family) throws {
            let times = family.directive("connect_timeout", "2s")
            for (value, count) in [("3s", 2), ("1s", 1), ("0", 3)] {
                let site = try Self.site(family, times + family.directive("next_upstream_timeout", value), servers: 3)
                for port in 9000..<9003 { site.kernel.setHost(SimulatedSite.loopback(UInt16(port)), .silent) }
                #expect(Self.tried(site, "/x") == (count, 504), "\(value)")
                #expect(site.problems() == [])
            }
        }
    }
}
