@testable import ApusServer

/// A pipe: what went in and has not come out.
final class SimulatedPipe {
    let capacity: Int
    var bytes: [UInt8] = []

    init(capacity: Int) {
        self.capacity = capacity
    }

    var room: Int { capacity - bytes.count }
}
