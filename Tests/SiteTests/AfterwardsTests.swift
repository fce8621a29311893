import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// What is asked for when a request is over: `post_action`.
    @Suite struct Afterwards {
        private static func site(_ action: String) throws -> SimulatedSite {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080; root files; send_timeout 5s;
                        location / { post_action \(action); }
                        location /denied { deny all; post_action \(action); }
                        location /count { proxy_pass http://127.0.0.1:9000/count?$status:$body_bytes_sent:$request_completion; }
                        location @named { proxy_pass http://127.0.0.1:9000; }
                    }
                    """)
            site.put("a", Array("hello".utf8))
            return site
        }

        /// What the upstream is asked for.
        private static func requests(_ site: SimulatedSite, _ use: () -> Void) -> [String] {
            var lines: [String] = []
            let upstream = site.upstream { _ in
                ScriptedPeer.Step.answerEach(with: [
                    .act { lines.append(Answer.request(in: $0.taken.last ?? []).head.first ?? "") },
                    .send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nignored"),
                ])
            }
            use()
            site.run(milliseconds: 1_000)
            _ = upstream
            return lines
        }

        @Test func theActionKnowsHowTheRequestEnded() throws {
            let site = try Self.site("/count")
            var answers: [Answer] = []
            let lines = Self.requests(site) {
                answers = site.ask(Everything.get("/a") + Everything.get("/none") + Everything.get("/denied"), answers: 3)
            }
            #expect(answers.map(\.status) == [200, 404, 403] && answers[0].text == "hello")
            #expect(lines[0] == "GET /count?200:5:OK HTTP/1.1")
            #expect(lines.count == 3 && lines[1].hasPrefix("GET /count?404:") && lines[2].hasPrefix("GET /count?403:"))
            #expect(site.accessLog.count == 3)
            #expect(site.problems() == [])
        }

        @Test func aNamedLocationKeepsThePath() throws {
            let site = try Self.site("@named")
            let lines = Self.requests(site) { _ = site.ask(Everything.get("/a?b=c")) }
            #expect(lines == ["GET /a?b=c HTTP/1.1"])
            #expect(site.problems() == [])
        }

        @Test func theNextRequestWaitsForTheAction() throws {
            let site = try Self.site("/count")
            let upstream = site.upstream { _ in
                ScriptedPeer.Step.answerEach(with: [.pause(3_000), .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")])
            }
            let start = site.kernel.now
            let client = site.client(sends: Everything.get("/a") + Everything.get("/a"), answers: 2)
            site.run { client.answers.count == 1 }
            #expect(site.kernel.now - start < 100)
            site.finish(client)
            #expect(site.kernel.now - start >= 3_000)
            _ = upstream
            #expect(site.problems() == [])
        }

        /// A client that does not take its answer is broken off, and accounted for all the same.
        @Test func anAnswerThatIsBrokenOffHasItsAction() throws {
            let site = try Self.site("/count")
            site.put("large", [UInt8](repeating: 65, count: 3_000_000))
            let lines = Self.requests(site) {
                site.client([.stopReading, .send(Everything.get("/large")), .pause(20_000)])
                site.run(milliseconds: 20_000)
            }
            #expect(lines.count == 1 && lines[0].hasPrefix("GET /count?200:") && lines[0].hasSuffix(": HTTP/1.1"), "\(lines)")
            #expect(site.problems() == [])
        }

        @Test func aClientThatLeavesDoesNotCancelTheAction() throws {
            let site = try Self.site("/count")
            var count = 0
            let upstream = site.upstream { _ in
                ScriptedPeer.Step.answerEach(with: [
                    .pause(2_000), .act { _ in count += 1 }, .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
                ])
            }
            site.finish(site.client([.send(Everything.get("/a")), .wait(answers: 1), .close]))
            site.run(milliseconds: 5_000)
            #expect(count == 1 && site.accessLog.count == 1)
            _ = upstream
            #expect(site.problems() == [])
        }

        @Test func aMissingNameIsLogged() throws {
            let site = try Self.site("@missing")
            #expect(site.ask(Everything.get("/a")).first?.text == "hello")
            #expect(site.errorLog.contains { $0.hasPrefix("[error] could not find named location \"@missing\"") })
            #expect(site.problems() == [])
        }
    }
}
