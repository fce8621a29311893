/// The `keepalive` directives of an upstream.
struct KeepaliveSettings: Sendable, Equatable {
    /// Idle connections kept in each worker; 0 keeps none.
    var connections = 32
    /// Only requests of the same location share connections: nginx's default since `keepalive` itself became one.
    var isLocal = true
    /// Requests after which a connection is not kept.
    var requests = 1000
    /// Milliseconds after which a connection is not kept, however busy.
    var lifetime = 3_600_000
    /// Milliseconds that a connection is kept idle.
    var idleTimeout = 60_000

    init() {}

    /// For groups that no `upstream` block defines: nginx closes after each request.
    static let none: KeepaliveSettings = {
        var settings = KeepaliveSettings()
        settings.connections = 0
        return settings
    }()

    /// Whether a connection that served `requests` and is `age` milliseconds old may be kept.
    func keeps(requests: Int, age: Int) -> Bool {
        connections > 0 && requests < self.requests && age <= lifetime
    }
}

/// The idle connections of one group in one worker, for reuse.
///
/// A connection is found by its peer and the location that it was opened for (`tag`; 0 where all share) in constant time, the
/// last kept first. When the pool is full the one idle longest makes room. Closing and timers are the caller's.
final class KeepalivePool<Connection> {
    /// The place of an idle connection, to remove it by when its peer closes or its time is over.
    struct Slot: Equatable, Sendable {
        fileprivate let index: Int
        fileprivate let generation: UInt
    }

    private let order: IdleOrder
    private let connections = List<Connection?>()
    let capacity: Int
    var count: Int { order.count }

    init(capacity: Int) {
        self.capacity = capacity
        order = IdleOrder(capacity: capacity)
    }

    /// Takes the connection kept last for a peer and a tag.
    func take(peer: Int, tag: Int = 0) -> Connection? {
        let index = order.find(IdleOrder.Key(peer: peer, tag: tag))
        return index >= 0 ? take(at: index) : nil
    }

    /// Keeps a connection; returns its place and the connection to close for it, if any. Not with a capacity of 0.
    func keep(
        _ connection: Connection, peer: Int, tag: Int = 0
    ) -> (slot: Slot, evicted: Connection?) {
        precondition(capacity > 0)
        let evicted = order.count == capacity ? take(at: order.oldest) : nil
        let index = order.insert(IdleOrder.Key(peer: peer, tag: tag))
        if index == connections.count {
            connections.append(connection)
        } else {
            connections[index] = connection
        }
        return (Slot(index: index, generation: order.generation(index)), evicted)
    }

    /// Takes out the connection of a slot, unless it was taken before.
    @discardableResult
    func remove(_ slot: Slot) -> Connection? {
        order.generation(slot.index) == slot.generation ? take(at: slot.index) : nil
    }

    /// Takes out the connection idle longest; to empty the pool when a worker ends.
    func removeOldest() -> Connection? {
        order.oldest >= 0 ? take(at: order.oldest) : nil
    }

    private func take(at index: Int) -> Connection? {
        guard let connection = connections[index] else { return nil }
        connections[index] = nil
        order.remove(index)
        return connection
    }
}

/// Entries found by key, in the order of insertion. Knows nothing of what they stand for, so it is compiled once.
private final class IdleOrder {
    struct Key: Equatable {
        let peer: Int
        let tag: Int
    }

    private struct Entry {
        var key = Key(peer: 0, tag: 0)
        /// Counts the uses of the entry.
        var generation: UInt = 0
        var newer = -1
        var older = -1
        /// Neighbours in the bucket, the newest first; `after` also chains the free entries.
        var before = -1
        var after = -1
    }

    private let entries = List<Entry>()
    private let buckets: List<Int>
    private var free = -1
    private var newest = -1
    private(set) var oldest = -1
    private(set) var count = 0

    init(capacity: Int) {
        var size = 8
        while size < capacity, size < 1 << 16 { size *= 2 }
        buckets = List(capacity: size)
        for _ in 0..<size { buckets.append(-1) }
    }

    private func bucket(_ key: Key) -> Int {
        (key.peer &* 31 &+ key.tag &* 0x9E37_79B1) & (buckets.count - 1)
    }

    func generation(_ index: Int) -> UInt { entries[index].generation }

    /// The newest entry of a key, or -1.
    func find(_ key: Key) -> Int {
        var index = buckets[bucket(key)]
        while index >= 0, entries[index].key != key { index = entries[index].after }
        return index
    }

    /// Adds an entry as the newest and returns its number.
    func insert(_ key: Key) -> Int {
        let bucket = bucket(key)
        let next = buckets[bucket]
        let index: Int
        var entry: Entry
        if free >= 0 {
            index = free
            entry = entries[index]
            free = entry.after
        } else {
            index = entries.count
            entry = Entry()
            entries.append(entry)
        }
        entry.key = key
        entry.newer = -1
        entry.older = newest
        entry.before = -1
        entry.after = next
        entries[index] = entry
        if newest >= 0 { entries[newest].newer = index } else { oldest = index }
        if next >= 0 { entries[next].before = index }
        newest = index
        buckets[bucket] = index
        count += 1
        return index
    }

    func remove(_ index: Int) {
        let entry = entries[index]
        if entry.newer >= 0 {
            entries[entry.newer].older = entry.older
        } else {
            newest = entry.older
        }
        if entry.older >= 0 {
            entries[entry.older].newer = entry.newer
        } else {
            oldest = entry.newer
        }
        if entry.after >= 0 { entries[entry.after].before = entry.before }
        if entry.before >= 0 {
            entries[entry.before].after = entry.after
        } else {
            buckets[bucket(entry.key)] = entry.after
        }
        entries[index].generation &+= 1
        entries[index].after = free
        free = index
        count -= 1
    }
}
