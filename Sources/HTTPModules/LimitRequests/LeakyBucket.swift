/// The requests of one key that are over its rate: they run out at that rate, and each request adds one.
///
/// All is in thousandths of a request and in milliseconds, so that the arithmetic is whole numbers.
struct LeakyBucket: BitwiseCopyable {
    var last: Int
    var excess = 0

    /// What the excess would be after a request now. `rate` is in thousandths of requests a second.
    func excess(at now: Int, rate: Int) -> (excess: Int, elapsed: Int) {
        var elapsed = now - last
        // The clocks of workers that looked at them in another order differ a little; those of another boot differ much.
        if elapsed < -60_000 { elapsed = 1 } else if elapsed < 0 { elapsed = 0 }
        let (product, overflow) = rate.multipliedReportingOverflow(by: elapsed)
        if overflow { return (0, elapsed) }
        return (max(excess - product / 1_000 + 1_000, 0), elapsed)
    }

    /// Counts a request that came now.
    mutating func add(at now: Int, rate: Int) -> Int {
        let (sum, elapsed) = excess(at: now, rate: rate)
        excess = sum
        if elapsed != 0 { last = now }
        return sum
    }
}

/// A zone of `limit_req_zone`: the buckets of all values of its key, and their rate.
final class RequestRates: LimitZone {
    let zone: Zone
    /// Nil until `limit_req_zone` is read.
    private(set) var key: Template?
    /// Thousandths of requests a second.
    private(set) var rate = 1_000
    private var table: SharedTable<LeakyBucket>?

    init(zone: Zone) {
        self.zone = zone
    }

    /// Defines the zone; only while the configuration is read.
    func define(key: Template, rate: Int) {
        self.key = key
        self.rate = rate
        zone.meaning = key.source
        table = SharedTable(in: zone)
    }

    enum Outcome {
        /// Counted; the excess that is left.
        case counted(Int)
        /// Within the limit, and not counted yet.
        case held(TableSlot)
        case refused(Int)
    }

    /// Looks a key up, and counts the request if `counts`.
    func look(up key: Span<UInt8>, burst: Int, now: Int, counts: Bool) -> Outcome {
        guard let table else { return .counted(0) }
        let rate = rate
        return table.withLock { table in
            // A bucket that is not counted yet is as old as can be: it runs out when it is.
            let (slot, isNew) = table.findOrInsert(key, LeakyBucket(last: counts ? now : 0))
            if isNew { return counts ? .counted(0) : .held(slot) }
            let outcome = table.update(slot) { bucket -> Outcome in
                let excess = bucket.excess(at: now, rate: rate).excess
                if excess > burst { return .refused(excess) }
                return counts ? .counted(bucket.add(at: now, rate: rate)) : .held(slot)
            }
            return outcome ?? .counted(0)
        }
    }

    /// Counts a request whose bucket was found before; nil if it made room for others meanwhile.
    func count(_ slot: TableSlot, now: Int) -> Int? {
        let rate = rate
        return table?.withLock { table in
            table.update(slot) { bucket in bucket.add(at: now, rate: rate) }
        }
    }
}

// Written while the configuration is read, by one process; afterwards only the table changes, which has its lock.
extension RequestRates: @unchecked Sendable {}
