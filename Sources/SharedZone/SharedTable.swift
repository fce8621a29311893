import CLinux

/// A table of fixed-size records in a zone, found by a key of bytes, with the order of last use.
///
/// A record is plain integers. Keys of up to `keyCapacity` bytes are stored; of longer ones a 128-bit keyed digest, which no
/// client can make collide. All work is done in `withLock`. If a process dies within it, the next one to lock rebuilds the
/// links from the records and drops the one that was being written, so the table is always consistent.
///
/// In memory: a mutex, `TableHeader`, the hash buckets, the entries (`EntryLinks`, the record, the key). Entries are numbered
/// from 1 and 0 means none, so fresh (zero) memory is an empty table.
@safe
final class SharedTable<Record: BitwiseCopyable> {
    /// The bytes of a key that are stored as they are.
    let keyCapacity: Int
    /// The most records that fit; 0 before the zone is opened.
    private(set) var capacity = 0
    let recordOffset: Int
    let keyOffset: Int
    let stride: Int
    private(set) var bucketCount = 0
    private var entriesOffset = 0
    private var region: SharedRegion?
    private var mutex: SharedMutex?
    private var base: UnsafeMutableRawPointer?

    /// Declares the table as content of `zone`; usable when the zone is open.
    init(in zone: Zone, keyCapacity: Int = 16) {
        let alignment = max(MemoryLayout<Record>.alignment, 8)
        precondition(alignment <= 16 && keyCapacity <= 4096)
        self.keyCapacity = max((keyCapacity + 7) & ~7, 16)
        recordOffset = (MemoryLayout<EntryLinks>.size + alignment - 1) & ~(alignment - 1)
        keyOffset = (recordOffset + MemoryLayout<Record>.size + 7) & ~7
        stride = (keyOffset + self.keyCapacity + alignment - 1) & ~(alignment - 1)
        zone.add(self)
    }

    /// Runs `body` with the table held alone.
    func withLock<Result>(_ body: (borrowing Locked) -> Result) -> Result {
        guard let mutex else { preconditionFailure("the zone is not open") }
        mutex.lock(repair: rebuild)
        defer { mutex.unlock() }
        let locked = Locked(table: self)
        return body(locked)
    }

    // MARK: - Memory

    private var memory: UnsafeMutableRawPointer {
        guard let base = unsafe base else { preconditionFailure("the zone is not open") }
        return unsafe base
    }

    var header: UnsafeMutablePointer<TableHeader> {
        unsafe (memory + SharedMutex.size).assumingMemoryBound(to: TableHeader.self)
    }

    func bucket(_ hash: UInt32) -> UnsafeMutablePointer<UInt32> {
        let index = Int(hash) & (bucketCount - 1)
        return unsafe (memory + TableHeader.end + index * 4).assumingMemoryBound(to: UInt32.self)
    }

    private func entry(_ number: UInt32) -> UnsafeMutableRawPointer {
        precondition(number >= 1 && number <= capacity, "a link of a shared table is broken")
        return unsafe memory + entriesOffset + (Int(number) - 1) * stride
    }

    func links(_ number: UInt32) -> UnsafeMutablePointer<EntryLinks> {
        unsafe entry(number).assumingMemoryBound(to: EntryLinks.self)
    }

    func record(_ number: UInt32) -> UnsafeMutablePointer<Record> {
        unsafe (entry(number) + recordOffset).assumingMemoryBound(to: Record.self)
    }

    /// The stored bytes of a key: the key itself or its digest.
    func key(_ number: UInt32) -> UnsafeMutableRawBufferPointer {
        unsafe UnsafeMutableRawBufferPointer(
            start: entry(number) + keyOffset,
            count: min(Int(links(number).pointee.storedKeyLength), keyCapacity))
    }
}

/// What a table keeps besides buckets and entries.
struct TableHeader {
    var seed0: UInt64
    var seed1: UInt64
    /// The first entry of those given back.
    var free: UInt32
    /// Entries above this number were never used.
    var highest: UInt32
    var newest: UInt32
    var oldest: UInt32
    var count: UInt32
    /// The entry being written; not 0 after the lock is released only if the holder died.
    var writing: UInt32
    var generation: UInt32

    /// Where the buckets begin.
    static let end = SharedMutex.size + 64
}

/// The fixed part of an entry.
struct EntryLinks {
    /// In the chain of its bucket, or of the free entries.
    var next: UInt32
    var newer: UInt32
    var older: UInt32
    var hash: UInt32
    /// Changes with each use of the entry for another key, so that a stale slot is told.
    var generation: UInt32
    /// The length of the key, at most `longKey`.
    var keyLength: UInt16
    var isUsed: UInt16

    /// This or more: the digest is stored.
    static let longKey = UInt16.max

    var storedKeyLength: UInt16 { keyLength == Self.longKey ? 16 : keyLength }
}

extension SharedTable: ZoneLayout {
    var signature: UInt64 {
        UInt64(stride) << 32 | UInt64(keyOffset) << 16 | UInt64(MemoryLayout<Record>.size)
    }

    /// All that is left, for at least eight entries.
    func size(within available: Int) -> Int? {
        available >= TableHeader.end + 64 + 8 * (stride + 4) ? available : nil
    }

    func attach(to region: SharedRegion, isFresh: Bool) throws(Errno) {
        self.region = region
        mutex = try SharedMutex(in: region, isFresh: isFresh)
        unsafe base = region.base
        // One to two entries a bucket.
        let room = region.size - TableHeader.end - 64
        bucketCount = 1
        while bucketCount * 2 <= room / (stride + 4) { bucketCount *= 2 }
        entriesOffset = (TableHeader.end + bucketCount * 4 + 63) & ~63
        capacity = min((region.size - entriesOffset) / stride, Int(Int32.max))
        guard isFresh else { return }
        var seed: (UInt64, UInt64) = (0, 0)
        guard unsafe getrandom(&seed, 16, 0) == 16 else { throw Errno.last }
        unsafe header.pointee.seed0 = seed.0
        unsafe header.pointee.seed1 = seed.1
    }
}

// Everything in the mapping is reached under the mutex; the rest is set before workers are forked.
extension SharedTable: @unchecked Sendable {}
