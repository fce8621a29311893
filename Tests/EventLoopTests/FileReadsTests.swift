import CLinux
import Synchronization
import Testing

@testable import ApusServer

/// What the page cache has, as the tests' threads and kernel see it.
private final class PageCache: Sendable {
    private let ends = Mutex<[Range<Int>]>([])
    /// Whoever reads waits until it is opened.
    private let isOpen = Mutex(true)

    func add(_ range: Range<Int>) { ends.withLock { $0.append(range) } }
    func has(_ offset: Int) -> Bool { ends.withLock { $0.contains { $0.contains(offset) } } }
    func forgetAll() { ends.withLock { $0 = [] } }
    func close() { isOpen.withLock { $0 = false } }
    func open() { isOpen.withLock { $0 = true } }
    var isClosed: Bool { isOpen.withLock { !$0 } }

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

/// A ring whose reads wait, each at a pipe, as long as the page cache is closed. Of a read that has waited the first byte comes from
/// there, and the rest is asked for again.
private final class SlowRing: EventSource {
    private let ring: RingSource
    private let cache: PageCache
    private var pipes: [(reading: Int32, writing: Int32)] = []
    /// Reads that were handed to the kernel.
    private(set) var readCount = 0
    /// What it is asked for in place of a file.
    var substitute: Int32?
    var isFull = false

    init(kernel: ColdKernel) throws {
        ring = try RingSource(kernel: kernel)
        cache = kernel.cache
    }

    deinit {
        open()
    }

    override func read(_ read: DiskRead, _ loop: EventLoop) -> Bool {
        if isFull { return false }
        var read = read
        if !cache.isClosed { cache.add(read.offset..<read.offset + read.count) }
        if let substitute { read.file = substitute }
        if cache.isClosed {
            var both: [Int32] = [-1, -1]
            #expect(unsafe pipe(&both) == 0)
            pipes.append((both[0], both[1]))
            read.file = both[0]
        }
        readCount += 1
        return ring.read(read, loop)
    }

    func open() {
        cache.open()
        for pipe in pipes {
            #expect(unsafe write(pipe.writing, "x", 1) == 1)
            #expect(CLinux.close(pipe.writing) == 0)
        }
        pipes = []
    }

    override func wait(_ loop: EventLoop, milliseconds: Int32) { ring.wait(loop, milliseconds: milliseconds) }
    override func serve(_ loop: EventLoop) { ring.serve(loop) }
    override var watchingCall: StaticString { ring.watchingCall }
    override func watch(_ endpoint: Endpoint, for interest: Interest, _ loop: EventLoop) -> Int {
        ring.watch(endpoint, for: interest, loop)
    }
    override func watchOutput(_ endpoint: Endpoint, _ loop: EventLoop) -> Int { ring.watchOutput(endpoint, loop) }
    override func suspend(_ endpoint: Endpoint, _ loop: EventLoop) { ring.suspend(endpoint, loop) }
    override func withdraw(_ endpoint: Endpoint, _ loop: EventLoop) { ring.withdraw(endpoint, loop) }
    override func receive(_ endpoint: Endpoint, _ loop: EventLoop) { ring.receive(endpoint, loop) }
    override func leave(_ endpoint: Endpoint, _ loop: EventLoop) { ring.leave(endpoint, loop) }
    override func close(_ descriptor: Int32, _ loop: EventLoop) { ring.close(descriptor, loop) }
    override func flush() { ring.flush() }
}

/// Who reads, and how the loop hears from the kernel.
private enum Readers: String, CaseIterable, CustomTestStringConvertible {
    case threads, threadsBesideRing, ring

    var testDescription: String { rawValue }
}

private let size = 3_000_000
private let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }

/// A loop with files that are not in the page cache.
private final class ColdGround {
    let kernel = ColdKernel()
    let loop: EventLoop
    let reads: FileReads
    let ring: SlowRing?
    private let readers: Readers

    init(_ readers: Readers, kernelLimit: Int = 32, patience: Int = 60_000) throws {
        self.readers = readers
        ring = readers == .threads ? nil : try SlowRing(kernel: kernel)
        loop = if let ring { EventLoop(kernel: kernel, source: ring) } else { try EventLoop(kernel: kernel) }
        let cache = kernel.cache
        reads = FileReads(
            loop: loop, pools: [ThreadPool(name: "two", threads: 2, longestQueue: 1)], kernelLimit: kernelLimit,
            patience: patience, work: { cache.read($0) })
        loop.fileReads = reads
    }

    deinit {
        open()
    }

    func makeFile(_ bytes: [UInt8] = content) throws -> OpenFile {
        var name = Array("/tmp/apus-reads-XXXXXX\0".utf8CString)
        let descriptor = unsafe mkstemp(&name)
        try #require(descriptor >= 0)
        _ = unsafe unlink(name)
        try File.write(bytes, to: descriptor)
        let file = OpenFile(descriptor: descriptor, status: FileStatus(), kernel: kernel)
        file.reading = FileReading(
            pool: 0, prefersKernel: readers == .ring, leavesCache: false, alignment: 512, reads: reads)
        return file
    }

    func connection() throws -> (Recorder, LinuxFarEnd) {
        let both = try LoopbackPair.make()
        let recorder = Recorder(loop: loop, descriptor: both.near)
        try loop.add(recorder)
        return (recorder, LinuxFarEnd(both.far))
    }

    /// Begins to send a file on a connection of its own.
    func send(_ file: OpenFile) throws -> (Recorder, LinuxFarEnd) {
        let pair = try connection()
        loop.output(of: pair.0).append(.file(file, 0..<size))
        loop.flush(pair.0)
        return pair
    }

    func open() {
        if let ring { ring.open() } else { kernel.cache.open() }
    }

    func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<5_000 {
            if condition() { return true }
            loop.turn(waitingAtMost: 1)
        }
        return condition()
    }

    /// Whether all that was sent has come, and nothing else.
    func arrives(_ expected: [UInt8], at far: LinuxFarEnd, meanwhile: () -> Void = {}) -> Bool {
        var received: [UInt8] = []
        return run {
            received += far.receive(atMost: .max)
            meanwhile()
            return received.count >= expected.count
        } && received == expected
    }
}

/// Files that are sent while threads or the kernel read them.
@Suite(.serialized)
struct FileReadsTests {
    @Test(arguments: Readers.allCases) fileprivate func aColdFileIsSentInOrderWithWhatIsAroundIt(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        let (recorder, far) = try ground.connection()
        let queue = ground.loop.output(of: recorder)
        queue.writable.append("before ")
        queue.append(.file(try ground.makeFile(), 0..<size))
        queue.writable.append(" after")
        ground.loop.flush(recorder)
        #expect(ground.arrives(Array("before ".utf8) + content + Array(" after".utf8), at: far))
        #expect(recorder.count("drained") == 1)
        #expect(ground.reads.bytes == size && ground.reads.underWay == 0)
        #expect(ground.ring?.readCount ?? 0 == (readers == .ring ? ground.reads.count : 0))
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func nobodyReadsWhatIsThere(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cache.add(0..<size)
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far))
        #expect(ground.reads.count == 0)
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func aFileIsSentThoughTheCacheForgetsItAtOnce(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far) { ground.kernel.cache.forgetAll() })
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func aFileIsSentWhoseFileSystemCannotTell(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cannotTell = true
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far))
        // Each part once: what was read counts as there.
        #expect(ground.reads.bytes == size)
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func aFileStaysOpenAsLongAsSomebodyIsAtIt(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cache.close()
        let file = try ground.makeFile().descriptor
        #expect(ground.kernel.closed.contains(file))
        ground.kernel.closed = []
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(recorder.flags.contains(.awaitsFile) && ground.reads.underWay == 1)
        ground.loop.close(recorder)
        for _ in 0..<20 { ground.loop.turn(waitingAtMost: 1) }
        #expect(!ground.kernel.closed.contains(file) && ground.reads.underWay == 1)
        ground.open()
        #expect(ground.run { ground.kernel.closed.contains(file) })
        #expect(recorder.calls.isEmpty && ground.reads.underWay == 0)
        withExtendedLifetime(far) {}
    }

    @Test(arguments: Readers.allCases) fileprivate func aSuccessorGoesOnWithWhatWasWaitedFor(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cache.close()
        let (recorder, far) = try ground.send(try ground.makeFile())
        let successor = Recorder(loop: ground.loop, descriptor: -1)
        ground.loop.replace(recorder, by: successor)
        ground.open()
        #expect(ground.arrives(content, at: far))
        #expect(successor.count("drained") == 1)
        ground.loop.close(successor)
    }

    @Test(arguments: [Readers.threads, .threadsBesideRing])
    fileprivate func aConnectionFailsWhoseReadFindsNoPlace(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cache.close()
        var complaints: [DiskThreads.Posting] = []
        ground.reads.complain = { complaints.append($1) }
        let file = try ground.makeFile()
        var all: [(Recorder, LinuxFarEnd)] = []
        for _ in 0..<4 { all.append(try ground.send(file)) }
        // Two threads, and one more that waits.
        #expect(all.map { $0.0.flags.contains(.failed) } == [false, false, false, true])
        #expect(complaints == [.overflow(waiting: 1)])
        ground.open()
        #expect(ground.run { ground.reads.underWay == 0 })
        for (recorder, _) in all { ground.loop.close(recorder) }
    }

    @Test(arguments: Readers.allCases) fileprivate func whatWasReadForSomethingElseChangesNothing(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        ground.kernel.cache.close()
        let (recorder, far) = try ground.send(try ground.makeFile())
        // The first answer is given up, and another is sent on the same connection.
        ground.loop.discardOutput(of: recorder)
        recorder.flags.remove(.awaitsFile)
        let other = Array(content.reversed())
        ground.loop.output(of: recorder).append(.file(try ground.makeFile(other), 0..<size))
        ground.open()
        ground.loop.flush(recorder)
        #expect(ground.arrives(other, at: far))
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func aFileThatBecomesShorterEndsThere(_ readers: Readers) throws {
        let ground = try ColdGround(readers)
        let (recorder, far) = try ground.connection()
        let file = try ground.makeFile()
        ground.loop.output(of: recorder).append(.file(file, 0..<size))
        #expect(ftruncate(file.descriptor, 1_000_000) == 0)
        ground.loop.flush(recorder)
        var count = 0
        #expect(
            ground.run {
                count += far.receive(atMost: .max).count
                return recorder.flags.contains(.failed)
            })
        count += far.receive(atMost: .max).count
        #expect(count == 1_000_000 && ground.run { ground.reads.underWay == 0 })
        ground.loop.close(recorder)
    }

    @Test(arguments: Readers.allCases) fileprivate func aReadThatTakesTooLongIsToldOfOnce(_ readers: Readers) throws {
        let ground = try ColdGround(readers, patience: 20)
        ground.kernel.cache.close()
        var told: [(LateOperation, Endpoint?)] = []
        ground.reads.tellOfLate = { told.append(($0, $1)) }
        let file = try ground.makeFile()
        let (recorder, far) = try ground.send(file)
        #expect(ground.run { !told.isEmpty })
        for _ in 0..<40 { ground.loop.turn(waitingAtMost: 1) }
        #expect(told.count == 1)
        #expect(told.first?.0.file == file.descriptor && told.first?.0.isKernels == (readers == .ring))
        #expect(told.first?.0.range == 0..<524_288 && told.first?.1 === recorder)
        ground.open()
        #expect(ground.arrives(content, at: far))
        ground.loop.close(recorder)
        // Nobody looks any more.
        #expect(ground.run { ground.loop.endpointCount <= 1 })
    }
}

/// What only reads by the kernel can get wrong.
@Suite(.serialized)
struct KernelReadsTests {
    @Test func threadsReadWhatTheRingHasNoRoomFor() throws {
        let ground = try ColdGround(.ring)
        ground.ring?.isFull = true
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far))
        #expect(ground.ring?.readCount == 0 && ground.reads.bytes == size)
        ground.loop.close(recorder)
    }

    @Test func theKernelIsAtNoMoreReadsThanItMay() throws {
        let ground = try ColdGround(.ring, kernelLimit: 3)
        ground.kernel.cache.close()
        let file = try ground.makeFile()
        var all: [(Recorder, LinuxFarEnd)] = []
        for _ in 0..<5 { all.append(try ground.send(file)) }
        #expect(ground.ring?.readCount == 3 && ground.reads.underWay == 5)
        ground.open()
        for (recorder, far) in all {
            #expect(ground.arrives(content, at: far))
            ground.loop.close(recorder)
        }
    }

    /// A kernel that cannot, or a file that it cannot read so: a folder here, in whose place the thread is handed the file.
    @Test func threadsReadWhatTheKernelCannot() throws {
        let ground = try ColdGround(.ring)
        let folder = Int32(unsafe "/tmp".withCString { unsafe ground.kernel.open($0, flags: O_RDONLY, mode: 0) })
        defer { close(folder) }
        ground.ring?.substitute = folder
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far))
        #expect(ground.ring?.readCount ?? 0 > 0 && ground.reads.bytes == size)
        ground.loop.close(recorder)
    }

    /// A disk that fails, as memory does that is not there, is not asked again by a thread: whoever sends the file hears of it.
    @Test func noThreadWaitsForADiskThatFails() throws {
        let ground = try ColdGround(.ring)
        let memory = Int32(unsafe "/proc/self/mem".withCString { unsafe ground.kernel.open($0, flags: O_RDONLY, mode: 0) })
        defer { close(memory) }
        ground.ring?.substitute = memory
        let (recorder, far) = try ground.send(try ground.makeFile())
        #expect(ground.arrives(content, at: far))
        #expect(ground.reads.count > 0 && ground.reads.bytes == 0)
        ground.loop.close(recorder)
    }

    @Test func manyFilesAtOnceAllArrive() throws {
        let ground = try ColdGround(.ring, kernelLimit: 1_000)
        ground.kernel.cache.close()
        var all: [(Recorder, LinuxFarEnd)] = []
        for _ in 0..<40 { all.append(try ground.send(try ground.makeFile())) }
        #expect(ground.reads.underWay == 40)
        // Every third one leaves before anything was read.
        for index in stride(from: 0, to: 40, by: 3) { ground.loop.close(all[index].0) }
        ground.open()
        for index in all.indices where index % 3 != 0 {
            #expect(ground.arrives(content, at: all[index].1))
            ground.loop.close(all[index].0)
        }
        #expect(ground.run { ground.reads.underWay == 0 })
    }

    /// A ring that is gone while the kernel is at a read: what it still writes hits nothing.
    @Test func aRingMayEndBeforeItsReads() throws {
        for _ in 0..<20 {
            let ground = try ColdGround(.ring)
            let (recorder, far) = try ground.send(try ground.makeFile())
            ground.loop.source.flush()
            ground.loop.close(recorder)
            withExtendedLifetime(far) {}
        }
    }

    /// A real disk's file that the page cache has forgotten.
    @Test func theKernelBringsAFileIntoThePageCache() throws {
        let kernel = Kernel()
        let loop = EventLoop(kernel: kernel, source: try RingSource(kernel: kernel))
        let reads = FileReads(loop: loop)
        loop.fileReads = reads
        var name = Array("/tmp/apus-reads-XXXXXX\0".utf8CString)
        let descriptor = unsafe mkstemp(&name)
        try #require(descriptor >= 0)
        _ = unsafe unlink(name)
        try File.write(content, to: descriptor)
        #expect(fsync(descriptor) == 0)
        let file = OpenFile(descriptor: descriptor, status: FileStatus(), kernel: kernel)
        let timer = Hearing(loop: loop, descriptor: -1)
        loop.addTimer(timer)
        for start in [0, 524_288, 2_621_440] {
            _ = kernel.dropPages(descriptor, 0..<size)
            guard kernel.presence(descriptor, at: start) == .absent else { continue }
            let end = min(start + 524_288, size)
            timer.end = 0
            #expect(reads.begin(start..<end, of: file, by: 0, prefersKernel: true, for: timer) != 0)
            for _ in 0..<5_000 where timer.end == 0 { loop.turn(waitingAtMost: 1) }
            #expect(timer.end == end && kernel.presence(descriptor, at: end - 1) == .present)
        }
        #expect(reads.underWay == 0)
        loop.close(timer)
    }
}

private final class Hearing: Endpoint {
    var end = 0
    override func fileWasRead(_ task: Int, upTo end: Int) { self.end = end }

    var task = 0
    var code = 0
    override func fileWasWritten(_ task: Int, _ code: Int) { (self.task, self.code) = (task, code) }
}

/// Files that threads write.
@Suite(.serialized)
struct FileWritesTests {
    private let kernel = ColdKernel()
    private let loop: EventLoop
    private let reads: FileReads
    private let hearing: Hearing

    /// One thread, which may be kept busy by a read, and one task more that may wait.
    init() throws {
        loop = try EventLoop(kernel: kernel)
        let cache = kernel.cache
        reads = FileReads(
            loop: loop, pools: [ThreadPool(name: "one", threads: 1, longestQueue: 1)], work: { cache.read($0) })
        loop.fileReads = reads
        hearing = Hearing(loop: loop, descriptor: -1)
        loop.addTimer(hearing)
    }

    private func makeFile(_ bytes: [UInt8] = []) throws -> OpenFile {
        var name = Array("/tmp/apus-writes-XXXXXX\0".utf8CString)
        let descriptor = unsafe mkstemp(&name)
        try #require(descriptor >= 0)
        _ = unsafe unlink(name)
        try File.write(bytes, to: descriptor)
        return OpenFile(descriptor: descriptor, status: FileStatus(), kernel: kernel)
    }

    private func buffer(_ bytes: ArraySlice<UInt8>) -> Buffer {
        let made = Buffer(capacity: bytes.count)
        for byte in bytes { made.append(byte) }
        return made
    }

    private func run(until condition: () -> Bool) -> Bool {
        for _ in 0..<5_000 {
            if condition() { return true }
            loop.turn(waitingAtMost: 1)
        }
        return condition()
    }

    @Test func buffersAreWrittenOneBehindTheOther() throws {
        let file = try makeFile([1, 2, 3, 4])
        let buffers = [buffer(content[..<40_000]), buffer(content[40_000..<40_001]), buffer(content[40_001..<100_000])]
        let task = reads.beginWriting(buffers, to: file, at: 3, by: 0, for: hearing)
        #expect(task != 0 && run { hearing.task == task })
        #expect(hearing.code == 100_000 && reads.underWay == 0 && reads.count == 0)
        let all = Buffer(capacity: 100_003)
        #expect(kernel.read(file.descriptor, into: all, count: 100_003, offset: 0) == 100_003)
        #expect((0..<100_003).map { all[$0] } == [1, 2, 3] + content[..<100_000])
    }

    @Test func aFullDiskIsToldOf() throws {
        let full = Int32(unsafe "/dev/full".withCString { unsafe kernel.open($0, flags: O_WRONLY, mode: 0) })
        let file = OpenFile(descriptor: full, status: FileStatus(), kernel: kernel)
        #expect(reads.beginWriting([buffer(content[..<10])], to: file, at: 0, by: 0, for: hearing) != 0)
        #expect(run { hearing.task != 0 })
        #expect(hearing.code == -Int(ENOSPC))
    }

    @Test func fileAndBuffersAreKeptForTheThread() throws {
        kernel.cache.close()
        #expect(
            reads.begin(0..<10, of: try makeFile(), by: 0, prefersKernel: false, for: hearing) != 0)
        weak var seen: Buffer?
        let descriptor: Int32
        var copy: Int32 = -1
        do {
            let file = try makeFile()
            descriptor = file.descriptor
            copy = dup(descriptor)
            let bytes = buffer(content[..<50_000])
            seen = bytes
            #expect(reads.beginWriting([bytes], to: file, at: 0, by: 0, for: hearing) != 0)
            // The thread is busy, and one write waits for it already.
            #expect(reads.beginWriting([bytes], to: file, at: 0, by: 0, for: hearing) == 0)
        }
        defer { close(copy) }
        loop.close(hearing)
        for _ in 0..<20 { loop.turn(waitingAtMost: 1) }
        #expect(seen != nil && !kernel.closed.contains(descriptor))
        kernel.cache.open()
        #expect(run { kernel.closed.contains(descriptor) })
        #expect(seen == nil && hearing.task == 0 && reads.underWay == 0)
        let all = Buffer(capacity: 50_000)
        #expect(kernel.read(copy, into: all, count: 50_000, offset: 0) == 50_000)
        #expect((0..<50_000).allSatisfy { all[$0] == content[$0] })
    }
}
