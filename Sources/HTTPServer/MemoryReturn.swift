/// Gives memory and pipes back to the system after a burst: what was freed stays with the process otherwise, since something
/// small that is still in use lies behind it. What the pools keep lies scattered among it and is freed first.
final class MemoryReturn: Endpoint {
    /// So many connections and requests freed are a burst.
    private static let burst = 1_000
    /// Milliseconds without another one.
    private static let calm = 5_000
    /// Less than this is not worth the time.
    private static let least = 4 * 1_024 * 1_024
    private var freed = 0
    /// Frees what is kept for later.
    private let empty: () -> Void

    init(loop: EventLoop, emptyingPools empty: @escaping () -> Void) {
        self.empty = empty
        super.init(loop: loop, descriptor: -1)
    }

    /// A connection or a request was freed.
    func note() {
        freed &+= 1
        if freed >= Self.burst, inputDeadline == .max { wait() }
    }

    private func wait() {
        freed = 0
        if slot < 0 { loop.addTimer(self) }
        loop.setInputDeadline(self, in: Self.calm)
    }

    override func inputTimedOut() {
        // The burst goes on.
        if freed >= Self.burst { return wait() }
        freed = 0
        empty()
        if Heap.unused >= Self.least { Heap.giveBack() }
    }
}
