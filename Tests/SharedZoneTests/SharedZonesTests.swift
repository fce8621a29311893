@testable import ApusServer
import Testing

/// Declaring zones: nginx's errors, and what a reload keeps.
struct SharedZonesTests {
    private func message(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as ZoneError { return error.message } catch { return nil }
        return nil
    }

    @Test func sizesOfOneZoneMustAgree() throws {
        let zones = SharedZones()
        _ = try zones.zone(name: "one", size: 65536, kind: "limit_req")
        _ = try zones.zone(name: "one", size: nil, kind: "limit_req")
        let error = message { _ = try zones.zone(name: "one", size: 131072, kind: "limit_req") }
        #expect(
            error == "the size 131072 of shared memory zone \"one\" "
                + "conflicts with already declared size 65536")
    }

    @Test func aNameHasOneUse() throws {
        let zones = SharedZones()
        _ = try zones.zone(name: "one", size: 65536, kind: "limit_req")
        let error = message { _ = try zones.zone(name: "one", size: 65536, kind: "limit_conn") }
        #expect(error == "the shared memory zone \"one\" is already declared for a different use")
    }

    @Test func aZoneNeedsASize() throws {
        let zones = SharedZones()
        #expect(
            message { _ = try zones.zone(name: "one", size: 100, kind: "limit_req") }
                == "zone \"one\" is too small")
        _ = try zones.zone(name: "one", size: nil, kind: "limit_req")
        #expect(message { try zones.open() } == "zero size shared memory zone \"one\"")
    }

    @Test func aReloadKeepsAnUnchangedZone() throws {
        func configure(
            size: Int = 65536, keyCapacity: Int = 16, meaning: ByteString = "$a"
        ) throws -> (SharedZones, SharedTable<Int>) {
            let zones = SharedZones()
            let zone = try zones.zone(name: "one", size: size, kind: "limit_req")
            zone.meaning = meaning
            return (zones, SharedTable<Int>(in: zone, keyCapacity: keyCapacity))
        }
        let key: ByteString = "client"
        let (first, table) = try configure()
        try first.open()
        table.withLock { table in _ = table.insert(key.span, 7) }

        let (second, kept) = try configure()
        try second.open(over: first)
        #expect(second.all[0].isTakenOver)
        #expect(kept.withLock { table in table.find(key.span).flatMap { table.record($0) } } == 7)

        let others = [
            try configure(size: 131072), try configure(keyCapacity: 64),
            try configure(meaning: "$b"),
        ]
        for (third, fresh) in others {
            try third.open(over: second)
            #expect(!third.all[0].isTakenOver)
            #expect(fresh.withLock { $0.count } == 0)
        }
    }

    @Test func aZoneHoldsSeveralArraysIfTheyFit() throws {
        let zones = SharedZones()
        let zone = try zones.zone(name: "one", size: 32768, kind: "upstream")
        let arrays = (0..<3).map { number in
            RecordArray<Int>(
                count: 500, in: zone, initial: { $0 + number }, repair: { value, _ in value })
        }
        try zones.open()
        for (number, array) in arrays.enumerated() {
            let sound = array.withRecords { records in
                records.indices.allSatisfy { records[$0] == $0 + number }
            }
            #expect(sound)
        }
        let small = SharedZones()
        let tooSmall = try small.zone(name: "one", size: 32768, kind: "upstream")
        let array = RecordArray<Int>(
            count: 5000, in: tooSmall, initial: { $0 }, repair: { value, _ in value })
        #expect(message { try small.open() } == "zone \"one\" is too small")
        #expect(array.count == 5000)
    }

    @Test func countersAddUp() throws {
        let counters = try ConnectionCounters()
        counters.add(3, to: .active)
        counters.add(-1, to: .active)
        #expect(counters[.active] == 2)
        #expect(counters[.waiting] == 0)
    }
}
