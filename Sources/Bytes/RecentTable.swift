/// Values found by byte strings, in the order of their last use: what was unused for longest goes first.
///
/// Open addressing with linear probing, at most half full; the order is a list of links between the nodes. A lookup takes a span
/// and allocates nothing. The hash is keyed at random, so a client cannot aim at one slot.
final class RecentTable<Value> {
    private struct Node {
        let hash: UInt64
        let key: ByteString
        var value: Value
        var newer: Int
        var older: Int
    }

    private let sip = SipHash()
    private let nodes = List<Node?>()
    private let free = List<Int>()
    /// Numbers of nodes, -1 where free; the count is a power of two.
    private let slots = List<Int>()
    private(set) var count = 0
    private var newest = -1
    private var oldest = -1

    init() {}

    var isEmpty: Bool { count == 0 }

    /// The value that was unused for longest.
    var oldestValue: Value? { oldest < 0 ? nil : nodes[oldest]?.value }

    /// All values, in no order: for code off the data path.
    var values: [Value] { nodes.array.compactMap { $0?.value } }

    /// The value of a key, which is used by that.
    func find(_ key: Span<UInt8>) -> Value? {
        guard count > 0, let slot = slot(of: key, sip.hash(key)) else { return nil }
        let number = slots[slot]
        if number != newest {
            unlink(number)
            link(number)
        }
        return nodes[number]?.value
    }

    /// Adds a value, or puts it in the place of the key's present one.
    func insert(_ value: Value, for key: Span<UInt8>) {
        let hash = sip.hash(key)
        if count > 0, let slot = slot(of: key, hash) { remove(slot) }
        if (count + 1) * 2 > slots.count { grow() }
        let node = Node(hash: hash, key: ByteString(key), value: value, newer: -1, older: -1)
        let number: Int
        if let reused = free.popLast() {
            number = reused
            nodes[number] = node
        } else {
            number = nodes.count
            nodes.append(node)
        }
        place(number, hash)
        link(number)
        count += 1
    }

    @discardableResult
    func remove(_ key: Span<UInt8>) -> Value? {
        guard count > 0, let slot = slot(of: key, sip.hash(key)) else { return nil }
        return remove(slot)
    }

    /// Removes the value that was unused for longest.
    @discardableResult
    func removeOldest() -> Value? {
        guard oldest >= 0, let node = nodes[oldest] else { return nil }
        return remove(node.key.span)
    }

    func removeAll() {
        nodes.removeAll()
        free.removeAll()
        slots.removeAll()
        count = 0
        newest = -1
        oldest = -1
    }

    // MARK: - The slots

    private func slot(of key: Span<UInt8>, _ hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            if let node = nodes[slots[slot]], node.hash == hash, node.key.equals(key) { return slot }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func place(_ number: Int, _ hash: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = number
    }

    private func grow() {
        let size = max(8, slots.count * 2)
        slots.removeAll()
        for _ in 0..<size { slots.append(-1) }
        for number in nodes.indices {
            if let node = nodes[number] { place(number, node.hash) }
        }
    }

    @discardableResult
    private func remove(_ slot: Int) -> Value? {
        let number = slots[slot]
        let value = nodes[number]?.value
        unlink(number)
        nodes[number] = nil
        free.append(number)
        count -= 1
        closeGap(at: slot)
        return value
    }

    /// What stands behind a free slot and belongs before it moves up, so that a search does not end too early.
    private func closeGap(at slot: Int) {
        let mask = slots.count - 1
        var gap = slot
        var next = (slot + 1) & mask
        while slots[next] >= 0 {
            let home = Int(truncatingIfNeeded: nodes[slots[next]]?.hash ?? 0) & mask
            if (next - home) & mask >= (next - gap) & mask {
                slots[gap] = slots[next]
                gap = next
            }
            next = (next + 1) & mask
        }
        slots[gap] = -1
    }

    // MARK: - The order

    /// Makes a node that is in no order the newest one.
    private func link(_ number: Int) {
        nodes[number]?.newer = -1
        nodes[number]?.older = newest
        if newest >= 0 { nodes[newest]?.newer = number } else { oldest = number }
        newest = number
    }

    private func unlink(_ number: Int) {
        guard let node = nodes[number] else { return }
        if node.newer >= 0 { nodes[node.newer]?.older = node.older } else { newest = node.older }
        if node.older >= 0 { nodes[node.older]?.newer = node.newer } else { oldest = node.newer }
    }
}
