/// How many connections or requests there are for each value of a key, over all workers.
///
/// Each count knows whose it is: what a worker that was killed has not given back is dropped when it would refuse somebody.
final class ConnectionCounts: Sendable {
    enum Admission {
        case admitted(TableSlot)
        /// There are as many as there may be.
        case refused
        /// The table has no room for another key.
        case full
    }

    private let table: SharedTable<ConnectionCount>
    /// Entries that are looked at when the table is full.
    private static let sweep = 32

    /// Declares the counts as content of the zone.
    init(in zone: Zone) {
        table = SharedTable(in: zone)
    }

    /// Counts one more for the key, unless there are `limit` already. `now` is in milliseconds.
    func admit(_ key: Span<UInt8>, limit: Int, process: Int, now: Int) -> Admission {
        table.withLock { table in
            if let slot = table.find(key) {
                let isAdmitted = table.update(slot) { count in
                    if Int(count.total) >= limit { count.dropDead(except: process, now: now) }
                    if Int(count.total) >= limit { return false }
                    count.add(process)
                    return true
                }
                guard isAdmitted == true else { return .refused }
                table.touch(slot)
                return .admitted(slot)
            }
            if table.isFull { Self.removeDead(from: table, process, now) }
            var count = ConnectionCount()
            count.add(process)
            guard let slot = table.insert(key, count) else { return .full }
            return .admitted(slot)
        }
    }

    /// Gives back what `admit` counted.
    func release(_ slot: TableSlot, process: Int) {
        table.withLock { table in
            let isOver = table.update(slot) { count in
                count.remove(process)
                return count.total == 0
            }
            if isOver == true { table.remove(slot) }
        }
    }

    /// The number for a key; 0 if there is none. For tests.
    func count(of key: Span<UInt8>) -> Int {
        table.withLock { table in
            guard let slot = table.find(key), let count = table.record(slot) else { return 0 }
            return Int(count.total)
        }
    }

    private static func removeDead(
        from table: borrowing SharedTable<ConnectionCount>.Locked, _ process: Int, _ now: Int
    ) {
        var next = table.oldest
        for _ in 0..<sweep {
            guard let slot = next else { return }
            next = table.newer(than: slot)
            let isOver = table.update(slot) { count in
                count.dropDead(except: process, now: now)
                return count.total == 0
            }
            if isOver == true { table.remove(slot) }
        }
    }
}

/// The count for one value of a key, and whose it is.
struct ConnectionCount: BitwiseCopyable {
    private struct Share: BitwiseCopyable {
        var process: Int32 = 0
        var count: UInt32 = 0
    }

    /// Processes that are told apart: the workers of a small machine, before and after a reload. Those of others are counted
    /// in `total` alone and stay if they are killed.
    private static let shareCount = 6

    private(set) var total: UInt32 = 0
    private var shares = InlineArray<6, Share>(repeating: Share())
    /// When it was last asked which processes are alive, in milliseconds.
    private var checkedAt = 0

    /// Milliseconds between two such questions.
    private static let checkInterval = 1_000

    mutating func add(_ process: Int) {
        total += 1
        if let index = share(of: process) ?? share(of: 0) {
            shares[index].process = Int32(truncatingIfNeeded: process)
            shares[index].count += 1
        }
    }

    mutating func remove(_ process: Int) {
        if total > 0 { total -= 1 }
        guard let index = share(of: process) else { return }
        shares[index].count -= 1
        if shares[index].count == 0 { shares[index].process = 0 }
    }

    private func share(of process: Int) -> Int? {
        for index in 0..<Self.shareCount where Int(shares[index].process) == process {
            return index
        }
        return nil
    }

    /// Forgets what belongs to processes that are no more.
    mutating func dropDead(except process: Int, now: Int) {
        guard now - checkedAt >= Self.checkInterval || checkedAt > now else { return }
        checkedAt = now
        for index in 0..<Self.shareCount {
            let share = shares[index]
            guard share.process != 0, Int(share.process) != process,
                !ThisProcess.isAlive(share.process)
            else { continue }
            total -= min(share.count, total)
            shares[index] = Share()
        }
    }
}
