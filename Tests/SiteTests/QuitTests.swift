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

        /// `worker_shutdown_timeout` ends what takes too long. It was missing in the access log.
        @Test(arguments: [
            ("GET /\r\n", "GET /|009|0|"), (Everything.get("/"), "GET / HTTP/1.1|000|0|"),
            (Everything.get("/half"), "GET /half HTTP/1.1|200|4|"),
            (Everything.get("/afterwards"), "GET /afterwards HTTP/1.1|000|0|"),
            (SentFrame.beginning + SentFrame.request(1, "GET", "/"), "GET / HTTP/2.0|499|0|"),
        ])
        func notForEver(_ request: String, _ line: String) throws {
            let site = try SimulatedSite(
                http: """
                    server {
                        listen 127.0.0.1:8080;
                        http2 on;
                        location / { proxy_pass http://127.0.0.1:9000; proxy_read_timeout 1h; proxy_buffering off; }
                        location /afterwards { proxy_pass http://127.0.0.1:9000; proxy_read_timeout 1h; post_action /half; }
                    }
                    """,
                main: "worker_shutdown_timeout 5s;")
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"
            _ = site.upstream { _ in
                [.wait { $0.hasRequest }, .act { if $0.text.hasPrefix("GET /half") { $0.append([.send(head)]) } }]
            }
            let client = site.client([.send(request), .waitForEnd])
            site.run(milliseconds: 100)
            let start = site.kernel.now
            site.quit()
            #expect(site.run { site.worker.loop.shouldStop })
            #expect((5_000...5_010).contains(site.kernel.now - start))
            site.cycle.logs.detach()
            #expect(site.accessLog.map { $0.hasPrefix(line) } == [true], "\(site.accessLog)")
            site.kernel.pass(milliseconds: 1_000)
            #expect(client.isOver)
        }
    }
}
