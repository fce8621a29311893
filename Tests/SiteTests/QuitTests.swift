import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// A worker that is told to quit serves what has begun, closes what is idle, and ends.
    @Suite struct Quitting {
        @Test(arguments: Everything.all.filter { !$0.ends && $0.statuses.count == 1 })
        func whileARequestIsServed(_ visit: Everything.Visit) throws {
            var moments = 0
            // As many moments as there are turns.
            for moment in stride(from: 0, to: 24, by: 3) {
                let site = try Everything.site()
                let kept = site.client(sends: Everything.get("/return"))
                site.finish(kept)
                let client = site.client(
                    port: visit.port, capacity: visit.capacity,
                    [.send(visit.request), visit.wait, .pause(100)])
                var turns = 0
                site.run {
                    turns += 1
                    return turns > moment || client.isDone
                }
                let isOver = client.isDone
                site.quit()
                site.run { site.worker.loop.shouldStop }
                try #require(site.worker.loop.shouldStop, "the worker does not end; turn \(moment)")
                try #require(site.remains == [], "turn \(moment)")
                site.kernel.pass(milliseconds: 1_000)
                try #require(kept.isOver)
                // One that the worker had not accepted yet is somebody else's.
                let answers = visit.answers(in: client.received)
                if !answers.isEmpty || site.accessLog.count > 1 {
                    try #require(answers.last?.status == visit.statuses[0] && answers.last?.isComplete == true, "turn \(moment): \(answers)")
                }
                moments += 1
                if isOver { break }
            }
            #expect(moments > 1)
        }

        /// `worker_shutdown_timeout` ends what takes too long.
        @Test func notForEver() throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:9000; proxy_read_timeout 1h; } }",
                main: "worker_shutdown_timeout 5s;")
            _ = site.upstream { _ in [] }
            site.client([.send(Everything.get("/"))])
            site.run(milliseconds: 100)
            let start = site.kernel.now
            site.quit()
            #expect(site.run { site.worker.loop.shouldStop })
            #expect((5_000...5_010).contains(site.kernel.now - start))
        }
    }
}
