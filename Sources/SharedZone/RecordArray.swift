/// A fixed number of records of plain integers, either private to a process (copied on a fork) or in a zone under a mutex.
///
/// Users see one representation: `withRecords` locks where there is something to lock.
@safe
final class RecordArray<Record: BitwiseCopyable> {
    let count: Int
    private let initial: (Int) -> Record
    private let repair: (Record, Int) -> Record
    private let owned: UnsafeMutableRawPointer?
    private var base: UnsafeMutableRawPointer?
    private var mutex: SharedMutex?
    private var region: SharedRegion?

    /// `zone` nil: private memory, ready at once; otherwise ready when the zone is opened. `repair` is given each record after a
    /// process died while it held the lock, when any record may be half written.
    init(
        count: Int, in zone: Zone? = nil, initial: @escaping (Int) -> Record,
        repair: @escaping (Record, Int) -> Record
    ) {
        precondition(MemoryLayout<Record>.alignment <= 16)
        self.count = count
        self.initial = initial
        self.repair = repair
        if let zone {
            unsafe owned = nil
            unsafe base = nil
            zone.add(self)
        } else {
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: max(count * MemoryLayout<Record>.stride, 16), alignment: 16)
            unsafe owned = memory
            unsafe base = memory
            fill()
        }
    }

    deinit {
        unsafe owned?.deallocate()
    }

    private func fill() {
        for index in 0..<count {
            unsafe base?.storeBytes(
                of: initial(index), toByteOffset: index * MemoryLayout<Record>.stride,
                as: Record.self)
        }
    }

    /// The records, held alone for as long as `body` runs.
    func withRecords<Result>(_ body: (inout MutableSpan<Record>) -> Result) -> Result {
        // Taken out only where there is one: that counts a reference.
        mutex == nil ? run(body) : runLocked(body)
    }

    @inline(never)
    private func runLocked<Result>(_ body: (inout MutableSpan<Record>) -> Result) -> Result {
        guard let mutex else { return run(body) }
        return mutex.withLock(repair: mend) { run(body) }
    }

    private func run<Result>(_ body: (inout MutableSpan<Record>) -> Result) -> Result {
        guard let base = unsafe base else { preconditionFailure("the zone is not open") }
        let start = unsafe base.assumingMemoryBound(to: Record.self)
        var records = unsafe MutableSpan<Record>(_unsafeStart: start, count: count)
        return body(&records)
    }

    private func mend() {
        run { records in
            for index in records.indices { records[index] = repair(records[index], index) }
        }
    }
}

extension RecordArray: ZoneLayout {
    var signature: UInt64 {
        UInt64(count) << 16 | UInt64(MemoryLayout<Record>.stride)
    }

    func size(within available: Int) -> Int? {
        let needed = SharedMutex.size + count * MemoryLayout<Record>.stride
        return needed <= available ? needed : nil
    }

    func attach(to region: SharedRegion, isFresh: Bool) throws(Errno) {
        self.region = region
        mutex = try SharedMutex(in: region, isFresh: isFresh)
        unsafe base = region.base + SharedMutex.size
        if isFresh { fill() }
    }
}

// Private arrays are reached by one thread only; shared ones are locked. The rest is set before workers are forked.
extension RecordArray: @unchecked Sendable {}
extension Zone: @unchecked Sendable {}
