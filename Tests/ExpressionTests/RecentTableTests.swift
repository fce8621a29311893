@testable import ApusServer
import Testing

@Suite struct RecentTableTests {
    private func key(_ number: Int) -> ByteString { ByteString("key\(number)") }

    @Test func theOneUnusedForLongestGoesFirst() {
        let table = RecentTable<Int>()
        for number in 0..<4 { table.insert(number, for: key(number).span) }
        #expect(table.find(key(0).span) == 0)
        #expect(table.find(key(9).span) == nil)
        #expect(table.oldestValue == 1)
        #expect((0..<5).map { _ in table.removeOldest() } == [1, 2, 3, 0, nil])
        #expect(table.isEmpty && table.oldestValue == nil)
    }

    @Test func anotherValueTakesAKeysPlace() {
        let table = RecentTable<Int>()
        for number in 0..<3 { table.insert(number, for: key(number).span) }
        table.insert(10, for: key(0).span)
        #expect(table.count == 3 && table.find(key(0).span) == 10)
        #expect(table.oldestValue == 1)
    }

    /// Against an array that does the same slowly, with enough keys for every kind of collision.
    @Test func agreesWithASimpleModel() {
        let table = RecentTable<Int>()
        var model: [(key: Int, value: Int)] = []
        var seed: UInt64 = 1
        func random(_ bound: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(seed >> 33) % bound
        }
        for step in 0..<20_000 {
            let number = random(60)
            let place = model.firstIndex { $0.key == number }
            switch random(5) {
            case 0, 1:
                table.insert(step, for: key(number).span)
                if let place { model.remove(at: place) }
                model.append((number, step))
            case 2:
                #expect(table.find(key(number).span) == place.map { model[$0].value })
                if let place { model.append(model.remove(at: place)) }
            case 3:
                #expect(table.remove(key(number).span) == place.map { model.remove(at: $0).value })
            default:
                if random(4) == 0 {
                    #expect(table.removeOldest() == (model.isEmpty ? nil : model.removeFirst().value))
                }
            }
            #expect(table.count == model.count && table.oldestValue == model.first?.value)
        }
        #expect(Set(table.values) == Set(model.map(\.value)))
        table.removeAll()
        #expect(table.isEmpty && table.find(key(1).span) == nil)
        table.insert(1, for: key(1).span)
        #expect(table.find(key(1).span) == 1)
    }
}
