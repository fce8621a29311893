/// What the protocol knows of a stream.
struct HTTP2StreamState {
    /// 0: the handle is free.
    var id: Int32 = 0
    /// Bytes of the body that may be sent, and that the peer may send; the first is negative when the peer has narrowed its window.
    var sendWindow = 0
    var receiveWindow = 0
    /// How wide the window is that the peer was given, and what of it was used and not given back yet.
    var window = 0
    var consumed = 0
    /// The peer sends no more.
    var inputHasEnded = false
    /// Nothing more is sent.
    var outputHasEnded = false
    /// One side has broken it off: what still comes on it is passed over.
    var isBrokenOff = false
    /// It stands in the list of those that have something to send.
    var isReady = false
    /// The index of its node among the priorities, or -1.
    var node: Int32 = -1
    /// It has something to send when its window opens.
    var awaitsWindow = false

    init() {}

    /// Both sides have said all.
    var isOver: Bool { inputHasEnded && outputHasEnded }
}

/// The streams of a connection, by handles: small numbers that are used over and over. Handles are found by the streams' numbers
/// in a table with open addressing, in constant time whichever numbers the peer takes.
final class HTTP2StreamTable {
    /// By their handles.
    private let states = List<HTTP2StreamState>(capacity: 8)
    private let free = List<Int32>(capacity: 8)
    /// Handles, or -1; a power of two of them, at most half of them used.
    private let slots = List<Int32>(capacity: 16)
    private var bits = 4
    private(set) var count = 0

    /// Chosen anew by each process, so that a client cannot aim at one slot.
    private static let factor = UInt32.random(in: 0...UInt32.max) | 1

    init() {
        for _ in 0..<16 { slots.append(-1) }
    }

    /// Handles that there are, free ones among them.
    var handles: Range<Int32> { 0..<Int32(states.count) }

    subscript(handle: Int32) -> HTTP2StreamState {
        _read { yield states[Int(handle)] }
        _modify { yield &states[Int(handle)] }
    }

    private func slot(of id: Int32) -> Int {
        Int((UInt32(bitPattern: id >> 1) &* Self.factor) >> UInt32(32 &- bits))
    }

    /// The handle of a stream, or -1.
    func find(_ id: Int32) -> Int32 {
        let mask = slots.count &- 1
        var slot = slot(of: id)
        while true {
            let handle = slots[slot]
            if handle < 0 || states[Int(handle)].id == id { return handle }
            slot = (slot &+ 1) & mask
        }
    }

    /// Adds a stream, which is not there. Returns its handle.
    func open(_ id: Int32) -> Int32 {
        if (count + 1) * 2 > slots.count { grow() }
        let handle: Int32
        if let old = free.popLast() {
            handle = old
        } else {
            handle = Int32(states.count)
            states.append(HTTP2StreamState())
        }
        states[Int(handle)].id = id
        place(handle)
        count &+= 1
        return handle
    }

    private func place(_ handle: Int32) {
        let mask = slots.count &- 1
        var slot = slot(of: states[Int(handle)].id)
        while slots[slot] >= 0 { slot = (slot &+ 1) & mask }
        slots[slot] = handle
    }

    private func grow() {
        bits += 1
        let size = slots.count * 2
        slots.removeAll()
        for _ in 0..<size { slots.append(-1) }
        for handle in handles where states[Int(handle)].id != 0 { place(handle) }
    }

    /// Removes a stream; its handle may be given to another.
    func close(_ handle: Int32) {
        let mask = slots.count &- 1
        var slot = slot(of: states[Int(handle)].id)
        while slots[slot] != handle { slot = (slot &+ 1) & mask }
        // Those behind it move up, as far as they are not where they belong.
        var next = (slot &+ 1) & mask
        while slots[next] >= 0 {
            let home = self.slot(of: states[Int(slots[next])].id)
            if (next &- home) & mask >= (next &- slot) & mask {
                slots[slot] = slots[next]
                slot = next
            }
            next = (next &+ 1) & mask
        }
        slots[slot] = -1
        states[Int(handle)] = HTTP2StreamState()
        free.append(handle)
        count &-= 1
    }
}
