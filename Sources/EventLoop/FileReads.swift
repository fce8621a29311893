/// A `thread_pool`.
struct ThreadPool: Equatable, Sendable {
    var name: ByteString
    var threads: Int
    var longestQueue: Int

    /// The one that is there without a directive.
    static let standard = ThreadPool(name: "default", threads: 32, longestQueue: 65_536)
}

/// The reads of files that a loop has left to threads, and what they are for.
///
/// Its descriptor becomes readable when some are done. A file stays open until then, whatever has become of who wanted it.
final class FileReads: Endpoint {
    private struct Pending {
        /// Kept open for the thread.
        let file: OpenFile
        let range: Range<Int>
        let slot: Int32
        let generation: UInt32
        let number: Int
    }

    private let pools: [ThreadPool]
    private var threads: [DiskThreads?]
    private var results: DiskResults?
    private let work: DiskThreads.Work?
    private let pending = List<Pending?>()
    private let free = List<Int>()
    private var lastNumber = 0
    /// Reads that were handed to threads, ever, and what they have read.
    private(set) var count = 0
    private(set) var bytes = 0
    /// Told of a pool that can take no more.
    var complain: ((ThreadPool, DiskThreads.Posting) -> Void)?
    private let drops: LateDrops

    /// - Parameter work: what threads do instead of reading, in tests.
    init(loop: EventLoop, pools: [ThreadPool] = [], work: DiskThreads.Work? = nil) {
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

    /// Has a thread read a part of a file. `fileWasRead` of the endpoint follows, with the number that this returns; 0: it could not
    /// be handed to a thread, and whoever is in charge was told.
    func begin(_ range: Range<Int>, of file: OpenFile, by pool: Int, for endpoint: Endpoint) -> Int {
        guard let threads = threads(of: pool) else { return 0 }
        let key = free.popLast() ?? pending.count
        let read = DiskRead(key: key, file: file.descriptor, offset: range.lowerBound, count: range.count)
        let posting = threads.post(read)
        guard posting == .accepted else {
            if key < pending.count { free.append(key) }
            complain?(pools[pool], posting)
            return 0
        }
        lastNumber += 1
        let entry = Pending(
            file: file, range: range, slot: endpoint.slot, generation: endpoint.generation, number: lastNumber)
        if key == pending.count { pending.append(entry) } else { pending[key] = entry }
        return lastNumber
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
        for result in results.take() {
            guard let entry = pending.take(result.key) else { preconditionFailure("a read ends once") }
            free.append(result.key)
            count += 1
            bytes += max(result.code, 0)
            guard let endpoint = loop.endpoint(at: Int(entry.slot), generation: entry.generation) else { continue }
            endpoint.fileWasRead(entry.number, upTo: entry.range.upperBound)
        }
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
