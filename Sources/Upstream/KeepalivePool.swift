/// The `keepalive` directives of an upstream.
package struct KeepaliveSettings: Sendable, Equatable {
    /// Idle connections kept in each worker; 0 keeps none.
    package var connections = 32
    /// Only requests of the same location share connections: nginx's default since `keepalive` itself became one.
    package var isLocal = true
    /// Requests after which a connection is not kept.
    package var requests = 1000
    /// Milliseconds after which a connection is not kept, however busy.
    package var lifetime = 3_600_000
    /// Milliseconds that a connection is kept idle.
    package var idleTimeout = 60_000

    package init() {}

    /// For groups that no `upstream` block defines: nginx closes after each request.
    package static let none: KeepaliveSettings = {
        var settings = KeepaliveSettings()
        settings.connections = 0
        return settings
    }()

    /// Whether a connection that served `requests` and is `age` milliseconds old may be kept.
    package func keeps(requests: Int, age: Int) -> Bool {
        connections > 0 && requests < self.requests && age <= lifetime
    }
}

/// The idle connections of one group in one worker, for reuse.
///
/// A connection is found by its peer and the location that it was opened for (`tag`; 0 where all share) in constant time, the
/// last kept first. When the pool is full the one idle longest makes room. Closing and timers are the caller's.
package final class KeepalivePool<Connection> {
    /// The place of an idle connection, to remove it by when its peer closes or its time is over.
    package struct Slot: Equatable, Sendable {
        fileprivate let index: Int
        fileprivate let generation: Int
    }

    private struct Entry {
        var connection: Connection?
        var peer = 0
        var tag = 0
        var generation = 0
        /// Neighbours in the order of keeping.
        var newer = -1
        var older = -1
        /// Neighbours in the bucket, the last kept first; `after` also chains the free entries.
        var before = -1
        var after = -1
    }

    private var entries: [Entry] = []
    private var buckets: [Int]
    private var free = -1
    private var newest = -1
    private var oldest = -1
    package private(set) var count = 0
    package let capacity: Int

    package init(capacity: Int) {
        self.capacity = capacity
        var size = 8
        while size < capacity, size < 1 << 16 { size *= 2 }
        buckets = [Int](repeating: -1, count: size)
    }

    /// Takes the connection kept last for a peer and a tag.
    package func take(peer: Int, tag: Int = 0) -> Connection? {
        var index = buckets[bucket(peer, tag)]
        while index >= 0 {
            if entries[index].peer == peer, entries[index].tag == tag { return take(at: index) }
            index = entries[index].after
        }
        return nil
    }

    /// Keeps a connection; returns its place and the connection to close for it, if any. Not with a capacity of 0.
    package func keep(
        _ connection: Connection, peer: Int, tag: Int = 0
    ) -> (slot: Slot, evicted: Connection?) {
        precondition(capacity > 0)
        let evicted = count == capacity ? take(at: oldest) : nil
        let index = freeEntry()
        let first = bucket(peer, tag)
        entries[index].connection = connection
        entries[index].peer = peer
        entries[index].tag = tag
        entries[index].newer = -1
        entries[index].older = newest
        entries[index].before = -1
        entries[index].after = buckets[first]
        if newest >= 0 { entries[newest].newer = index } else { oldest = index }
        if buckets[first] >= 0 { entries[buckets[first]].before = index }
        newest = index
        buckets[first] = index
        count += 1
        return (Slot(index: index, generation: entries[index].generation), evicted)
    }

    /// Takes out the connection of a slot, unless it was taken before.
    @discardableResult
    package func remove(_ slot: Slot) -> Connection? {
        guard entries[slot.index].generation == slot.generation else { return nil }
        return take(at: slot.index)
    }

    /// Takes out the connection idle longest; to empty the pool when a worker ends.
    package func removeOldest() -> Connection? {
        oldest >= 0 ? take(at: oldest) : nil
    }

    private func bucket(_ peer: Int, _ tag: Int) -> Int {
        (peer &* 31 &+ tag &* 0x9E37_79B1) & (buckets.count - 1)
    }

    private func freeEntry() -> Int {
        guard free >= 0 else {
            entries.append(Entry())
            return entries.count - 1
        }
        let index = free
        free = entries[index].after
        return index
    }

    private func take(at index: Int) -> Connection? {
        let entry = entries[index]
        guard entry.connection != nil else { return nil }
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
            buckets[bucket(entry.peer, entry.tag)] = entry.after
        }
        entries[index].connection = nil
        entries[index].generation &+= 1
        entries[index].after = free
        free = index
        count -= 1
        return entry.connection
    }
}
