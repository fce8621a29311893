import CLinux
import Synchronization
import Testing

@testable import ApusServer

/// What the page cache has, as the tests' threads and kernel see it.
private final class PageCache: Sendable {
    private let ends = Mutex<[Range<Int>]>([])
    /// Threads wait until it is opened.
    private let isOpen = Mutex(true)

    func add(_ range: Range<Int>) { ends.withLock { $0.append(range) } }
    func has(_ offset: Int) -> Bool { ends.withLock { $0.contains { $0.contains(offset) } } }
    func forgetAll() { ends.withLock { $0 = [] } }
    func close() { isOpen.withLock { $0 = false } }
    func open() { isOpen.withLock { $0 = true } }

    func read(_ read: DiskRead) -> Int {
        while !isOpen.withLock({ $0 }) { usleep(200) }
        add(read.offset..<read.offset + read.count)
        return read.count
    }
}

/// A kernel whose page cache is `cache`.
private final class ColdKernel: Kernel {
    let cache = PageCache()
    var cannotTell = false
    var closed: [Int32] = []

    override func readPresent(_ file: Int32, into space: UnsafeMutableRawBufferPointer, offset: Int) -> Int {
        if cannotTell { return -Int(EOPNOTSUPP) }
        guard cache.has(offset) else { return -Int(EAGAIN) }
        return unsafe super.read(file, into: space, offset: offset)
    }

    override func close(_ descriptor: Int32) {
        closed.append(descriptor)
        super.close(descriptor)
    }
}

/// Files that are sent while threads read them.
@Suite(.serialized)
struct FileReadsTests {
    private static let size = 3_000_000

    private let kernel = ColdKernel()
    private let loop: EventLoop
    private let reads: FileReads

    init() throws {
        loop = try EventLoop(kernel: kernel)
        let cache = kernel.cache
        reads = FileReads(
            loop: loop, pools: [ThreadPool(name: "two", threads: 2, longestQueue: 1)], work: { cache.read($0) })
        loop.fileReads = reads
    }

    private static let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

    private func makeFile(_ bytes: [UInt8] = content, pool: Int? = 0, leavesCache: Bool = false) throws -> OpenFile {
        var name = Array("/tmp/apus-reads-XXXXXX\0".utf8CString)
        let descriptor = unsafe mkstemp(&name)
        try #require(descriptor >= 0)
        _ = unsafe unlink(name)
        try File.write(bytes, to: descriptor)
        let file = OpenFile(descriptor: descriptor, status: FileStatus(), kernel: kernel)
        file.reading = FileReading(pool: pool, leavesCache: leavesCache, alignment: 512, reads: reads)
        return file
    }

    private func connection() throws -> (Recorder, LinuxFarEnd) {
        let both = try LoopbackPair.make()
        let recorder = Recorder(loop: loop, descriptor: both.near)
        try loop.add(recorder)
        return (recorder, LinuxFarEnd(both.far))
    }

    private func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<5_000 {
            if condition() { return true }
            loop.turn(waitingAtMost: 1)
        }
        return condition()
    }

    @Test func aColdFileIsSentInOrderWithWhatIsAroundIt() throws {
        let (recorder, far) = try connection()
        let queue = loop.output(of: recorder)
        queue.writable.append("before ")
        queue.append(.file(try makeFile(), 0..<Self.size))
        queue.writable.append(" after")
        loop.flush(recorder)
        var received: [UInt8] = []
        let expected = Array("before ".utf8) + Self.content + Array(" after".utf8)
        #expect(
            run {
                received += far.receive(atMost: .max)
                return received.count >= expected.count
            })
        #expect(received == expected)
        #expect(recorder.count("drained") == 1)
        #expect(reads.bytes == Self.size && reads.underWay == 0)
        loop.close(recorder)
    }

    @Test func whatIsThereIsNotReadByThreads() throws {
        kernel.cache.add(0..<Self.size)
        let (recorder, far) = try connection()
        loop.output(of: recorder).append(.file(try makeFile(), 0..<Self.size))
        loop.flush(recorder)
        var count = 0
        #expect(
            run {
                count += far.receive(atMost: .max).count
                return count == Self.size
            })
        #expect(reads.count == 0)
        loop.close(recorder)
    }

    @Test func aFileIsSentThoughTheCacheForgetsItAtOnce() throws {
        let (recorder, far) = try connection()
        loop.output(of: recorder).append(.file(try makeFile(), 0..<Self.size))
        loop.flush(recorder)
        var received: [UInt8] = []
        #expect(
            run {
                received += far.receive(atMost: .max)
                kernel.cache.forgetAll()
                return received.count == Self.size
            })
        #expect(received == Self.content)
        loop.close(recorder)
    }

    @Test func aFileIsSentWhoseFileSystemCannotTell() throws {
        kernel.cannotTell = true
        let (recorder, far) = try connection()
        loop.output(of: recorder).append(.file(try makeFile(), 0..<Self.size))
        loop.flush(recorder)
        var received: [UInt8] = []
        #expect(
            run {
                received += far.receive(atMost: .max)
                return received.count == Self.size
            })
        #expect(received == Self.content)
        // Each part once: what a thread has read counts as there.
        #expect(reads.bytes == Self.size)
        loop.close(recorder)
    }

    @Test func aFileStaysOpenAsLongAsAThreadIsAtIt() throws {
        kernel.cache.close()
        let (recorder, _) = try connection()
        let descriptor: Int32
        do {
            let file = try makeFile()
            descriptor = file.descriptor
            loop.output(of: recorder).append(.file(file, 0..<Self.size))
        }
        loop.flush(recorder)
        #expect(recorder.flags.contains(.awaitsFile) && reads.underWay == 1)
        loop.close(recorder)
        for _ in 0..<20 { loop.turn(waitingAtMost: 1) }
        #expect(!kernel.closed.contains(descriptor))
        kernel.cache.open()
        #expect(run { kernel.closed.contains(descriptor) })
        #expect(recorder.calls.isEmpty && reads.underWay == 0)
    }

    @Test func aSuccessorGoesOnWithWhatWasWaitedFor() throws {
        kernel.cache.close()
        let (recorder, far) = try connection()
        loop.output(of: recorder).append(.file(try makeFile(), 0..<Self.size))
        loop.flush(recorder)
        let successor = Recorder(loop: loop, descriptor: -1)
        loop.replace(recorder, by: successor)
        kernel.cache.open()
        var count = 0
        #expect(
            run {
                count += far.receive(atMost: .max).count
                return count == Self.size
            })
        #expect(successor.count("drained") == 1)
        loop.close(successor)
    }

    @Test func aConnectionFailsWhoseReadFindsNoPlace() throws {
        kernel.cache.close()
        var complaints: [DiskThreads.Posting] = []
        reads.complain = { complaints.append($1) }
        let file = try makeFile()
        var all: [(Recorder, LinuxFarEnd)] = []
        for _ in 0..<4 {
            let pair = try connection()
            loop.output(of: pair.0).append(.file(file, 0..<Self.size))
            loop.flush(pair.0)
            all.append(pair)
        }
        // Two threads, and one more that waits.
        #expect(all.map { $0.0.flags.contains(.failed) } == [false, false, false, true])
        #expect(complaints == [.overflow(waiting: 1)])
        kernel.cache.open()
        #expect(run { reads.underWay == 0 })
        for (recorder, _) in all { loop.close(recorder) }
    }

    @Test func whatWasReadForSomethingElseChangesNothing() throws {
        kernel.cache.close()
        let (recorder, far) = try connection()
        loop.output(of: recorder).append(.file(try makeFile(), 0..<Self.size))
        loop.flush(recorder)
        // The first answer is given up, and another is sent on the same connection.
        loop.discardOutput(of: recorder)
        recorder.flags.remove(.awaitsFile)
        let other = Array(Self.content.reversed())
        loop.output(of: recorder).append(.file(try makeFile(other), 0..<Self.size))
        kernel.cache.open()
        loop.flush(recorder)
        var received: [UInt8] = []
        #expect(
            run {
                received += far.receive(atMost: .max)
                return received.count == Self.size
            })
        #expect(received == other)
        loop.close(recorder)
    }

    @Test func aFileThatBecomesShorterEndsThere() throws {
        let (recorder, far) = try connection()
        let file = try makeFile()
        loop.output(of: recorder).append(.file(file, 0..<Self.size))
        #expect(ftruncate(file.descriptor, 1_000_000) == 0)
        loop.flush(recorder)
        #expect(
            run {
                _ = far.receive(atMost: .max)
                return recorder.flags.contains(.failed)
            })
        loop.close(recorder)
    }
}
