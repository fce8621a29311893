import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Where a network cuts what is sent must not matter.
    @Suite struct Torn {
        /// Every position within heads; of long bodies, and where a handshake goes before, some.
        static func positions(in visit: Everything.Visit) -> [Int] {
            let count = visit.request.utf8.count
            return (1..<count).filter {
                visit.isSecure
                    ? $0 % 17 == 0 || $0 == count - 1 : $0 < 150 || $0 % 53 == 0 || $0 > count - 12
            }
        }

        /// How much of a refused request was seen may differ.
        private static func isSame(
            _ one: SimulatedSite.Outcome, _ other: SimulatedSite.Outcome, _ visit: Everything.Visit
        ) -> Bool {
            visit.statuses[0] == 400
                ? one.without(field: 3) == other.without(field: 3) : one == other
        }

        @Test(arguments: Everything.all)
        func requestTornAtEveryByte(_ visit: Everything.Visit) throws {
            let application = Application()
            let site = try Everything.site(application)
            // Once before: what is kept in memory, or opened at first use, is there from then on.
            _ = site.outcome(of: visit)
            let whole = site.outcome(of: visit)
            let asked = application.requests.suffix(application.requests.count / 2)
            for position in Self.positions(in: visit) {
                let before = application.requests.count
                let torn = site.outcome(of: visit, [.cut(visit.request, at: position, gap: position % 3)])
                try #require(Self.isSame(torn, whole, visit), "torn at \(position): \(torn), whole: \(whole)")
                let sent = application.requests.dropFirst(before)
                if !visit.request.contains("/streamed/") {
                    try #require(sent.sorted() == asked.sorted(), "torn at \(position)")
                }
            }
            #expect(site.problems() == [])
        }

        @Test(arguments: Everything.all)
        func requestInSingleBytes(_ visit: Everything.Visit) throws {
            let site = try Everything.site()
            _ = site.outcome(of: visit)
            let whole = site.outcome(of: visit)
            let torn = site.outcome(of: visit, [.byteByByte(visit.request)])
            #expect(Self.isSame(torn, whole, visit), "torn: \(torn), whole: \(whole)")
            #expect(site.problems() == [])
        }

        @Test(arguments: Everything.proxied + Everything.relayed)
        func answerTornAtEveryByte(_ visit: Everything.Visit) throws {
            let application = Application()
            let site = try Everything.site(application)
            let whole = site.outcome(of: visit)
            var length = 0
            application.sends = { bytes in
                length = max(length, bytes.count)
                return [.send(bytes)]
            }
            _ = site.outcome(of: visit)
            for position in 1..<max(length, 2) where position < 120 || position % 19_997 == 0 || position > length - 6 {
                application.sends = { bytes in
                    position < bytes.count
                        ? [.sendTorn([Array(bytes[..<position]), Array(bytes[position...])], gap: position % 3)]
                        : [.send(bytes)]
                }
                let torn = site.outcome(of: visit)
                try #require(
                    torn.without(field: 2) == whole.without(field: 2),
                    "torn at \(position): \(torn), whole: \(whole)")
            }
            #expect(site.problems() == [])
        }

        @Test(arguments: Everything.proxied + Everything.relayed)
        func answerInSmallPieces(_ visit: Everything.Visit) throws {
            let application = Application()
            let site = try Everything.site(application)
            let whole = site.outcome(of: visit)
            application.sends = { bytes in
                let size = bytes.count > 1_000 ? 997 : 1
                let starts = stride(from: 0, to: bytes.count, by: size)
                return [.sendTorn(starts.map { Array(bytes[$0..<min($0 + size, bytes.count)]) }, gap: 0)]
            }
            let torn = site.outcome(of: visit)
            #expect(torn.without(field: 2) == whole.without(field: 2), "torn: \(torn), whole: \(whole)")
            #expect(site.problems() == [])
        }
    }
}
