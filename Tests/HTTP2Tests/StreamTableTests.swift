import Testing

@testable import ApusServer

@Suite struct StreamTableTests {
    /// Whatever is opened and closed in whichever order is found, and nothing else.
    @Test func whatIsOpenIsFound() {
        var random = SystemRandomNumberGenerator()
        for range in [40, 2_000] {
            let table = HTTP2StreamTable()
            var open: [Int32: Int32] = [:]
            var most = 0
            for _ in 0..<20_000 {
                let id = Int32.random(in: 0..<Int32(range), using: &random) * 2 + 1
                if let handle = open[id] {
                    #expect(table.find(id) == handle && table[handle].id == id)
                    if Bool.random(using: &random) {
                        table.close(handle)
                        open[id] = nil
                    }
                } else {
                    #expect(table.find(id) == -1)
                    let handle = table.open(id)
                    #expect(!open.values.contains(handle))
                    table[handle].sendWindow = Int(id)
                    open[id] = handle
                }
                most = max(most, open.count)
                #expect(table.count == open.count)
            }
            for (id, handle) in open { #expect(table.find(id) == handle && table[handle].sendWindow == Int(id)) }
            #expect(table.handles.count == most)
        }
    }

    @Test func aHandleThatIsUsedAgainKnowsNothingOfTheStreamBefore() {
        let table = HTTP2StreamTable()
        let first = table.open(1)
        table[first].isBrokenOff = true
        table[first].awaitsWindow = true
        table.close(first)
        let second = table.open(3)
        #expect(first == second && !table[second].isBrokenOff && !table[second].awaitsWindow && table.find(1) == -1)
    }
}
