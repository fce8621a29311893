import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Many clients at once on a network and a machine that are as bad as chance makes them. The seed tells how to see a
    /// failure again.
    @Suite struct Seeds {
        /// A world in which everything that may differ does, but nothing breaks.
        private static func roughen(_ kernel: SimulatedKernel) {
            kernel.latency = kernel.random.number(0...3)
            kernel.jitter = kernel.random.number(0...5)
            kernel.shortSends = [0, 0.1, 0.5].randomElement(using: &kernel.random) ?? 0
            kernel.shortMoves = [0, 0.3].randomElement(using: &kernel.random) ?? 0
            kernel.segmentLimit = [0, 7, 500, 5_000].randomElement(using: &kernel.random) ?? 0
            kernel.interruptions = [0, 0.2].randomElement(using: &kernel.random) ?? 0
            kernel.shufflesEvents = kernel.random.chance(0.5)
            kernel.gathersEvents = kernel.random.chance(0.3)
            kernel.connectsAtOnce = kernel.random.chance(0.5)
            kernel.socketCapacity = [300, 5_000, 200_000].randomElement(using: &kernel.random) ?? 200_000
        }

        /// How a client sends its request.
        private static func sending(_ text: String, _ random: inout SeededRandom) -> ScriptedPeer.Step {
            let bytes = Array(text.utf8)
            switch random.number(0...3) {
            case 0: return .send(bytes)
            case 1: return .cut(text, at: random.number(0...bytes.count), gap: random.number(0...20))
            default:
                var pieces: [[UInt8]] = []
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = random.number(1...max(rest.count / 3, 1))
                    pieces.append(Array(rest.prefix(count)))
                    rest = rest.dropFirst(count)
                }
                return .sendTorn(pieces, gap: random.number(0...9))
            }
        }

        private static let visits = Everything.all.filter { !$0.ends && $0.port != 8081 && !$0.isFramed }
        private static let framed = Everything.framed.filter { !$0.ends }
        /// Where each segment carries a few bytes, large answers would take the test's whole time.
        private static let smallVisits = visits.filter { ($0.body?.count ?? 0) < 5_000 && !$0.name.contains("large") && !$0.name.contains("moved") }

        /// So many runs, or those of `APUS_SEEDS=from-to`: for looking longer, and at one again.
        static let numbers: ClosedRange<UInt64> = {
            let wanted = Process.environment.first { $0.hasPrefix("APUS_SEEDS=") }
            let bounds = (wanted ?? "").drop { $0 != "=" }.dropFirst().split(separator: "-").compactMap { UInt64($0) }
            guard let first = bounds.first, let last = bounds.last, first <= last else { return 1...25 }
            return first...last
        }()

        /// A client makes several visits over one connection, with pauses or without.
        private static func client(
            _ site: SimulatedSite
        ) -> (client: ScriptedPeer, visits: [Everything.Visit]) {
            let kernel = site.kernel
            if kernel.random.chance(0.3) { return framedClient(site) }
            let all = kernel.segmentLimit == 7 ? smallVisits : Self.visits
            let visits = (0..<kernel.random.number(1...5)).map { _ in all[kernel.random.number(0...all.count - 1)] }
            var steps: [ScriptedPeer.Step] = [.pause(kernel.random.number(0...50))]
            if kernel.random.chance(0.2) {
                steps.append(.readSlowly(bytes: kernel.random.number(200...9_000), every: kernel.random.number(1...20)))
            }
            let pipelines = kernel.random.chance(0.3)
            var answers = 0
            var headOnly: Set<Int> = []
            for visit in visits {
                steps.append(sending(visit.request, &kernel.random))
                for place in visit.headOnly { headOnly.insert(answers + place) }
                answers += visit.statuses.count
                if !pipelines { steps.append(.wait(answers: answers, headOnly: headOnly)) }
            }
            steps.append(.wait(answers: answers, headOnly: headOnly))
            return (site.client(port: kernel.random.chance(0.2) ? 8443 : 8080, steps), visits)
        }

        /// A client that makes one visit, in HTTP/2.
        private static func framedClient(
            _ site: SimulatedSite
        ) -> (client: ScriptedPeer, visits: [Everything.Visit]) {
            let kernel = site.kernel
            let all = kernel.segmentLimit == 7 ? framed.filter { ($0.body?.count ?? 0) < 5_000 && $0.statuses.count == 1 } : framed
            let visit = all[kernel.random.number(0...all.count - 1)]
            var steps: [ScriptedPeer.Step] = [.pause(kernel.random.number(0...50))]
            if kernel.random.chance(0.2) {
                steps.append(.readSlowly(bytes: kernel.random.number(200...9_000), every: kernel.random.number(1...20)))
            }
            steps += [sending(visit.request, &kernel.random), visit.wait]
            return (site.client(port: visit.port, steps), [visit])
        }

        private static func check(
            _ client: ScriptedPeer, _ visits: [Everything.Visit], isBroken: Bool = false, isRight: (Answer, Int, [UInt8]?) -> Bool
        ) -> String? {
            var headOnly: Set<Int> = []
            var expected: [(status: Int, body: [UInt8]?)] = []
            for visit in visits {
                for place in visit.headOnly { headOnly.insert(expected.count + place) }
                for (index, status) in visit.statuses.enumerated() {
                    let known =
                        visit.statuses.count == 1 && !visit.headOnly.contains(index) && !(isBroken && visit.mayDiffer)
                    expected.append((status, known ? visit.body : nil))
                }
            }
            let all = visits[0].isFramed ? visits[0].answers(in: client.received) : Answer.all(in: client.received, headOnly: headOnly)
            // A stream that was reset has left a gap among those that were answered.
            let answers = all.filter { $0.status >= 200 || visits[0].isFramed }
            for (answer, wanted) in zip(answers, expected) where answer.status >= 200 {
                if !isRight(answer, wanted.status, wanted.body) {
                    return "\(visits): wanted \(wanted.status), got \(answer)"
                }
            }
            let count = answers.count { $0.status >= 200 }
            return count == expected.count ? nil : "\(visits): \(count) answers instead of \(expected.count)"
        }

        /// However bad the network is, every client gets what it asked for.
        @Test(arguments: Seeds.numbers)
        func everybodyIsServed(_ seed: UInt64) throws {
            let site = try Everything.site(seed: seed) { Self.roughen($0) }
            let clients = (0..<site.kernel.random.number(1...12)).map { _ in Self.client(site) }
            let isServed = site.run { clients.allSatisfy(\.client.isDone) }
            let stuck = clients.filter { !$0.client.isDone }
            try #require(isServed, "\(stuck.map { "\($0.visits): \($0.client.text.suffix(300))" }) \(site.kernel.mistakes)")
            for (client, visits) in clients {
                let complaint = Self.check(client, visits) { answer, status, body in
                    answer.status == status && answer.isComplete && (body == nil || answer.body == body)
                }
                #expect(complaint == nil, "\(complaint ?? "") \(site.errorLog)")
            }
            let requests = clients.reduce(0) { $0 + $1.visits.reduce(0) { $0 + $1.statuses.count } }
            #expect(site.run(atMost: 1_000) { site.accessCount == requests })
            #expect(site.problems() == [])
        }

        // MARK: - When things break

        /// Calls fail, clients and the application break off: whoever is answered is answered rightly, nothing is left over,
        /// and when it is over the server serves as ever.
        @Test(arguments: Seeds.numbers)
        func nothingIsLeftOver(_ seed: UInt64) throws {
            let application = Application()
            let site = try Everything.site(seed: seed, application) { Self.roughen($0) }
            let kernel = site.kernel
            for call in SimulatedCall.allCases where kernel.random.chance(0.4) {
                kernel.failures.shares[call] = [0.01, 0.05, 0.3].randomElement(using: &kernel.random)
            }
            if kernel.random.chance(0.2) { kernel.descriptorLimit = kernel.descriptors.count + kernel.random.number(1...9) }
            if kernel.random.chance(0.2) { kernel.disk.space = kernel.random.number(0...50_000) }
            let rudeness: Double = [0.0, 0.1, 0.5].randomElement(using: &kernel.random) ?? 0
            application.sends = { bytes in
                guard kernel.random.chance(rudeness) else { return Application.inParts(bytes) }
                let part = Array(bytes.prefix(kernel.random.number(0...bytes.count)))
                return Application.inParts(part) + [kernel.random.chance(0.5) ? .close : .reset]
            }
            let clients = (0..<kernel.random.number(1...12)).map { _ in Self.client(site) }
            for (client, _) in clients where kernel.random.chance(rudeness) {
                let way = kernel.random.number(0...3)
                kernel.schedule(after: kernel.random.number(0...100)) {
                    switch way {
                    case 0: client.quit()
                    case 1: client.socket.endOutput()
                    default:
                        client.socket.reset()
                        client.quit()
                    }
                }
            }
            let isOver = site.run { clients.allSatisfy { $0.client.isDone || $0.client.isOver } }
            let stuck = clients.filter { !$0.client.isDone && !$0.client.isOver }
            try #require(isOver, "\(stuck.map { "\($0.visits): \($0.client.text.suffix(300))" }) \(kernel.mistakes)")
            for (client, visits) in clients {
                let complaint = Self.check(client, visits, isBroken: true) { answer, status, body in
                    if !answer.isComplete || answer.status >= 400 { return true }
                    return answer.status == status && (body == nil || answer.body == body)
                }
                #expect(complaint == nil || complaint?.contains("answers instead of") == true, "\(complaint ?? "")")
            }
            kernel.descriptorLimit = 1_000
            kernel.disk.space = .max
            application.sends = Application.inParts
            try #require(site.problems() == [], "\(site.errorLog)")
            for visit in [Self.visits[0], Self.visits[kernel.random.number(0...Self.visits.count - 1)]] {
                let outcome = site.outcome(of: visit)
                #expect(outcome.answers.filter { $0.status >= 200 }.map(\.status) == visit.statuses, "\(visit): \(outcome)")
            }
            #expect(site.problems() == [])
        }
    }
}
