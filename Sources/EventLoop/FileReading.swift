/// How a large file is read that may not be in the page cache: by threads or the kernel, so that the loop does not wait for a disk (`aio`), and
/// without leaving it there (`directio`).
final class FileReading {
    /// The pool whose threads read; nil: the loop waits.
    let pool: Int?
    /// The kernel reads in their place where it is asked by a ring.
    private let prefersKernel: Bool
    /// The pool whose threads may write to the file, too.
    var writingPool: Int? { prefersKernel ? nil : pool }
    /// From the first part on that was not in the page cache, all that is sent leaves it again.
    private let leavesCache: Bool
    /// What parts of such a file begin and end at.
    private let alignment: Int
    private let reads: FileReads
    /// All of that; empty: everything was there until now.
    private var ours = 0..<0
    /// It has left up to here, but for pages that were still on their way to the network.
    private var left = 0

    /// What is asked about, and read, at a time.
    static let window = 512 * 1_024
    /// So much of what was sent stays for now: pages that may still be on their way to the network cannot be dropped.
    private static let lag = 4 * 1_024 * 1_024
    /// What is dropped at a time.
    private static let dropped = 2 * 1_024 * 1_024

    init(pool: Int?, prefersKernel: Bool = false, leavesCache: Bool, alignment: Int, reads: FileReads) {
        self.pool = pool
        self.prefersKernel = prefersKernel
        self.leavesCache = leavesCache
        self.alignment = min(max(alignment, 4_096), Self.window)
        self.reads = reads
    }

    /// The file system tells what is in the page cache.
    private(set) var isCacheKnown = true

    /// Whether a byte of the file is in the page cache.
    func isPresent(_ file: OpenFile, at offset: Int) -> Bool {
        switch reads.loop.kernel.presence(file.descriptor, at: offset) {
        case .present: return true
        case .absent: return false
        case .unknown:
            isCacheKnown = false
            return false
        }
    }

    /// A part of the file of at most `count` bytes, read into memory if that is in the page cache; else a thread is to read what this
    /// returns: as much as is read at a time.
    func read(_ file: OpenFile, _ range: Range<Int>, atMost count: Int, granted: Int, into buffer: Buffer) -> PartialRead {
        let kernel = reads.loop.kernel
        var code = kernel.readPresent(file.descriptor, into: buffer, count: count, offset: range.lowerBound)
        let presence = Kernel.Presence(code)
        if presence == .present {
            sent(upTo: range.lowerBound + max(code, 0), of: file.descriptor)
            return .read(code)
        }
        let window = aligned(range.lowerBound..<min(windowEnd(after: range.lowerBound), range.upperBound))
        if let pool, granted <= range.lowerBound { return .absent(window, pool) }
        if pool == nil { note(window) }
        code = kernel.read(
            file.descriptor, into: buffer, count: pool == nil ? count : min(count, granted - range.lowerBound), offset: range.lowerBound)
        return .read(code)
    }

    enum PartialRead {
        /// So many bytes, or a negative error number.
        case read(Int)
        case absent(Range<Int>, Int)
    }

    /// Has a thread read a part; see `FileReads.begin`.
    func begin(_ range: Range<Int>, of file: OpenFile, by pool: Int, for endpoint: Endpoint) -> Int {
        let task = reads.begin(range, of: file, by: pool, prefersKernel: prefersKernel, for: endpoint)
        if task != 0 { note(range) }
        return task
    }

    /// The end of the window that a byte is in.
    func windowEnd(after offset: Int) -> Int {
        let window = Self.window / alignment * alignment
        return offset / window * window + window
    }

    /// What is read in place of a part: it begins and ends as such parts have to.
    func aligned(_ range: Range<Int>) -> Range<Int> {
        guard leavesCache else { return range }
        let end = (range.upperBound + alignment - 1) / alignment * alignment
        return range.lowerBound / alignment * alignment..<end
    }

    /// A part was read, or is about to be, that was not there.
    func note(_ range: Range<Int>) {
        guard leavesCache else { return }
        ours = ours.isEmpty ? range : min(ours.lowerBound, range.lowerBound)..<max(ours.upperBound, range.upperBound)
    }

    /// The file was sent up to here: what lies far enough behind leaves the page cache.
    func sent(upTo offset: Int, of file: Int32) {
        guard leavesCache, !ours.isEmpty else { return }
        if offset > ours.upperBound { ours = ours.lowerBound..<offset }
        let start = max(left, ours.lowerBound)
        guard offset - start >= Self.lag + Self.dropped else { return }
        // Where what was read at a time ends: larger parts of the page cache are dropped whole or not at all.
        let end = (offset - Self.lag) / Self.window * Self.window
        guard end > start else { return }
        _ = reads.loop.kernel.dropPages(file, start..<end)
        left = end
    }

    /// Nobody has the file open any more: it is closed later if something of it still has to leave the page cache, when it has reached
    /// the network. False: nothing has to.
    func passOn(_ file: Int32) -> Bool {
        !ours.isEmpty && reads.drop(ours, of: file)
    }
}
