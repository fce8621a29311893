import CLinux

@testable import ApusServer

/// What a kernel within the test is without its network: a seeded generator, a clock that only moves when nothing else is to be done,
/// descriptors, files in memory, and failures on demand.
class SimulatedMachine: Kernel {
    /// What a descriptor stands for.
    enum Handle {
        case socket(SimulatedSocket)
        case poll(SimulatedPoll)
        case file(OpenedFile)
        /// Either end of a pipe.
        case pipe(SimulatedPipe)
        /// Sends messages to one address.
        case datagrams(SocketAddress?)
    }

    final var random: SeededRandom
    /// Milliseconds since the machine was started.
    private(set) final var now = 10_000_000
    /// 2026-11-23 10:00:00 UTC at the beginning.
    final let wallOffset = 1_795_428_000_000 - 10_000_000
    private final var timeline = Timeline()
    final var failures = FailurePlan()
    final var disk = SimulatedDisk()

    // MARK: What a test may set

    /// The share of calls before which something that is due happens, in the middle of a turn.
    final var interruptions = 0.0
    final var descriptorLimit = 1_000

    // MARK: What a test may ask

    private(set) final var descriptors: [Int32: Handle] = [:]
    /// Mistakes of the program: a descriptor closed twice, a call on one that is not open.
    private(set) final var mistakes: [String] = []
    /// Counts what calls achieved and what happened outside: a loop whose turns leave it as it is turns for nothing.
    private(set) final var progress = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        super.init()
    }

    // MARK: - Time

    final func schedule(after delay: Int, _ action: @escaping () -> Void) {
        timeline.add(at: now + delay, action)
    }

    final func schedule(at time: Int, _ action: @escaping () -> Void) {
        timeline.add(at: max(time, now), action)
    }

    override final func monotonicMilliseconds() -> Int { now }
    override final func wallMilliseconds() -> Int { now + wallOffset }

    // MARK: - Descriptors

    /// The negative number of an injected failure, or nil. What is due may happen before the call.
    final func injected(_ call: SimulatedCall) -> Int? {
        if interruptions > 0, call != .pollWait, random.chance(interruptions) {
            if let next = timeline.nextTime, next <= now { happen() }
        }
        return failures.outcome(of: call, &random)
    }

    /// Lets what is to come happen while nobody asks for events.
    final func pass(milliseconds: Int) {
        let end = now + milliseconds
        while let next = timeline.nextTime, next <= end { happen() }
        now = end
    }

    /// When the next thing happens; nil: nothing is to come.
    final var nextTime: Int? { timeline.nextTime }

    /// Lets the next thing happen, when its time has come.
    final func happen() {
        if let next = timeline.nextTime { now = max(now, next) }
        progress += 1
        timeline.take()?()
    }

    /// Moves the clock to a time before which nothing happens.
    final func rest(until time: Int) {
        guard time > now else { return }
        now = time
        progress += 1
    }

    /// Passes on what a call answers, and notes that it achieved something.
    final func achieved(_ code: Int) -> Int {
        if code >= 0 { progress += 1 }
        return code
    }

    final func assign(_ handle: Handle) -> Int {
        guard descriptors.count < descriptorLimit else { return -Int(EMFILE) }
        var number: Int32 = 3
        while descriptors[number] != nil { number += 1 }
        descriptors[number] = handle
        progress += 1
        return Int(number)
    }

    /// A descriptor stands for something else from now on.
    final func reassign(_ descriptor: Int32, _ handle: Handle) { descriptors[descriptor] = handle }

    final func file(_ descriptor: Int32, _ call: String = #function) -> OpenedFile? {
        if case .file(let file)? = descriptors[descriptor] { return file }
        mistakes.append("\(call) on \(descriptor), which is no open file")
        return nil
    }

    override func close(_ descriptor: Int32) {
        guard let handle = descriptors.removeValue(forKey: descriptor) else {
            mistakes.append("close of \(descriptor), which is not open")
            return
        }
        progress += 1
        closed(handle)
    }

    /// A descriptor was closed that stood for this.
    func closed(_ handle: Handle) {}

    final func note(_ mistake: String) { mistakes.append(mistake) }

    func forgetMistakes() { mistakes = [] }

    // MARK: - Files

    override func open(_ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32) -> Int {
        if let failure = injected(.open) { return failure }
        guard descriptors.count < descriptorLimit else { return -Int(EMFILE) }
        do throws(Errno) {
            let text = unsafe String(cString: path)
            return assign(
                .file(try disk.open(text, flags: flags, mode: mode, at: wallMilliseconds())))
        } catch {
            return -Int(error.code)
        }
    }

    override func status(of descriptor: Int32, _ status: inout FileStatus) -> Int {
        if let failure = injected(.statusOf) { return failure }
        guard let file = file(descriptor) else { return -Int(EBADF) }
        status = file.node.status
        return 0
    }

    override func status(
        at path: UnsafePointer<CChar>, followLinks: Bool, _ status: inout FileStatus
    ) -> Int {
        if let failure = injected(.statusAt) { return failure }
        do throws(Errno) {
            status = unsafe try disk.find(String(cString: path)).status
            return 0
        } catch {
            return -Int(error.code)
        }
    }

    override func read(_ file: Int32, into space: UnsafeMutableRawBufferPointer, offset: Int) -> Int
    {
        if let failure = injected(.read) { return failure }
        guard let source = self.file(file) else { return -Int(EBADF) }
        let bytes = source.bytes(from: offset, count: space.count)
        unsafe bytes.withUnsafeBytes { unsafe space.copyMemory(from: $0) }
        return bytes.count
    }

    override func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, offset: Int?) -> Int {
        if let failure = injected(.write) { return failure }
        guard let target = self.file(file) else { return -Int(EBADF) }
        do throws(Errno) {
            return unsafe achieved(
                try disk.write(
                    Array(bytes), to: target, offset: offset, at: wallMilliseconds()))
        } catch {
            return -Int(error.code)
        }
    }

    override func readFolder(
        _ path: UnsafePointer<CChar>, _ take: (UnsafeRawBufferPointer) -> Void
    ) -> FolderReading {
        if let failure = injected(.openFolder) { return .notOpened(Errno(Int32(-failure))) }
        let names: [String]
        do throws(Errno) { names = unsafe try disk.names(in: String(cString: path)) } catch {
            return .notOpened(error)
        }
        for name in names {
            if let failure = injected(.readFolder) { return .brokenOff(Errno(Int32(-failure))) }
            unsafe Array(name.utf8).withUnsafeBytes { unsafe take($0) }
        }
        return .complete
    }

    override func realPath(
        _ path: UnsafePointer<CChar>, into space: UnsafeMutableRawBufferPointer
    ) -> Int {
        if let failure = injected(.realPath) { return failure }
        do throws(Errno) {
            let bytes = unsafe Array(try disk.realPath(String(cString: path)).utf8)
            unsafe bytes.withUnsafeBytes { unsafe space.copyMemory(from: $0) }
            return bytes.count
        } catch {
            return -Int(error.code)
        }
    }

    override func makeFolder(_ path: UnsafePointer<CChar>, mode: UInt32) -> Int {
        if let failure = injected(.makeFolder) { return failure }
        do throws(Errno) {
            unsafe try disk.makeFolder(String(cString: path), mode: mode, at: wallMilliseconds())
            return 0
        } catch {
            return -Int(error.code)
        }
    }

    override func unlink(_ path: UnsafePointer<CChar>) -> Int {
        if let failure = injected(.unlink) { return failure }
        do throws(Errno) {
            unsafe try disk.unlink(String(cString: path))
            return 0
        } catch {
            return -Int(error.code)
        }
    }
}
