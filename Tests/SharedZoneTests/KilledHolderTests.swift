@testable import ApusServer
import CLinux
import Testing

/// A process that is killed at any moment, also while it holds a zone's lock, leaves the zone usable and consistent.
@Suite(.serialized) struct KilledHolderTests {
    /// Two halves that agree whenever no write is under way.
    struct Pair: BitwiseCopyable {
        var value: Int
        var complement: Int

        init(_ value: Int) {
            self.value = value
            complement = ~value
        }
    }

    /// Runs `work` over and over in a process of its own, and kills that after `microseconds`.
    private func killed(after microseconds: UInt32, _ work: () -> Void) {
        let child = apus_fork()
        if child == 0 {
            while true { work() }
        }
        usleep(microseconds)
        kill(child, SIGKILL)
        var status: Int32 = 0
        unsafe waitpid(child, &status, 0)
    }

    @Test func aTableIsRebuilt() throws {
        let table = try openTable(Pair.self, size: 32768)
        let keys = (0..<table.capacity * 2).map { key($0) }
        var generator = SplitMix(state: 7)
        let work = {
            let number = Int(generator.next() % UInt64(keys.count))
            let choice = generator.next() % 10
            let name = keys[number]
            table.withLock { table in
                let (slot, _) = table.findOrInsert(name.span, Pair(number))
                if choice < 3 {
                    table.remove(slot)
                } else {
                    table.update(slot) { $0 = Pair($0.value &+ keys.count) }
                }
            }
        }
        for _ in 0..<1000 { work() }
        for round in 0..<300 {
            killed(after: 200 + UInt32(round) * 7, work)
            let isSound: Bool = table.withLock { table in
                guard table.isConsistent else { return false }
                var slot = table.oldest
                while let current = slot {
                    guard let pair = table.record(current), pair.value == ~pair.complement else {
                        return false
                    }
                    slot = table.newer(than: current)
                }
                return table.count > 0
            }
            #expect(isSound, "round \(round)")
        }
    }

    @Test func anArrayIsMendedAndTheLockGoesOn() throws {
        let zones = SharedZones()
        let zone = try zones.zone(name: "test", size: 32768, kind: "test")
        let array = RecordArray<Pair>(
            count: 8, in: zone, initial: { Pair($0) },
            repair: { pair, index in pair.value == ~pair.complement ? pair : Pair(index) })
        try zones.open()
        killed(after: 100_000) {
            array.withRecords { records in
                for index in records.indices { records[index].value = 99 }
                // Killed here: half of each record is written.
                while true { usleep(1000) }
            }
        }
        let values = array.withRecords { records in records.indices.map { records[$0].value } }
        #expect(values == Array(0..<8))
        #expect(array.withRecords { $0.count } == 8)
    }

    @Test func processesDoNotLoseEachOthersWrites() throws {
        let table = try openTable(Int.self, size: 32768)
        let counters = try SharedCounters(count: 1)
        let shared = key(1)
        table.withLock { table in _ = table.insert(shared.span, 0) }
        var children: [pid_t] = []
        for _ in 0..<4 {
            let child = apus_fork()
            if child == 0 {
                for _ in 0..<20_000 {
                    table.withLock { table in
                        _ = table.find(shared.span).map { slot in table.update(slot) { $0 += 1 } }
                    }
                    counters.add(1, to: 0)
                }
                _exit(0)
            }
            children.append(child)
        }
        for child in children {
            var status: Int32 = 0
            unsafe waitpid(child, &status, 0)
            #expect(status == 0)
        }
        #expect(counters.value(0) == 80_000)
        let value = table.withLock { table in
            table.find(shared.span).flatMap { table.record($0) }
        }
        #expect(value == 80_000)
    }
}
