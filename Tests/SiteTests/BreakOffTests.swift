import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Clients that go, at any byte: nothing is left over, the log has its line, and others are served.
    @Suite struct ClientBreaksOff {
        /// How many requests have begun with so many bytes of a visit's.
        private static func begun(_ visit: Everything.Visit, _ count: Int) -> ClosedRange<Int> {
            if count == 0 { return 0...0 }
            // Nothing is a request before the PROXY protocol's header, or a head in frames, is through.
            return (visit.port == 8080 && !visit.isFramed ? 1 : 0)...visit.statuses.count
        }

        @Test(arguments: Everything.all, ScriptedPeerEnd.allCases)
        func withinTheRequest(_ visit: Everything.Visit, _ way: ScriptedPeerEnd) throws {
            let site = try Everything.site()
            site.kernel.gathersEvents = way == .halfClose
            let whole = site.outcome(of: visit)
            let bytes = Array(visit.request.utf8)
            for count in [0] + Torn.positions(in: visit) where count < 40 || count % 9 == 0 {
                site.forgetLogs()
                let client = site.client(port: visit.port, [.send(Array(bytes[..<count])), way.step])
                site.run(milliseconds: 10_000)
                let lines = site.accessLog
                try #require(
                    Self.begun(visit, count).contains(lines.count), "after \(count): \(lines)")
                try #require(client.isOver, "after \(count) the connection stays open: \(site.errorLog)")
                client.quit()
            }
            let again = site.outcome(of: visit)
            #expect(again.without(field: 2) == whole.without(field: 2))
            #expect(site.problems() == [])
        }

        /// The client's window lets the server send no more than it reads.
        @Test(arguments: Everything.all, [ScriptedPeerEnd.close, .reset])
        func withinTheAnswer(_ visit: Everything.Visit, _ way: ScriptedPeerEnd) throws {
            let site = try Everything.site()
            let whole = site.outcome(of: visit)
            let length = whole.answers.reduce(0) { $0 + $1.body.count + 250 }
            let step = length > 2_000 ? length / 12 : 29
            for count in stride(from: 0, to: length, by: step) {
                site.forgetLogs()
                let client = site.client(
                    port: visit.port, capacity: max(count, 1),
                    [.read(count), .send(visit.request), .pause(200), way.step])
                site.run(milliseconds: 10_000)
                let lines = site.accessLog
                // The window may be too small for a handshake.
                let isBegun = visit.isSecure || visit.isFramed ? 0 : 1
                try #require((isBegun...visit.statuses.count).contains(lines.count), "after \(count): \(lines)")
                client.quit()
            }
            let again = site.outcome(of: visit)
            #expect(again.without(field: 2) == whole.without(field: 2))
            #expect(site.problems() == [])
        }

        /// As `printf … | nc` does: the end may be seen together with the request.
        @Test(arguments: Everything.local.filter { !$0.ends }, [false, true])
        func halfClosedAfterTheRequest(_ visit: Everything.Visit, _ gathers: Bool) throws {
            let site = try Everything.site()
            site.kernel.gathersEvents = gathers
            let whole = site.outcome(of: visit)
            let half = site.outcome(of: visit, [.send(visit.request), .halfClose, .waitForEnd])
            #expect(half == whole)
            #expect(site.problems() == [])
        }
    }
}
