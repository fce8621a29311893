import Testing

@testable import ApusServer
@testable import Simulation

/// What modules that pass requests on leave out of requests and answers, and how they hold them back.
extension SiteTests.Families {
    /// The answers with the directive, and without it.
    private func ask(
        _ family: Family, _ directive: String, _ fields: String = "", field: String = "f"
    ) throws -> (set: Answer, plain: Answer) {
        let site = try Self.site(family, directive)
        _ = site.upstream { _ in family.script(field: field) }
        let answers = ["/x", "/plain"].flatMap { site.ask(Everything.get($0, fields)) }
        try #require(answers.count == 2)
        #expect(site.problems() == [])
        return (answers[0], answers[1])
    }

    // MARK: - Fields

    @Test(arguments: withFields)
    func hideHeader(_ family: Family) throws {
        let (set, plain) = try ask(family, family.directive("hide_header", "x-field"))
        #expect([set, plain].map { $0.value(of: "X-Field") } == [nil, "f"])
        #expect([set, plain].map(\.text) == ["hello", "hello"])
    }

    @Test(arguments: withFields)
    func passHeader(_ family: Family) throws {
        let (set, plain) = try ask(family, family.directive("pass_header", "X-Accel-Expires"), field: "f\r\nX-Accel-Expires: 7")
        #expect([set, plain].map { $0.value(of: "X-Accel-Expires") } == ["7", nil])
    }

    @Test(arguments: withFields)
    func ignoreHeaders(_ family: Family) throws {
        let (set, plain) = try ask(family, family.directive("ignore_headers", "X-Accel-Redirect"), field: "f\r\nX-Accel-Redirect: /own")
        #expect([set, plain].map(\.text) == ["hello", "own"])
    }

    @Test(arguments: buffering)
    func forceRanges(_ family: Family) throws {
        let (set, plain) = try ask(family, family.directive("force_ranges", "on"), "Range: bytes=1-2\r\n")
        #expect([set, plain].map(\.text) == ["el", "hello"])
        #expect([set, plain].map(\.status) == [206, 200])
    }

    // MARK: - Requests

    /// The requests that the upstream got, with the directive and without it.
    private func requests(_ family: Family, _ name: String) throws -> [String] {
        let site = try Self.site(family, family.directive(name, "off"))
        // Without the body the length is still told, as in nginx: nobody should wait for it.
        let upstream = site.upstream { _ in [.wait { !$0.received.isEmpty }, .pause(20), .send(family.answer(200, "f", "hello")), .waitForEnd] }
        for path in ["/x", "/plain"] {
            let text = "POST \(path) HTTP/1.1\r\nHost: a\r\nX-Client: says-so\r\nContent-Length: 8\r\n\r\nthe-body"
            #expect(site.ask(text).map(\.status) == [200])
        }
        #expect(site.problems() == [])
        return upstream.connections.map { family.request($0) }
    }

    @Test(arguments: buffering)
    func passRequestHeaders(_ family: Family) throws {
        let requests = try requests(family, "pass_request_headers")
        #expect(requests.map { $0.contains("says-so") } == [false, true])
        #expect(requests.map { $0.contains("the-body") } == [true, true])
    }

    @Test(arguments: buffering)
    func passRequestBody(_ family: Family) throws {
        let requests = try requests(family, "pass_request_body")
        #expect(requests.map { $0.contains("says-so") } == [true, true])
        #expect(requests.map { $0.contains("the-body") } == [false, true])
    }

    /// An upstream is asked before the body is complete, or not.
    @Test(arguments: buffering)
    func requestBuffering(_ family: Family) throws {
        for (path, connections) in [("/x", 1), ("/plain", 0)] {
            let site = try Self.site(family, family.directive("request_buffering", "off"))
            let upstream = site.upstream { _ in
                [.wait { family.request($0).contains("body") }, .send(family.answer(200, "f", "hello")), .waitForEnd]
            }
            let client = site.client([.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nthe-")])
            site.run(milliseconds: 50)
            #expect(upstream.connections.count == connections)
            client.append([.send("body"), .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.text) == ["hello"])
            #expect(site.problems() == [])
        }
    }

    @Test(arguments: buffering)
    func ignoreClientAbort(_ family: Family) throws {
        for (path, status) in [("/x", "200"), ("/plain", "499")] {
            let site = try Self.site(family, family.directive("ignore_client_abort", "on"))
            _ = site.upstream { _ in [.wait(family.isAsked()), .pause(1_000)] + family.script() }
            let client = site.client([.send(Everything.get(path))])
            site.run(milliseconds: 100)
            client.quit()
            site.run { site.accessCount == 1 }
            #expect(site.accessLog.first?.split(separator: "|")[1] == status[...], "\(site.accessLog)")
            #expect(site.problems() == [])
        }
    }

    // MARK: - Answers

    private static let body = String(repeating: "0123456789", count: 2_000)

    @Test(arguments: buffering)
    func limitRate(_ family: Family) throws {
        let site = try Self.site(family, family.directive("limit_rate", "5000"))
        _ = site.upstream { _ in family.script(body: Self.body) }
        for (path, seconds) in [("/x", 3_000...4_100), ("/plain", 0...100)] {
            let start = site.kernel.now
            #expect(site.ask(Everything.get(path)).map(\.text) == [Self.body])
            #expect(seconds.contains(site.kernel.now - start), "\(path): \(site.kernel.now - start)")
        }
        #expect(site.problems() == [])
    }

    /// Whether what a slow client does not take is held in a file. Small parts that followed others were not counted, and all kept in memory.
    @Test(arguments: buffering, ["buffering off", "max_temp_file_size 0", "buffers 8 4k"])
    func bufferingAndFiles(_ family: Family, _ setting: String) throws {
        let words = setting.split(separator: " ", maxSplits: 1).map(String.init)
        let small = family.directive("buffers", "2 4k") + family.directive("busy_buffers_size", "4k")
        let own = words[0] == "buffers" ? "" : small
        let site = try Self.site(family, own + family.directive(words[0], words[1]), plain: small)
        let answer = family.answer(200, "f", Self.body)
        // Slowly: a client is waited for a tenth of a second.
        let parts = stride(from: 0, to: answer.count, by: 4_000).map { Array(answer[$0..<min($0 + 4_000, answer.count)]) }
        _ = site.upstream { _ in [.wait(family.isAsked()), .sendTorn(parts, gap: 60), .waitForEnd] }
        for (path, isHeld) in [("/x", false), ("/plain", true)] {
            site.forgetLogs()
            let client = site.client(capacity: 2_000, [.stopReading, .send(Everything.get(path)), .pause(3_000), .readFreely, .wait(answers: 1)])
            site.finish(client)
            #expect(client.answers.map(\.text) == [Self.body])
            let told = site.errorLog.contains { $0.contains("an upstream response is buffered to a temporary file") }
            #expect(told == isHeld, "\(path): \(site.errorLog)")
        }
        #expect(site.problems() == [])
    }
}
