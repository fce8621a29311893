import Testing

@testable import ApusServer

@Suite struct ConnectionCountsTests {
    /// No process has this number: it is above what Linux gives out.
    private let dead = Int(Int32.max)
    private let own = ThisProcess.id

    private func counts(size: Int = 65_536) throws -> ConnectionCounts {
        let zones = SharedZones()
        let zone = try zones.zone(name: "z", size: size, kind: "limit_conn")
        let counts = ConnectionCounts(in: zone)
        try zones.open()
        return counts
    }

    private func admit(
        _ counts: ConnectionCounts, _ key: ByteString, limit: Int, process: Int, now: Int = 5_000
    ) -> TableSlot? {
        let outcome = counts.admit(key.span, limit: limit, process: process, now: now)
        if case .admitted(let slot) = outcome { return slot }
        return nil
    }

    @Test func upToTheLimitIsAdmitted() throws {
        let counts = try counts()
        let first = admit(counts, "a", limit: 2, process: own)
        #expect(first != nil)
        #expect(admit(counts, "a", limit: 2, process: own) != nil)
        #expect(admit(counts, "a", limit: 2, process: own) == nil)
        #expect(admit(counts, "b", limit: 2, process: own) != nil)
        if let first { counts.release(first, process: own) }
        #expect(admit(counts, "a", limit: 2, process: own) != nil)
    }

    @Test func whatIsGivenBackLeavesNothing() throws {
        let counts = try counts()
        for _ in 0..<3 {
            guard let slot = admit(counts, "a", limit: 1, process: own) else {
                Issue.record("not admitted")
                return
            }
            counts.release(slot, process: own)
            #expect(counts.count(of: ByteString("a").span) == 0)
        }
    }

    @Test func aDeadProcessRefusesNobody() throws {
        let counts = try counts()
        for _ in 0..<3 { #expect(admit(counts, "a", limit: 3, process: dead) != nil) }
        #expect(admit(counts, "a", limit: 3, process: own) != nil)
        #expect(counts.count(of: ByteString("a").span) == 1)
    }

    @Test func theLivingKeepWhatTheyHave() throws {
        let counts = try counts()
        #expect(admit(counts, "a", limit: 2, process: 1) != nil)
        #expect(admit(counts, "a", limit: 2, process: dead) != nil)
        #expect(admit(counts, "a", limit: 2, process: own) != nil)
        #expect(admit(counts, "a", limit: 2, process: own) == nil)
        #expect(counts.count(of: ByteString("a").span) == 2)
    }

    @Test func moreProcessesThanAreToldApartAreCountedAll() throws {
        let counts = try counts()
        var slots: [TableSlot] = []
        for process in 1...20 {
            if let slot = admit(counts, "a", limit: 100, process: process) { slots.append(slot) }
        }
        #expect(counts.count(of: ByteString("a").span) == 20)
        for (index, slot) in slots.enumerated() { counts.release(slot, process: index + 1) }
        #expect(counts.count(of: ByteString("a").span) == 0)
    }

    @Test func aFullTableMakesRoomByForgettingTheDead() throws {
        let counts = try counts(size: 32_768)
        var number = 0
        while admit(counts, ByteString("key\(number)"), limit: 1, process: dead, now: 0) != nil {
            number += 1
            if number > 10_000 { break }
        }
        #expect(number > 50 && number < 10_000)
        #expect(admit(counts, "another", limit: 1, process: own) != nil)
    }
}
