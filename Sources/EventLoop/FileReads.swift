/// A `thread_pool`.
struct ThreadPool: Equatable, Sendable {
    var name: ByteString
    var threads: Int
    var longestQueue: Int

    /// The one that is there without a directive.
    static let standard = ThreadPool(name: "default", threads: 32, longestQueue: 65_536)
}

/// A read or a write of a file that was begun long ago and has not ended.
struct LateOperation {
    let file: Int32
    let range: Range<Int>
    /// It is the kernel that is at it, not a thread.
    let isKernels: Bool
}

/// The reads of files that a loop has left to threads or to the kernel, the writes that it has left to threads, and what they are for.
///
/// Its descriptor becomes readable when threads are done with some. A file stays open until then, whatever has become of who wanted it.
final class FileReads: Endpoint {
    private struct Pending {
        /// Kept open for whoever is at it.
        let file: OpenFile
        let range: Range<Int>
        let pool: Int
        let slot: Int32
        let generation: UInt32
        let number: Int
        let begunAt: Int
        /// The kernel is at it, and has read so many bytes before.
        var isKernels: Bool
        var done = 0
        /// What is written, kept for the thread; none: it is a read.
        var buffers: [Buffer] = []
        var isToldOf = false
    }

    private let pools: [ThreadPool]
    private var threads: [DiskThreads?]
    private var results: DiskResults?
    private let work: DiskThreads.Work?
    private let pending = List<Pending?>()
    private let free = List<Int>()
    private var lastNumber = 0
    /// Those that the kernel is at, and how many they may be.
    private var kernelCount = 0
    private let kernelLimit: Int
    /// Reads that have ended, ever, and what they have read.
    private(set) var count = 0
    private(set) var bytes = 0
    /// Told of a pool that can take no more.
    var complain: ((ThreadPool, DiskThreads.Posting) -> Void)?
    /// Told once of a read or a write that has not ended in time, and of who waits for it, if that is still there.
    var tellOfLate: ((LateOperation, Endpoint?) -> Void)?
    /// Milliseconds after which a read is late: as in nginx.
    private let patience: Int
    private var watch: ReadWatch?
    private let drops: LateDrops

    /// - Parameter work: what threads do instead of reading, in tests.
    init(
        loop: EventLoop, pools: [ThreadPool] = [], kernelLimit: Int = 32, patience: Int = 60_000, work: DiskThreads.Work? = nil
    ) {
        self.kernelLimit = kernelLimit
        self.patience = patience
        let hasStandard = pools.contains { $0.name == ThreadPool.standard.name }
        self.pools = hasStandard ? pools : pools + [.standard]
        threads = Array(repeating: nil, count: self.pools.count)
        self.work = work
        drops = LateDrops(loop: loop)
        super.init(loop: loop, descriptor: -1)
    }

    /// The number of a pool; nil: there is none of that name.
    func pool(named name: Span<UInt8>) -> Int? {
        for index in pools.indices where pools[index].name.equals(name) { return index }
        return nil
    }

    /// Reads under way.
    var underWay: Int { pending.count - free.count }

    /// Has a thread, or the kernel if that is preferred and takes it, read a part of a file. `fileWasRead` of the endpoint follows, with
    /// the number that this returns; 0: it could not be handed to a thread, and whoever is in charge was told.
    func begin(
        _ range: Range<Int>, of file: OpenFile, by pool: Int, prefersKernel: Bool, for endpoint: Endpoint
    ) -> Int {
        let key = free.last ?? pending.count
        let read = DiskRead(key: key, file: file.descriptor, offset: range.lowerBound, count: range.count)
        let isKernels = prefersKernel && kernelCount < kernelLimit && loop.source.read(read, loop)
        guard isKernels || post(.read(read), to: pool) else { return 0 }
        if isKernels { kernelCount += 1 }
        lastNumber += 1
        note(
            Pending(
                file: file, range: range, pool: pool, slot: endpoint.slot, generation: endpoint.generation, number: lastNumber,
                begunAt: loop.now, isKernels: isKernels))
        return lastNumber
    }

    /// Has a thread write buffers to a place of a file, which nobody touches before `fileWasWritten` of the endpoint has come, with the
    /// number that this returns; 0: as above.
    func beginWriting(
        _ buffers: [Buffer], to file: OpenFile, at offset: Int, by pool: Int, for endpoint: Endpoint
    ) -> Int {
        var write = DiskWrite(key: free.last ?? pending.count, file: file.descriptor, offset: offset)
        for buffer in buffers { write.append(buffer) }
        guard post(.write(write), to: pool) else { return 0 }
        lastNumber += 1
        note(
            Pending(
                file: file, range: offset..<offset + buffers.reduce(0) { $0 + $1.count }, pool: pool, slot: endpoint.slot,
                generation: endpoint.generation, number: lastNumber, begunAt: loop.now, isKernels: false, buffers: buffers))
        return lastNumber
    }

    /// Keeps what was begun, under the number that it was begun with.
    private func note(_ entry: Pending) {
        if let key = free.popLast() { pending[key] = entry } else { pending.append(entry) }
        if watch == nil { watch = ReadWatch(self, in: patience) }
    }

    private func post(_ task: DiskTask, to pool: Int) -> Bool {
        guard let threads = threads(of: pool) else { return false }
        let posting = threads.post(task)
        if posting == .accepted { return true }
        complain?(pools[pool], posting)
        return false
    }

    /// The threads of a pool, made at its first use.
    private func threads(of pool: Int) -> DiskThreads? {
        if let known = threads[pool] { return known }
        guard let results = openResults() else { return nil }
        let plan = pools[pool]
        let made = DiskThreads(limit: plan.threads, longestQueue: plan.longestQueue, results: results, work: work)
        threads[pool] = made
        return made
    }

    private func openResults() -> DiskResults? {
        if let results { return results }
        let code = loop.kernel.makeNotice()
        guard code >= 0 else { return nil }
        descriptor = Int32(code)
        do throws(Errno) { try loop.addReadable(self) } catch {
            loop.kernel.close(descriptor)
            descriptor = -1
            return nil
        }
        let made = DiskResults(notice: descriptor)
        results = made
        return made
    }

    override func becameReadable() {
        loop.kernel.takeNotice(descriptor)
        guard let results else { return }
        for result in results.take() { finish(result.key, result.code) }
    }

    /// The kernel has read a part of what it was asked for, or could not. What it leaves is asked for again; a thread does what it
    /// cannot do, unless the disk is to blame.
    func kernelHasRead(_ key: Int, _ code: Int) {
        guard var entry = pending[key], entry.isKernels else { preconditionFailure("a read ends once") }
        entry.done += max(code, 0)
        let start = entry.range.lowerBound + entry.done
        let rest = DiskRead(key: key, file: entry.file.descriptor, offset: start, count: entry.range.upperBound - start)
        if code > 0, rest.count > 0, loop.source.read(rest, loop) {
            pending[key] = entry
            return
        }
        kernelCount -= 1
        entry.isKernels = false
        pending[key] = entry
        let isForThread = rest.count > 0 && code != 0 && code != -Int(Errno.inputOutput.code)
        if !isForThread || !post(.read(rest), to: entry.pool) { finish(key, code < 0 ? code : 0) }
    }

    private func finish(_ key: Int, _ code: Int) {
        guard let entry = pending.take(key) else { preconditionFailure("a read ends once") }
        free.append(key)
        let endpoint = loop.endpoint(at: Int(entry.slot), generation: entry.generation)
        if !entry.buffers.isEmpty {
            endpoint?.fileWasWritten(entry.number, code)
            return
        }
        count += 1
        bytes += entry.done + max(code, 0)
        endpoint?.fileWasRead(entry.number, upTo: entry.range.upperBound)
    }

    /// Tells of those that have become late. Returns when the next one will be, in milliseconds; nil: none can.
    fileprivate func tellOfLateReads() -> Int? {
        var next: Int?
        for key in pending.indices {
            guard var entry = pending[key], !entry.isToldOf else { continue }
            let left = entry.begunAt + patience - loop.now
            guard left <= 0 else {
                next = min(next ?? left, left)
                continue
            }
            entry.isToldOf = true
            pending[key] = entry
            let late = LateOperation(file: entry.file.descriptor, range: entry.range, isKernels: entry.isKernels)
            tellOfLate?(late, loop.endpoint(at: Int(entry.slot), generation: entry.generation))
        }
        if next == nil { watch = nil }
        return next
    }

    /// Ends the threads that are free, and those that are at something when they are done.
    func end() {
        for pool in threads { pool?.end() }
    }

    /// Drops a part of a file from the page cache when it has reached the network, then closes it. False: as many wait as may.
    func drop(_ range: Range<Int>, of file: Int32) -> Bool {
        drops.add(range, of: file)
    }
}

/// Looks after reads now and then, as long as there are any.
private final class ReadWatch: Endpoint {
    private weak var reads: FileReads?

    init(_ reads: FileReads, in milliseconds: Int) {
        self.reads = reads
        super.init(loop: reads.loop, descriptor: -1)
        loop.addTimer(self)
        loop.setInputDeadline(self, in: milliseconds)
    }

    override func inputTimedOut() {
        guard let next = reads?.tellOfLateReads() else { return loop.close(self) }
        loop.setInputDeadline(self, in: next)
    }
}

/// Parts of files that are to leave the page cache a little later: pages that are on their way to the network cannot.
private final class LateDrops: Endpoint {
    private struct Entry {
        let file: Int32
        let range: Range<Int>
        var due: Int
        var isLast = false
    }

    private var entries: [Entry] = []
    private var isRegistered = false
    /// A client that is slow may have much on its way for longer, so there is a second time.
    private static let delay = 2_000
    private static let longDelay = 20_000
    /// Files that are kept open for it at most.
    private static let bound = 256

    init(loop: EventLoop) {
        super.init(loop: loop, descriptor: -1)
    }

    deinit {
        for entry in entries { loop.kernel.close(entry.file) }
    }

    func add(_ range: Range<Int>, of file: Int32) -> Bool {
        if entries.count >= Self.bound {
            _ = loop.kernel.dropPages(file, range)
            return false
        }
        if !isRegistered {
            isRegistered = true
            loop.addTimer(self)
        }
        if entries.isEmpty { loop.setInputDeadline(self, in: Self.delay) }
        entries.append(Entry(file: file, range: range, due: loop.now + Self.delay))
        return true
    }

    override func inputTimedOut() {
        var kept: [Entry] = []
        for var entry in entries {
            if entry.due <= loop.now {
                _ = loop.kernel.dropPages(entry.file, entry.range)
                if entry.isLast {
                    loop.kernel.close(entry.file)
                    continue
                }
                entry.due = loop.now + Self.longDelay
                entry.isLast = true
            }
            kept.append(entry)
        }
        entries = kept
        if let next = entries.map(\.due).min() { loop.setInputDeadline(self, in: max(next - loop.now, 1)) }
    }
}
