import Testing

@testable import ApusServer

struct KeepalivePoolTests {
    @Test func theConnectionKeptLastIsTakenFirst() {
        let pool = KeepalivePool<Int>(capacity: 4)
        for connection in [1, 2, 3] { _ = pool.keep(connection, peer: 7) }
        _ = pool.keep(4, peer: 8)
        #expect(pool.take(peer: 7) == 3)
        #expect(pool.take(peer: 7) == 2)
        #expect(pool.take(peer: 9) == nil)
        #expect(pool.take(peer: 8) == 4)
        #expect(pool.take(peer: 7) == 1)
        #expect(pool.take(peer: 7) == nil)
        #expect(pool.count == 0)
    }

    @Test func locationsDoNotShareWhereTheyAreTold() {
        let pool = KeepalivePool<Int>(capacity: 4)
        _ = pool.keep(1, peer: 0, tag: 1)
        #expect(pool.take(peer: 0, tag: 2) == nil)
        #expect(pool.take(peer: 0, tag: 1) == 1)
    }

    @Test func aFullPoolGivesUpTheOneIdleLongest() {
        let pool = KeepalivePool<Int>(capacity: 2)
        #expect(pool.keep(1, peer: 0).evicted == nil)
        #expect(pool.keep(2, peer: 1).evicted == nil)
        #expect(pool.keep(3, peer: 0).evicted == 1)
        #expect(pool.keep(4, peer: 0).evicted == 2)
        #expect(pool.count == 2)
        #expect(pool.removeOldest() == 3)
        #expect(pool.removeOldest() == 4)
        #expect(pool.removeOldest() == nil)
    }

    @Test func aSlotIsGoodOnce() {
        let pool = KeepalivePool<Int>(capacity: 2)
        let (slot, _) = pool.keep(1, peer: 0)
        #expect(pool.remove(slot) == 1)
        #expect(pool.remove(slot) == nil)
        let (next, _) = pool.keep(2, peer: 0)
        #expect(pool.remove(slot) == nil)
        #expect(pool.remove(next) == 2)
    }

    @Test func randomUseAgreesWithAList() {
        let pool = KeepalivePool<Int>(capacity: 16)
        var model: [(connection: Int, peer: Int, tag: Int, slot: KeepalivePool<Int>.Slot)] = []
        for connection in 0..<20_000 {
            let (peer, tag) = (Int.random(in: 0..<5), Int.random(in: 0..<3))
            switch Int.random(in: 0..<4) {
            case 0, 1:
                let (slot, evicted) = pool.keep(connection, peer: peer, tag: tag)
                #expect(evicted == (model.count == 16 ? model.removeFirst().connection : nil))
                model.append((connection, peer, tag, slot))
            case 2:
                let index = model.lastIndex { $0.peer == peer && $0.tag == tag }
                #expect(pool.take(peer: peer, tag: tag) == index.map { model[$0].connection })
                if let index { model.remove(at: index) }
            default:
                guard let index = model.indices.randomElement() else { continue }
                #expect(pool.remove(model[index].slot) == model[index].connection)
                model.remove(at: index)
            }
            #expect(pool.count == model.count)
        }
    }

    @Test func settingsLimitRequestsAndAge() {
        let settings = KeepaliveSettings()
        #expect(settings.keeps(requests: 999, age: 3_600_000))
        #expect(!settings.keeps(requests: 1000, age: 0))
        #expect(!settings.keeps(requests: 1, age: 3_600_001))
        #expect(!KeepaliveSettings.none.keeps(requests: 1, age: 0))
    }
}
