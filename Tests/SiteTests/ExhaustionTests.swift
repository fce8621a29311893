import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// A machine that is out of something: who needs it is refused, the others are served, and later all are.
    @Suite struct Exhaustion {
        /// Each client needs up to three descriptors: its own, a file's, an upstream's.
        @Test(arguments: 0...9)
        func outOfDescriptors(_ spare: Int) throws {
            let site = try Everything.site()
            let limit = site.kernel.descriptors.count + spare
            site.kernel.descriptorLimit = limit
            let visits = Everything.all.filter { $0.statuses.count == 1 }
            let clients = visits.map { visit in
                site.client(port: visit.port, [.send(visit.request), visit.wait, .close])
            }
            site.run(milliseconds: 3_000)
            site.kernel.descriptorLimit = 1_000
            #expect(site.run { clients.allSatisfy(\.isDone) }, "\(clients.filter { !$0.isDone }.map(\.text))")
            for (visit, client) in zip(visits, clients) {
                let answers = visit.answers(in: client.received).filter { $0.status >= 200 }
                let isExpected = answers.count == 1 && (answers[0].status == visit.statuses[0] || answers[0].status >= 500)
                #expect(isExpected || answers.isEmpty, "\(visit): \(answers)")
            }
            if spare < 4 {
                #expect(site.errorLog.contains { $0.contains("(24: Too many open files)") })
            }
            #expect(site.problems() == [])
            for visit in visits {
                #expect(site.outcome(of: visit).answers.map(\.status) == visit.statuses, "\(visit)")
            }
            #expect(site.problems() == [])
        }

        /// The loop must rest while it cannot accept: a listening socket is readable all that time.
        @Test func waitingConnectionsDoNotMakeTheLoopSpin() throws {
            let site = try Everything.site()
            site.kernel.descriptorLimit = site.kernel.descriptors.count
            let client = site.client(sends: Everything.get("/return"))
            let before = site.kernel.failures.counts[.accept, default: 0]
            site.run(milliseconds: 10_000)
            let attempts = site.kernel.failures.counts[.accept, default: 0] - before
            #expect((15...25).contains(attempts), "\(attempts) attempts in 10 seconds")
            site.kernel.descriptorLimit = 1_000
            site.finish(client)
            #expect(client.answers.map(\.text) == ["hello"])
            #expect(site.problems() == [])
        }

        @Test func moreConnectionsThanConfigured() throws {
            let site = try Everything.site()
            // None of them can be spared: their heads have begun.
            let clients = (0..<300).map { _ in
                site.client([.send("GET /return HTTP/1.1\r\nHost: a\r\n"), .pause(1_000), .send("\r\n"), .wait(answers: 1)])
            }
            #expect(site.run { clients.allSatisfy(\.isDone) })
            #expect(clients.count { $0.answers.count == 1 } == 256)
            #expect(site.errorLog.contains("[alert] 256 worker_connections are not enough"))
            #expect(site.problems() == [])
        }

        /// Idle connections, of either protocol, make room for new ones, and no request is lost.
        @Test(arguments: [8080, UInt16(8444)])
        func idleConnectionsMakeRoom(_ port: UInt16) throws {
            let site = try Everything.site()
            let request = SentFrame.beginning + SentFrame.request(1, "GET", "/return")
            let clients = (0..<600).map { number in
                let client = number % 3 == 0 || port == 8444
                    ? site.client(port: port, [.send(request), .wait(streams: 1)])
                    : site.client(sends: Everything.get("/return"))
                site.finish(client)
                return client
            }
            let isServed = clients.allSatisfy { $0.text.contains("hello") }
            #expect(isServed)
            // The last ones are still there.
            #expect(clients.count { !$0.isOver } > 200)
            #expect(site.errorLog.contains("[warn] 256 worker_connections are not enough, reusing connections"), "\(site.errorLog)")
            #expect(!site.errorLog.contains { $0.hasPrefix("[alert]") })
            #expect(site.problems() == [])
        }

        /// Nor does who connects and says nothing keep others out for long.
        @Test func silentConnectionsMakeRoom() throws {
            let site = try Everything.site()
            let silent = (0..<256).map { _ in site.client([.waitForEnd]) }
            site.run(milliseconds: 1_500)
            #expect(site.ask(Everything.get("/return")).map(\.text) == ["hello"])
            #expect(silent.count { $0.isOver } == 32)
            #expect(site.problems() == [])
        }

        /// What a flood of requests over their rate needs is given back.
        @Test func manyRequestsHeldBackLeaveFewTimers() throws {
            let site = try Everything.site()
            let clients = (0..<200).map { _ in site.client([.send(Everything.get("/held/one")), .wait(answers: 1)]) }
            #expect(site.run { clients.allSatisfy(\.isDone) })
            #expect(site.worker.engine.idlePauses.count <= 64)
            #expect(site.problems() == [])
        }

        /// What modules keep for requests to come stayed with the process after a burst.
        @Test func poolsAreEmptiedInTheCalmAfterABurst() throws {
            let site = try SimulatedSite(
                http: """
                    limit_req_zone $host zone=rate:64k rate=10r/s;
                    server {
                        listen 127.0.0.1:8080;
                        location /packed/ { gzip_static always; gunzip on; alias files/; }
                        location /zipped/ { gzip on; gzip_types *; gzip_comp_level 9; alias files/; }
                        location /held/ { limit_req zone=rate burst=1000; alias files/; }
                    }
                    """)
            site.put("hello.gz", [31, 139, 8, 0, 0, 0, 0, 0, 2, 255, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0])
            site.put("page.html", Everything.page)
            let engine = site.worker.engine
            let deflaters = engine.moduleState(.gzip) { CompressionState(engine) }.compressors
            let inflaters = engine.moduleState(.gunzip) { Gunzip.makePool(for: engine) }
            #expect(site.ask(Everything.get("/packed/hello")).map(\.text) == ["hello"])
            #expect(site.ask(Everything.get("/zipped/page.html", "Accept-Encoding: gzip\r\n")).map(\.status) == [200])
            for _ in 0..<3 { #expect(site.ask(Everything.get("/held/page.html")).map(\.status) == [200]) }
            #expect(!engine.idlePauses.isEmpty && inflaters.count > 0 && deflaters.count > 0)
            for _ in 0..<1_000 { _ = site.ask(Everything.get("/packed/hello", "Connection: close\r\n")) }
            site.run(milliseconds: 6_000)
            #expect(engine.idlePauses.isEmpty && inflaters.count == 0 && deflaters.count == 0)
            // All is made anew.
            #expect(site.ask(Everything.get("/packed/hello")).map(\.text) == ["hello"])
            for _ in 0..<3 { #expect(site.ask(Everything.get("/held/page.html")).map(\.status) == [200]) }
            // The timer that has waited for the calm stays.
            #expect(site.problems() == ["3 endpoints, 2 at the beginning"])
        }

        /// A disk with so much room: a body that does not fit is a 500, and nothing else suffers.
        @Test(arguments: [0, 1, 150, 201, 500, 699])
        func diskFullWithinABody(_ space: Int) throws {
            let site = try Everything.site()
            let visits = Everything.proxied.filter { $0.name.contains("in file") }
            for visit in visits {
                site.kernel.disk.space = space
                let outcome = site.outcome(of: visit)
                #expect(outcome.answers.map(\.status) == [500], "\(visit): \(outcome)")
                #expect(site.problems() == [])
                site.kernel.disk.space = .max
                #expect(site.outcome(of: visit).answers.map(\.status) == [200], "\(visit)")
                #expect(site.problems() == [])
            }
        }

        /// The file of a body that could not be written stayed open in the pooled request.
        @Test func bodyThatCannotBeWrittenLeavesNoFileOpen() throws {
            let site = try Everything.site()
            let open = site.kernel.descriptors.count
            site.kernel.disk.space = 201
            let client = site.client([
                .send(Everything.post("/app/echo", String(repeating: "x", count: 700))), .waitForEnd,
            ])
            site.finish(client)
            site.run(milliseconds: 10_000)
            #expect(site.kernel.descriptors.count == open, "\(site.kernel.leaks())")
        }

        /// So did a file that could not be read for a filter.
        @Test func fileThatCannotBeReadLeavesNoFileOpen() throws {
            let site = try Everything.site()
            let open = site.kernel.descriptors.count
            site.put("large.html", Everything.large)
            site.kernel.failures.fail(.read, number: 1, with: Errno(5))
            let client = site.client([
                .send(Everything.get("/large.html", "Accept-Encoding: gzip\r\n")), .waitForEnd,
            ])
            site.finish(client)
            #expect(site.errorLog.contains { $0.contains("pread() \"/site/files/large.html\" failed (5: Input/output error)") })
            site.run(milliseconds: 10_000)
            #expect(site.kernel.descriptors.count == open, "\(site.kernel.leaks())")
        }

        /// The answer is held in memory instead, and the upstream waits.
        @Test(arguments: [0, 1, 5_000, 40_000, 90_000])
        func diskFullWhileAnAnswerIsSpooled(_ space: Int) throws {
            let site = try Everything.site()
            let request = Everything.get("/spooled/large")
            // A reader that is slower than the application makes the server spool.
            let script: [ScriptedPeer.Step] = [
                .readSlowly(bytes: 3_000, every: 10), .send(request), .wait(answers: 1),
            ]
            let first = site.client(capacity: 4_000, script)
            #expect(site.finish(first).count > 100_000)
            #expect(site.errorLog.contains { $0.contains("is buffered to a temporary file") })
            #expect(site.problems() == [])
            site.kernel.disk.space = space
            let client = site.client(capacity: 4_000, script)
            site.finish(client)
            #expect(client.answers.first?.body == Everything.large)
            site.kernel.disk.space = .max
            #expect(site.problems() == [])
        }

        /// Lines that cannot be written are lost, and the log is tried again a second later.
        @Test func diskFullForTheLogs() throws {
            let site = try Everything.site()
            site.kernel.disk.space = 0
            #expect(site.ask(Everything.get("/return")).map(\.text) == ["hello"])
            #expect(site.accessLog == [])
            site.kernel.disk.space = .max
            site.run(milliseconds: 2_000)
            #expect(site.ask(Everything.get("/return")).map(\.text) == ["hello"])
            #expect(site.accessLog.count == 1)
            #expect(site.problems() == [])
        }
    }
}
