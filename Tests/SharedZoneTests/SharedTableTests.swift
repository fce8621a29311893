@testable import ApusServer
import Testing

func openTable<Record>(
    _ type: Record.Type, size: Int = 65536, keyCapacity: Int = 16
) throws -> SharedTable<Record> {
    let zones = SharedZones()
    let zone = try zones.zone(name: "test", size: size, kind: "test")
    let table = SharedTable<Record>(in: zone, keyCapacity: keyCapacity)
    try zones.open()
    return table
}

func key(_ number: Int) -> ByteString {
    ByteString("key\(number)")
}

/// A seeded source of numbers: a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

struct SharedTableTests {
    private func contents(_ table: SharedTable<Int>) -> [Int] {
        table.withLock { table in
            var found: [Int] = []
            var slot = table.oldest
            while let current = slot {
                found.append(table.record(current) ?? -1)
                slot = table.newer(than: current)
            }
            return found
        }
    }

    @Test func iterationGoesFromTheLeastRecentlyUsed() throws {
        let table = try openTable(Int.self)
        table.withLock { table in
            for number in 0..<4 { _ = table.insert(key(number).span, number) }
            if let slot = table.find(key(1).span) { table.touch(slot) }
        }
        #expect(contents(table) == [0, 2, 3, 1])
        table.withLock { table in
            if let slot = table.find(key(2).span) { table.remove(slot) }
            _ = table.findOrInsert(key(0).span, 9)
        }
        #expect(contents(table) == [3, 1, 0])
        #expect(table.withLock { $0.isConsistent })
    }

    @Test func aFullTableGivesUpItsOldest() throws {
        let table = try openTable(Int.self)
        let capacity = table.capacity
        #expect(capacity > 900)
        let facts = table.withLock { table in
            for number in 0..<capacity { _ = table.findOrInsert(key(number).span, number) }
            let isRefused = table.isFull && table.insert(key(-1).span, 0) == nil
            let isNew = table.findOrInsert(key(-1).span, -1).isNew
            return [
                isRefused, isNew, table.find(key(0).span) == nil, table.find(key(1).span) != nil,
                table.count == capacity, table.isConsistent,
            ]
        }
        #expect(!facts.contains(false), "\(facts)")
    }

    @Test func aKeptSlotIsToldFromItsSuccessor() throws {
        let table = try openTable(Int.self)
        let facts = table.withLock { table in
            guard let slot = table.insert(key(1).span, 1) else { return [false] }
            table.remove(slot)
            let other = table.insert(key(2).span, 2)
            let facts = [
                !table.isCurrent(slot), table.record(slot) == nil,
                table.update(slot) { $0 += 1 } == nil,
            ]
            table.remove(slot)
            return facts + [other.flatMap { table.record($0) } == 2]
        }
        #expect(!facts.contains(false), "\(facts)")
    }

    @Test func keysOfAnyLengthAreToldApart() throws {
        let table = try openTable(Int.self)
        let keys = (0..<300).map { ByteString([UInt8](repeating: 0x61, count: $0)) }
        let wrong = table.withLock { table in
            var wrong: [Int] = []
            for (length, key) in keys.enumerated() {
                if table.find(key.span) != nil || table.insert(key.span, length) == nil {
                    wrong.append(length)
                }
            }
            for (length, key) in keys.enumerated() {
                let text = Buffer()
                guard let slot = table.find(key.span), table.record(slot) == length,
                    table.appendKey(of: slot, to: text) == (length <= 16),
                    text.count == (length <= 16 ? length : 0)
                else {
                    wrong.append(length)
                    continue
                }
            }
            return wrong
        }
        #expect(wrong == [])
    }

    /// A million operations on few keys, with evictions, against the plainest model.
    @Test func randomOperationsAgreeWithAModel() throws {
        let table = try openTable(Int.self, size: 32768)
        let capacity = table.capacity
        var generator = SplitMix(state: 42)
        let keys = (0..<capacity * 2).map { key($0) }
        var model: [Int: Int] = [:]
        // The order of use, as the time of the last use.
        var used = [Int](repeating: 0, count: keys.count)
        for time in 1...1_000_000 {
            let number = Int.random(in: 0..<keys.count, using: &generator)
            let choice = Int.random(in: 0..<100, using: &generator)
            let name = keys[number]
            let agrees: Bool = table.withLock { table in
                switch choice {
                case 0..<40:
                    let found = table.find(name.span).flatMap { table.record($0) }
                    return found == model[number]
                case 40..<60:
                    guard let slot = table.find(name.span) else {
                        return model[number] == nil
                    }
                    table.touch(slot)
                    used[number] = time
                    model[number] = time
                    return table.update(slot) { $0 = time } != nil
                case 60..<80:
                    let slot = table.find(name.span)
                    if let slot { table.remove(slot) }
                    return (model.removeValue(forKey: number) != nil) == (slot != nil)
                default:
                    let wasFull = table.isFull
                    let (slot, isNew) = table.findOrInsert(name.span, time)
                    guard isNew == (model[number] == nil) else { return false }
                    if isNew, wasFull, let victim = model.keys.min(by: { used[$0] < used[$1] }) {
                        model[victim] = nil
                    }
                    if isNew { model[number] = time }
                    used[number] = time
                    return table.record(slot) == model[number] && table.count == model.count
                }
            }
            guard agrees else {
                Issue.record("operation \(time) differs")
                return
            }
        }
        #expect(table.withLock { $0.isConsistent })
        let expected = model.sorted { used[$0.key] < used[$1.key] }.map(\.value)
        #expect(contents(table) == expected)
    }
}
