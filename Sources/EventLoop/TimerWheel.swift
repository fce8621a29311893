/// Deadlines of many endpoints at the cost of a field write each.
///
/// An endpoint has at most one live entry, at its earliest deadline when it was made. A deadline that moves later leaves the
/// entry where it is: when the entry is due the loop looks at the endpoint again. So a kept-alive connection costs one entry
/// per time-out, not one per request. The entry of an endpoint that has gone stays, too, until it is due or the loop has the dead ones
/// removed: else a thousand connections a second with a time-out of a day would fill a gigabyte.
///
/// Four levels of 256 buckets: 4 ms, 1 s, 4.4 min and 18.6 h wide.
final class TimerWheel {
    struct Entry {
        var slot: Int32
        var generation: UInt32
        var tick: UInt64
    }

    static let tickMilliseconds = 4
    private static let bits: UInt64 = 8
    private static let width = 256
    private static let levels = 4
    /// An emptied bucket keeps memory for so many entries: 1 KB, and all of them together a megabyte.
    private static let keptEntries = 64

    /// The last tick whose entries were taken.
    private(set) var current: UInt64
    private let buckets: [List<Entry>]
    /// What a bucket of a higher level held, while it is spread over lower ones.
    private let moved = List<Entry>()
    /// A bit per bucket of each level that is not empty: four words a level.
    private var occupied: [UInt64]
    private(set) var count = 0
    /// No bucket needs a look before this tick; only valid while there are entries.
    private var nextWake: UInt64 = .max

    init(now: Int) {
        current = UInt64(now / Self.tickMilliseconds)
        buckets = (0..<Self.levels * Self.width).map { _ in List(capacity: 0) }
        occupied = Array(repeating: 0, count: Self.levels * 4)
    }

    /// The tick at which a moment is over: never before it.
    static func tick(for moment: Int) -> UInt64 {
        UInt64((moment + tickMilliseconds - 1) / tickMilliseconds)
    }

    func insert(_ entry: Entry) {
        var entry = entry
        if entry.tick <= current { entry.tick = current + 1 }
        let distance = entry.tick - current
        var level = 0
        while level < Self.levels - 1, distance >> (Self.bits * UInt64(level + 1)) != 0 { level += 1 }
        // Beyond the last level: parked at its far end and inserted again from there.
        let reach = (UInt64(1) << (Self.bits * UInt64(Self.levels))) - 1
        let position = distance > reach ? current + reach : entry.tick
        let index = level * Self.width + Int((position >> (Self.bits * UInt64(level))) & 255)
        buckets[index].append(entry)
        occupied[index >> 6] |= 1 << UInt64(index & 63)
        count += 1
        let shift = Self.bits * UInt64(level)
        nextWake = count == 1 ? (position >> shift) << shift : min(nextWake, (position >> shift) << shift)
    }

    /// Milliseconds until something may be due, nil when the wheel is empty.
    func delay(from now: Int) -> Int? {
        guard count > 0 else { return nil }
        return max(Int(nextWake) * Self.tickMilliseconds - now, 0)
    }

    /// The tick at which the next bucket of any level has to be looked at.
    private func findNextWake() -> UInt64 {
        var next = UInt64.max
        for level in 0..<Self.levels {
            let shift = Self.bits * UInt64(level)
            let position = Int((current >> shift) & 255)
            guard let steps = nextOccupied(level: level, after: position) else { continue }
            next = min(next, ((current >> shift) + UInt64(steps)) << shift)
        }
        return next
    }

    /// Buckets from `position` (exclusive) to the next occupied one, going round once.
    private func nextOccupied(level: Int, after position: Int) -> Int? {
        let words = level * 4
        var start = (position + 1) & 255
        var scanned = 0
        while scanned < Self.width {
            let word = occupied[words + (start >> 6)] >> UInt64(start & 63)
            if word != 0 { return scanned + word.trailingZeroBitCount + 1 }
            let step = 64 - (start & 63)
            scanned += step
            start = (start + step) & 255
        }
        return nil
    }

    /// Removes the entries that nobody waits for. Costs as much as there are entries.
    func removeAll(where isDead: (Entry) -> Bool) {
        for word in occupied.indices {
            var bits = occupied[word]
            while bits != 0 {
                let index = word << 6 + bits.trailingZeroBitCount
                bits &= bits - 1
                removeAll(ofBucket: index, where: isDead)
            }
        }
        nextWake = count == 0 ? .max : findNextWake()
    }

    private func removeAll(ofBucket index: Int, where isDead: (Entry) -> Bool) {
        let entries = buckets[index]
        // A list of its own, so that what the dead ones took is given back.
        let living = List<Entry>(capacity: 0)
        for place in entries.indices where !isDead(entries[place]) { living.append(entries[place]) }
        count -= entries.count - living.count
        entries.swap(with: living)
        if entries.isEmpty { occupied[index >> 6] &= ~(1 << UInt64(index & 63)) }
    }

    /// Takes all entries due at `now` into `due`.
    func advance(to now: Int, into due: List<Entry>) {
        let target = UInt64(now / Self.tickMilliseconds)
        guard count > 0 else {
            current = max(current, target)
            return
        }
        guard target >= nextWake else { return }
        // From one bucket that has entries to the next: a machine that slept for a day has 20 million ticks to make up.
        while nextWake <= target {
            current = nextWake
            if current & 255 == 0 { cascade(level: 1) }
            take(bucket: Int(current & 255), into: due)
            nextWake = findNextWake()
        }
        current = target
    }

    private func cascade(level: Int) {
        guard level < Self.levels else { return }
        let position = (current >> (Self.bits * UInt64(level))) & 255
        if position == 0 { cascade(level: level + 1) }
        let index = level * Self.width + Int(position)
        guard !buckets[index].isEmpty else { return }
        let moved = self.moved
        moved.swap(with: buckets[index])
        occupied[index >> 6] &= ~(1 << UInt64(index & 63))
        count -= moved.count
        for place in moved.indices {
            let entry = moved[place]
            // An entry due at this very tick goes to the bucket that is taken next.
            if entry.tick <= current {
                let bucket = Int(current & 255)
                buckets[bucket].append(entry)
                occupied[bucket >> 6] |= 1 << UInt64(bucket & 63)
                count += 1
            } else {
                insert(entry)
            }
        }
        moved.removeAll(keepingUpTo: Self.keptEntries)
    }

    private func take(bucket: Int, into due: List<Entry>) {
        let entries = buckets[bucket]
        guard !entries.isEmpty else { return }
        for index in entries.indices { due.append(entries[index]) }
        count -= entries.count
        entries.removeAll(keepingUpTo: Self.keptEntries)
        occupied[bucket >> 6] &= ~(1 << UInt64(bucket & 63))
    }
}
