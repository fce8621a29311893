import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Files kept in memory: a look at the disk is saved only where it could not have shown anything newer.
    @Suite struct Freshness {
        private static func site(seed: UInt64 = 1) throws -> SimulatedSite {
            try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; root files; keepalive_requests 100000; }", seed: seed)
        }

        private static let request = "GET /hot.txt HTTP/1.1\r\nHost: a\r\n\r\n"

        @Test func requestsOfOneTurnShareALook() throws {
            let site = try Self.site()
            site.put("hot.txt", Array("hot".utf8))
            #expect(site.ask(Self.request).map(\.text) == ["hot"])
            let clients = (0..<8).map { _ in site.client([.pause(100), .send(Array(Self.request.utf8)), .wait(answers: 1)]) }
            site.kernel.gathersEvents = true
            let before = site.kernel.failures.counts[.statusAt, default: 0]
            for client in clients { site.finish(client) }
            for client in clients { #expect(Answer.all(in: client.received).map(\.text) == ["hot"]) }
            let looks = site.kernel.failures.counts[.statusAt, default: 0] - before
            #expect(looks >= 1 && looks < 8, "\(looks) looks")
            #expect(site.problems() == [])
        }

        /// Clients that change the file and ask for it at once, while others do the same: each has to be given what it has
        /// written, or something newer. Turns are interrupted, so that changes fall between the requests of one turn.
        @Test(arguments: 1...20 as ClosedRange<UInt64>)
        func whoHasChangedAFileIsGivenNothingOlder(_ seed: UInt64) throws {
            let site = try Self.site(seed: seed)
            let kernel = site.kernel
            kernel.interruptions = 0.5
            kernel.gathersEvents = seed % 4 == 0
            kernel.shufflesEvents = true
            kernel.jitter = Int(seed % 3)
            var version = 0
            func change() {
                version += 1
                // Each version has a time of its own, and is old enough to be kept.
                kernel.disk.put(
                    SimulatedSite.prefix + "files/hot.txt", Array("version \(version)".utf8),
                    at: kernel.wallMilliseconds() - 100_000_000 + version)
            }
            change()
            var stale: [String] = []
            let clients = (0..<6).map { number in
                var steps: [ScriptedPeer.Step] = []
                for round in 0..<30 {
                    // Two requests in a row, the second perhaps on its way before the first is answered.
                    var least = [0, 0]
                    for place in 0...1 {
                        let isWriter = (round + number + place) % 3 == 0
                        steps += [
                            .act { _ in
                                if isWriter { change() }
                                least[place] = version
                            },
                            .send(Array(Self.request.utf8)), .pause(0),
                        ]
                    }
                    steps += [
                        .wait(answers: 2),
                        .act { peer in
                            for (place, answer) in Answer.all(in: peer.received).enumerated() {
                                let given = Int(answer.text.split(separator: " ").last ?? "") ?? -1
                                if given < least[place] { stale.append("\(answer.text) for \(least[place])") }
                            }
                            peer.takeReceived()
                        },
                    ]
                }
                return site.client(steps)
            }
            for client in clients { site.finish(client) }
            #expect(stale == [])
            #expect(site.problems() == [])
        }

        /// What it takes to find a file counts, too: thirty bytes of each of a million files would be half a gigabyte.
        @Test func manyTinyFilesAreBoundedAsFewLargeOnesAre() throws {
            let kernel = SimulatedKernel()
            let hot = HotFiles(loop: try EventLoop(kernel: kernel))
            let name = Buffer(capacity: 32)
            for number in 0..<40_000 {
                let path = "/tiny/\(number)"
                kernel.disk.put(path, [], at: kernel.wallMilliseconds() - 1_000_000)
                name.removeAll()
                name.append(path.utf8.span)
                guard case .hot = hot.open(name, arrival: 0, readAhead: 0) else {
                    Issue.record("\(path) is not found")
                    return
                }
            }
            #expect(hot.figures.bytes <= HotFiles.budget)
            #expect(hot.figures.count > 20_000 && hot.figures.count < 35_000, "\(hot.figures.count) files")
        }
    }
}
