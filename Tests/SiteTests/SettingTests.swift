import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Directives and variables each by its effect: with it and without.
    @Suite struct Settings {
        private static func server(_ locations: String) throws -> SimulatedSite {
            try SimulatedSite(http: "server { listen 127.0.0.1:8080; \(locations) }")
        }

        private static func get(_ path: String) -> String { Everything.get(path) }

        // MARK: - Sending

        @Test func limitRateAfter() throws {
            let site = try Self.server("root files; limit_rate 1000; location /after/ { alias files/; limit_rate_after 10k; }")
            site.put("file", Everything.text(12_000, 1))
            for (path, seconds) in [("/file", 11...13), ("/after/file", 1...3)] {
                let start = site.kernel.now
                #expect(site.ask(Self.get(path)).first?.body.count == 12_000)
                #expect(seconds.contains((site.kernel.now - start) / 1_000), "\(path): \(site.kernel.now - start)")
            }
            #expect(site.problems() == [])
        }

        /// The beginning of an answer waits until so much has come together.
        @Test func postponeOutput() throws {
            let parts = "default_type text/html; add_after_body /later; return 200 small;"
            let site = try Self.server(
                "location / { \(parts) } location /at-once { postpone_output 0; \(parts) } location /later { proxy_pass http://127.0.0.1:9000; }")
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nlater"
            _ = site.upstream { _ in [.wait { $0.hasRequest }, .pause(1_000), .send(answer), .waitForEnd, .close] }
            for (path, comesEarly) in [("/", false), ("/at-once", true)] {
                let client = site.client(sends: Self.get(path))
                site.run(milliseconds: 500)
                #expect(client.text.contains("small") == comesEarly, "\(client.text)")
                site.finish(client)
                #expect(client.answers.map(\.text) == ["smalllater"])
            }
            #expect(site.problems() == [])
        }

        // MARK: - Bodies

        /// A body in a file: for good, or as long as the request takes. An empty one has its file, too.
        @Test(arguments: [("", 0), ("on", 1), ("clean", 0)], [0, 10])
        func clientBodyInFileOnly(_ setting: (String, Int), _ size: Int) throws {
            let directive = setting.0.isEmpty ? "" : "client_body_in_file_only \(setting.0);"
            let site = try Self.server("location / { \(directive) proxy_pass http://127.0.0.1:9000; }")
            let files = { site.kernel.disk.paths.filter { $0.hasPrefix("/site/temp/body/") }.count }
            var during = 0
            _ = site.upstream { _ in
                [.wait { $0.hasRequest }, .act { _ in during = files() }, .send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), .waitForEnd, .close]
            }
            #expect(site.ask(Everything.post("/", String(repeating: "b", count: size))).map(\.text) == ["x"])
            #expect([during, files()] == [setting.0.isEmpty ? 0 : 1, setting.1])
            let told = site.errorLog.count { $0.hasPrefix("[notice] a client request body is buffered to a temporary file") }
            #expect(told == during, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        // MARK: - Headers

        /// What the outer block adds is lost, kept beside, or left out.
        @Test func addHeaderInherit() throws {
            let own = "add_header X-Own o; return 200 x;"
            let site = try Self.server(
                """
                add_header X-Outer o;
                location / { \(own) }
                location /merge { add_header_inherit merge; \(own) }
                location /off { add_header_inherit off; return 200 x; }
                location /plain { return 200 x; }
                """)
            for (path, outer, own) in [("/", nil, "o"), ("/merge", "o", "o"), ("/off", nil, nil), ("/plain", "o", nil)] as [(String, String?, String?)] {
                let answer = try #require(site.ask(Self.get(path)).first)
                #expect([answer.value(of: "X-Outer"), answer.value(of: "X-Own")] == [outer, own], "\(path)")
            }
            #expect(site.problems() == [])
        }

        @Test func addTrailerInherit() throws {
            let own = "add_trailer X-Own o; proxy_pass http://127.0.0.1:9000;"
            let site = try Self.server(
                """
                add_trailer X-Outer o;
                location / { \(own) }
                location /merge { add_trailer_inherit merge; \(own) }
                location /off { add_trailer_inherit off; proxy_pass http://127.0.0.1:9000; }
                """)
            _ = site.upstream(answers: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
            for (path, trailers) in [("/", ["X-Own"]), ("/merge", ["X-Outer", "X-Own"]), ("/off", [])] as [(String, [String])] {
                let client = site.client(sends: Everything.get(path, "TE: trailers\r\nConnection: TE\r\n"))
                site.finish(client)
                #expect(["X-Outer", "X-Own"].filter { client.text.contains("\r\n\($0): o\r\n") } == trailers, "\(path): \(client.text)")
            }
            #expect(site.problems() == [])
        }

        @Test func maxHeaders() throws {
            let site = try SimulatedSite(
                http: """
                    server { listen 127.0.0.1:8080; server_name a; max_headers 3; return 200 few; }
                    server { listen 127.0.0.1:8080; server_name b; return 200 many; }
                    """)
            for (host, count, status) in [("a", 2, 200), ("a", 3, 400), ("b", 3, 200)] {
                let fields = (0..<count).map { "X-\($0): x\r\n" }.joined()
                let client = site.client([.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"), .wait { $0.isOver || $0.answers.first?.isComplete == true }])
                site.finish(client)
                #expect(client.answers.map(\.status) == [status], "\(host), \(count)")
            }
            #expect(site.problems() == [])
        }

        // MARK: - Logs

        @Test func uninitializedVariableWarn() throws {
            let site = try Self.server(
                "location /set { set $y 1; return 200 $y; } location / { return 200 [$y]; } location /off { uninitialized_variable_warn off; return 200 [$y]; }")
            for (path, lines) in [("/off", 0), ("/", 1)] {
                #expect(site.ask(Self.get(path)).map(\.text) == ["[]"])
                #expect(site.errorLog.count { $0.hasPrefix("[warn] using uninitialized \"y\" variable") } == lines, "\(site.errorLog)")
            }
            #expect(site.problems() == [])
        }

        /// Delays are logged a level below refusals.
        @Test func limitLogLevels() throws {
            let zones = "limit_req_zone $uri zone=r:1m rate=1r/s; limit_conn_zone $uri zone=c:1m;"
            let site = try SimulatedSite(
                http: """
                    \(zones)
                    server {
                        listen 127.0.0.1:8080;
                        location / { limit_req zone=r; return 200 x; }
                        location /low { limit_req zone=r; limit_req_log_level warn; error_page 503 =200 /own; proxy_pass http://127.0.0.1:9000; }
                        location /late { limit_req zone=r burst=1; limit_req_log_level error; proxy_pass http://127.0.0.1:9000; }
                        location = /own { return 200 own; }
                    }
                    """)
            _ = site.upstream(answers: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            for (path, line) in [("/low", "[warn] limiting requests, excess"), ("/late", "[warn] delaying request, excess")] {
                site.forgetLogs()
                _ = site.ask(Self.get(path) + Self.get(path), answers: 2)
                #expect(site.errorLog.contains { $0.hasPrefix(line) }, "\(path): \(site.errorLog)")
            }
            #expect(site.problems() == [])
        }

        // MARK: - Variables

        /// Moments of an upstream's answer, and what was sent to it.
        @Test func timesOfAnUpstream() throws {
            let names = ["upstream_connect_time", "upstream_header_time", "upstream_response_time", "request_time", "connection_time", "upstream_bytes_sent"]
            let site = try SimulatedSite(
                http: """
                    log_format times '\(names.map { "$\($0)" }.joined(separator: "|"))';
                    server { listen 127.0.0.1:8080; access_log logs/times.log times; location / { proxy_pass http://127.0.0.1:9000; } }
                    """)
            site.kernel.latency = 50
            let upstream = site.upstream { _ in
                [
                    .wait { $0.hasRequest }, .pause(400), .send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab"), .pause(300), .send("cd"), .waitForEnd,
                    .close,
                ]
            }
            let client = site.client([.pause(2_000), .send(Self.get("/")), .wait(answers: 1)])
            site.finish(client)
            site.run { !site.lines(of: "times.log").isEmpty }
            let fields = try #require(site.lines(of: "times.log").first).split(separator: "|").map { Double($0) ?? -1 }
            try #require(fields.count == names.count)
            // There and back takes 0.1 s.
            for (value, expected) in zip(fields, [0.05, 0.55, 0.85, 0.85, 2.9]) { #expect(abs(value - expected) < 0.06, "\(fields)") }
            #expect(Int(fields[5]) == upstream.connections[0].received.count)
            #expect(site.problems() == [])
        }

        /// The same for all of a request, and another for each.
        @Test func requestID() throws {
            let site = try Self.server("location / { add_header X-ID $request_id; return 200 $request_id; }")
            let answers = (0..<3).flatMap { _ in site.ask(Self.get("/")) }
            #expect(Set(answers.map(\.text)).count == 3)
            for answer in answers {
                #expect(answer.text.utf8.count == 32 && answer.text.allSatisfy { "0123456789abcdef".contains($0) }, "\(answer.text)")
                #expect(answer.value(of: "X-ID") == answer.text)
            }
            #expect(site.problems() == [])
        }

        @Test(arguments: [
            ("$proxy_host $proxy_port", "/there", "127.0.0.1:9000 9000"), ("$proxy_host $proxy_port", "/named", "named 80"),
            ("$is_request_port$request_port", "/here", ""), ("$nginx_version", "/here", "1.31.5"),
        ])
        func values(_ value: String, _ path: String, _ text: String) throws {
            let site = try SimulatedSite(
                http: """
                    log_format value '[\(value)]';
                    upstream named { server 127.0.0.1:9000; }
                    server {
                        listen 127.0.0.1:8080;
                        access_log logs/value.log value;
                        location /there { proxy_pass http://127.0.0.1:9000; }
                        location /named { proxy_pass http://named; }
                        location /here { return 200 here; }
                    }
                    """)
            _ = site.upstream(answers: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            _ = site.ask(Self.get(path))
            site.run { !site.lines(of: "value.log").isEmpty }
            #expect(site.lines(of: "value.log") == ["[\(text)]"])
            #expect(site.problems() == [])
        }
    }
}
