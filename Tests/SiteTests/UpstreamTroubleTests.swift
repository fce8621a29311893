import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Upstreams that break off, at any byte: 502 or a broken answer, never less.
    @Suite struct UpstreamBreaksOff {
        enum Way: String, CaseIterable, Sendable {
            case close, reset
        }

        /// What the upstream's answer is when it is cut after `count` bytes, and how its connection ends.
        private static func cut(_ count: Int, _ way: Way) -> ([UInt8]) -> [ScriptedPeer.Step] {
            { bytes in
                if count >= bytes.count { return [.send(bytes)] }
                // A reset may overtake what was sent before it only where nobody has read that yet.
                return [.send(Array(bytes[..<count])), .pause(1), way == .close ? .close : .reset]
            }
        }

        @Test(arguments: Everything.proxied.filter { $0.statuses.count == 1 }, Way.allCases)
        func withinTheAnswer(_ visit: Everything.Visit, _ way: Way) throws {
            let application = Application()
            let site = try Everything.site(application)
            let whole = site.outcome(of: visit)
            var answer: [UInt8] = []
            application.sends = { bytes in
                answer = bytes
                return [.send(bytes)]
            }
            _ = site.outcome(of: visit)
            let headEnd = (Answer.all(in: answer).last.map { answer.count - $0.body.count } ?? 0) - 1
            let counts = (0..<answer.count).filter { $0 < 120 || $0 % 9_973 == 0 }
            for count in counts {
                // Idle connections would make the first try of each visit a second.
                site.run(milliseconds: 100_000)
                application.sends = Self.cut(count, way)
                let cut = site.outcome(of: visit)
                let isUntilClose = visit.name == "until close" || visit.name == "1.0 upstream"
                let status = cut.answers.first?.status
                try #require(cut.answers.count == 1, "after \(count): \(cut)")
                if status == 502 {
                    try #require(count <= headEnd, "after \(count): \(cut)")
                    let lines = site.errorLog.filter { $0.hasPrefix("[error]") }
                    let text = way == .close
                        ? "upstream prematurely closed connection while reading response header from upstream"
                        : "recv() failed (104: Connection reset by peer) while reading response header from upstream"
                    try #require(lines.contains { $0.contains(text) }, "after \(count): \(lines)")
                } else if !(isUntilClose && way == .close) && cut != whole {
                    // The client can tell that it has not got everything.
                    try #require(cut.answers[0].isComplete == false, "after \(count): \(cut)")
                    let lines = site.errorLog.filter { $0.hasPrefix("[error]") }
                    let text = way == .close
                        ? "upstream prematurely closed connection while reading upstream"
                        : "recv() failed (104: Connection reset by peer) while reading upstream"
                    try #require(lines.contains { $0.contains(text) }, "after \(count): \(lines)")
                }
            }
            application.sends = Application.inParts
            site.run(milliseconds: 100_000)
            #expect(site.outcome(of: visit).without(field: 2) == whole.without(field: 2))
            #expect(site.problems() == [])
        }

        /// It goes before it has read the whole request.
        @Test(arguments: Everything.proxied.filter { $0.statuses.count == 1 }, Way.allCases)
        func withinTheRequest(_ visit: Everything.Visit, _ way: Way) throws {
            let site = try Everything.site()
            for count in [0, 1, 20, 60, 100, 150, 500] {
                let end = way == .close ? ScriptedPeer.Step.close : .reset
                let rude = site.upstream { _ in [.read(count), .wait { $0.received.count >= count || $0.hasRequest }, end] }
                site.forgetLogs()
                let cut = site.outcome(of: visit)
                try #require(
                    cut.answers.map(\.status) == [502],
                    "after \(count): \(cut) \(site.errorLog)")
                try #require(rude.connections.count >= 1)
            }
            #expect(site.problems() == [])
        }
    }
}
