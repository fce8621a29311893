import CLinux

@testable import ApusServer

/// A kernel within the test: a seeded generator, a clock that only moves when nothing else is to be done, sockets, epoll and
/// files in memory, and failures on demand. The same seed gives the same run.
final class SimulatedKernel: Kernel {
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

    /// A place that can be connected to.
    enum Host {
        case listener(SimulatedSocket)
        /// A peer that a test plays; it is given its end of each connection.
        case scripted((SimulatedSocket) -> Void)
        /// Nothing ever comes back.
        case silent
    }

    var random: SeededRandom
    /// Milliseconds since the machine was started.
    private(set) var now = 10_000_000
    /// 2026-11-23 10:00:00 UTC at the beginning.
    let wallOffset = 1_795_428_000_000 - 10_000_000
    private var timeline = Timeline()
    var failures = FailurePlan()
    var disk = SimulatedDisk()

    // MARK: What a test may set

    /// Bytes that a connection takes before its reader must read.
    var socketCapacity = 200_000
    /// Milliseconds from one end to the other.
    var latency = 0
    /// Added to each by chance, up to so many.
    var jitter = 0
    /// The share of sends that take less than there is room for.
    var shortSends = 0.0
    /// Bytes that arrive together at most, by chance; 0 for as they were sent.
    var segmentLimit = 0
    /// The share of calls before which something that is due happens, in the middle of a turn.
    var interruptions = 0.0
    var shufflesEvents = false
    /// The loop is slow: all that is due happens before it asks for events.
    var gathersEvents = false
    var descriptorLimit = 1_000
    /// The room of a pipe, and the share of moves to one that bring less than they could.
    var pipeCapacity = 256 * 1_024
    var shortMoves = 0.0
    /// The ports whose sockets the kernel takes keys for.
    var sealingPorts: Set<UInt16> = []
    /// It says which record comes next; old kernels do not with all ciphers.
    var tellsRecords = true
    /// Attempts to connect succeed within the call.
    var connectsAtOnce = false

    // MARK: What a test may ask

    private(set) var descriptors: [Int32: Handle] = [:]
    /// Mistakes of the program: a descriptor closed twice, a call on one that is not open.
    private(set) var mistakes: [String] = []
    /// Times that MSG_MORE held the last bytes back until Linux gave up waiting.
    var stalls = 0
    /// Messages that were sent, with where to.
    private(set) var datagrams: [(to: SocketAddress, bytes: [UInt8])] = []
    /// Counts what calls achieved and what happened outside: a loop whose turns leave it as it is turns for nothing.
    private(set) var progress = 0
    private(set) var hosts: [SocketAddress: Host] = [:]
    private var nextPort: UInt16 = 40_000

    init(seed: UInt64 = 1) {
        random = SeededRandom(seed: seed)
        super.init()
    }

    // MARK: - Time

    func schedule(after delay: Int, _ action: @escaping () -> Void) {
        timeline.add(at: now + delay, action)
    }

    func schedule(at time: Int, _ action: @escaping () -> Void) {
        timeline.add(at: max(time, now), action)
    }

    func nextLatency() -> Int { latency + (jitter > 0 ? random.number(0...jitter) : 0) }

    func segmentSize(of count: Int) -> Int {
        segmentLimit > 0 ? min(count, random.number(1...segmentLimit)) : count
    }

    override func monotonicMilliseconds() -> Int { now }
    override func wallMilliseconds() -> Int { now + wallOffset }

    // MARK: - Descriptors

    /// The negative number of an injected failure, or nil. What is due may happen before the call.
    func injected(_ call: SimulatedCall) -> Int? {
        if interruptions > 0, call != .pollWait, random.chance(interruptions) {
            if let next = timeline.nextTime, next <= now { happen() }
        }
        return failures.outcome(of: call, &random)
    }

    /// Lets what is to come happen while nobody asks for events.
    func pass(milliseconds: Int) {
        let end = now + milliseconds
        while let next = timeline.nextTime, next <= end {
            now = max(now, next)
            happen()
        }
        now = end
    }

    /// Lets the next thing happen.
    private func happen() {
        progress += 1
        timeline.take()?()
    }

    /// Passes on what a call answers, and notes that it achieved something.
    private func achieved(_ code: Int) -> Int {
        if code >= 0 { progress += 1 }
        return code
    }

    func assign(_ handle: Handle) -> Int {
        guard descriptors.count < descriptorLimit else { return -Int(EMFILE) }
        var number: Int32 = 3
        while descriptors[number] != nil { number += 1 }
        descriptors[number] = handle
        progress += 1
        return Int(number)
    }

    func socket(_ descriptor: Int32, _ call: String = #function) -> SimulatedSocket? {
        if case .socket(let socket)? = descriptors[descriptor] { return socket }
        mistakes.append("\(call) on \(descriptor), which is no open socket")
        return nil
    }

    func file(_ descriptor: Int32, _ call: String = #function) -> OpenedFile? {
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
        if case .socket(let socket) = handle {
            if case .listener(let own)? = hosts[socket.local], own === socket {
                hosts[socket.local] = nil
            }
            socket.close()
        }
    }

    func note(_ mistake: String) { mistakes.append(mistake) }

    func forgetMistakes() {
        mistakes = []
        stalls = 0
    }

    // MARK: - The network

    func setHost(_ address: SocketAddress, _ host: Host?) { hosts[address] = host }

    /// A listening socket as the master would have opened it.
    func listen(on address: SocketAddress) -> Int32 {
        let socket = SimulatedSocket(kernel: self)
        socket.state = .listening
        socket.local = address
        hosts[address] = .listener(socket)
        return Int32(assign(.socket(socket)))
    }

    func host(at address: SocketAddress) -> Host? {
        hosts[address] ?? hosts[SocketAddress(ipv4: 0, port: address.port)]
    }

    /// An end outside of the program that connects to an address. `nil`: nobody listens there.
    func dial(_ address: SocketAddress, capacity: Int? = nil) -> SimulatedSocket? {
        guard case .listener(let listener)? = host(at: address), !listener.isClosed else {
            return nil
        }
        let own = SimulatedSocket(kernel: self)
        let theirs = SimulatedSocket(kernel: self)
        nextPort = nextPort == .max ? 40_000 : nextPort + 1
        own.local = SocketAddress(ipv4: 0x7F00_0001, port: nextPort)
        own.remote = address
        theirs.local = address
        theirs.remote = own.local
        if let capacity { theirs.capacity = capacity }
        SimulatedSocket.join(own, theirs)
        listener.backlog.append(theirs)
        listener.wake(PollBit.input)
        return own
    }

    // MARK: - Readiness

    override func pollCreate() -> Int {
        injected(.pollCreate) ?? assign(.poll(SimulatedPoll()))
    }

    override func pollControl(
        _ poll: Int32, operation: Int32, descriptor: Int32, events: UInt32, key: UInt64
    ) -> Int {
        if operation != EPOLL_CTL_DEL, let failure = injected(.pollControl) { return failure }
        guard case .poll(let instance)? = descriptors[poll], let socket = socket(descriptor) else {
            return -Int(EBADF)
        }
        return instance.control(
            operation: operation, socket: socket, descriptor: descriptor, events: events, key: key)
    }

    /// Lets happen what is due, one thing after the other, until there is an event; moves the clock where nothing is due.
    override func pollWait(_ poll: Int32, into events: PollEvents, timeout: Int32) -> Int {
        if let failure = injected(.pollWait) { return failure }
        guard case .poll(let instance)? = descriptors[poll] else { return -Int(EBADF) }
        if gathersEvents { while let next = timeline.nextTime, next <= now { happen() } }
        let deadline = timeout < 0 ? Int.max : now + Int(timeout)
        while true {
            let told = instance.collect(
                atMost: events.capacity, shuffledBy: &random, shuffles: shufflesEvents)
            if !told.isEmpty {
                for (index, event) in told.enumerated() { events[index] = event }
                return told.count
            }
            guard let next = timeline.nextTime, next <= deadline else {
                // Without a timeout and without anything to come, this would be for ever.
                if deadline == .max { isDeadlocked = true } else if deadline > now {
                    now = deadline
                    progress += 1
                }
                return 0
            }
            now = max(now, next)
            happen()
            // Who waits for something outside of the loop does not want the clock to run on to the loop's next deadline.
            if isAwaited?() == true { return 0 }
        }
    }

    /// What the test waits for.
    var isAwaited: (() -> Bool)?
    /// The loop waits, and nothing will ever happen.
    private(set) var isDeadlocked = false

    /// There is none: what takes one runs on Linux itself.
    override func ring(bufferCount: Int, bufferSize: Int) throws(RingRefusal) -> Ring {
        throw RingRefusal(call: "io_uring_setup()", error: ringRefusal)
    }

    /// Why.
    var ringRefusal = Errno.noSystemCall

    // MARK: - Sockets

    override func socket(family: Int32, type: Int32) -> Int {
        if let failure = injected(.socket) { return failure }
        if type == Kernel.datagramType { return assign(.datagrams(nil)) }
        return assign(.socket(SimulatedSocket(kernel: self)))
    }

    override func accept(_ descriptor: Int32, address: inout RawAddress) -> Int {
        if let failure = injected(.accept) { return failure }
        guard let listener = socket(descriptor) else { return -Int(EBADF) }
        guard let waiting = listener.backlog.first else { return -Int(EAGAIN) }
        let accepted = assign(.socket(waiting))
        guard accepted >= 0 else { return accepted }
        listener.backlog.removeFirst()
        Self.store(waiting.remote, in: &address)
        return accepted
    }

    override func localAddress(_ descriptor: Int32, _ address: inout RawAddress) -> Int {
        if let failure = injected(.localAddress) { return failure }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        Self.store(socket.local, in: &address)
        return 0
    }

    private static func store(_ address: SocketAddress, in raw: inout RawAddress) {
        unsafe address.withSystemAddress { unsafe raw.load($0, length: $0.count) }
    }

    override func bind(_ descriptor: Int32, to address: UnsafeRawBufferPointer) -> Int {
        if let failure = injected(.bind) { return failure }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        guard let own = unsafe SocketAddress(system: address) else { return -Int(EINVAL) }
        socket.local = own
        return 0
    }

    override func connect(_ descriptor: Int32, to address: UnsafeRawBufferPointer) -> Int {
        if let failure = injected(.connect) { return failure }
        guard let remote = unsafe SocketAddress(system: address) else { return -Int(EINVAL) }
        if case .datagrams? = descriptors[descriptor] {
            descriptors[descriptor] = .datagrams(remote)
            return 0
        }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        return achieved(connect(socket, to: remote))
    }

    private func connect(_ socket: SimulatedSocket, to address: SocketAddress) -> Int {
        socket.remote = address
        guard let host = host(at: address) else {
            if connectsAtOnce { return -Int(ECONNREFUSED) }
            socket.state = .connecting
            schedule(after: nextLatency()) { socket.fail(.connectionRefused) }
            return -Int(EINPROGRESS)
        }
        socket.state = .connecting
        if case .silent = host { return -Int(EINPROGRESS) }
        if connectsAtOnce {
            complete(socket, host)
            return 0
        }
        schedule(after: nextLatency()) { [self] in
            guard !socket.isClosed else { return }
            complete(socket, host)
            socket.becomeConnected()
        }
        return -Int(EINPROGRESS)
    }

    private func complete(_ socket: SimulatedSocket, _ host: Host) {
        let other = SimulatedSocket(kernel: self)
        other.local = socket.remote
        other.remote = socket.local
        SimulatedSocket.join(socket, other)
        switch host {
        case .listener(let listener):
            listener.backlog.append(other)
            listener.wake(PollBit.input)
        case .scripted(let play): play(other)
        case .silent: break
        }
    }

    override func socketError(_ descriptor: Int32) -> Int32 {
        guard let socket = socket(descriptor) else { return EBADF }
        return Int32(-socket.takeError())
    }

    override func setOption(_ descriptor: Int32, level: Int32, name: Int32, value: Int32) -> Int {
        if let failure = injected(.setOption) { return failure }
        return socket(descriptor) == nil ? -Int(EBADF) : 0
    }

    override func resetOnClose(_ descriptor: Int32) -> Int {
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        socket.resetsOnClose = true
        return 0
    }

    override func readAhead(_ file: Int32) -> Int { self.file(file) == nil ? -Int(EBADF) : 0 }

    override func ticker(milliseconds: Int) -> Int { -Int(ENOSYS) }

    override func tcpFigure(_ descriptor: Int32, _ index: Int) -> Int? {
        socket(descriptor) == nil ? nil : 1_000 + index
    }

    override func receive(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Int {
        if let failure = injected(.receive) { return failure }
        return unsafe receive(descriptor, space, peeks: false)
    }

    override func peek(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Int {
        if let failure = injected(.peek) { return failure }
        return unsafe receive(descriptor, space, peeks: true)
    }

    private func receive(
        _ descriptor: Int32, _ space: UnsafeMutableRawBufferPointer, peeks: Bool
    ) -> Int {
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        let (bytes, code) = socket.receive(atMost: space.count, peeks: peeks)
        unsafe bytes.withUnsafeBytes { unsafe space.copyMemory(from: $0) }
        return peeks ? code : achieved(code)
    }

    override func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, more: Bool) -> Int {
        unsafe send(descriptor, Array(bytes), more: more)
    }

    override func send(_ descriptor: Int32, vector: SendVector, more: Bool) -> Int {
        var bytes: [UInt8] = []
        for index in 0..<vector.count { unsafe bytes += vector.place(at: index) }
        return send(descriptor, bytes, more: more)
    }

    private func send(_ descriptor: Int32, _ bytes: [UInt8], more: Bool) -> Int {
        if let failure = injected(.send) { return failure }
        if case .datagrams(let remote)? = descriptors[descriptor] {
            guard let remote else { return -Int(EDESTADDRREQ) }
            datagrams.append((to: remote, bytes: bytes))
            return achieved(bytes.count)
        }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        if let sealer = socket.sealer { return achieved(socket.sendSealed(bytes, type: 23, by: sealer)) }
        return achieved(socket.send(bytes, more: more))
    }

    // MARK: - TLS of its own

    override func seal(_ descriptor: Int32, keys: UnsafeRawBufferPointer) -> Int {
        if let failure = injected(.setOption) { return failure }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        guard sealingPorts.contains(socket.local.port) else { return -Int(ENOENT) }
        guard socket.sealer == nil, socket.state == .open else { return -Int(EBUSY) }
        socket.sealer = unsafe SealingKernel(keys: Array(keys))
        return socket.sealer == nil ? -Int(EINVAL) : achieved(0)
    }

    override func sendRecord(_ descriptor: Int32, type: UInt8, _ bytes: UnsafeRawBufferPointer) -> Int {
        if let failure = injected(.send) { return failure }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        guard let sealer = socket.sealer else {
            note("a record of type \(type) on a socket that the kernel has no keys for")
            return -Int(EINVAL)
        }
        return achieved(unsafe socket.sendSealed(Array(bytes), type: type, by: sealer))
    }

    override func nextRecord(_ descriptor: Int32, size: Int) -> Int {
        guard tellsRecords else { return -Int(EINVAL) }
        return socket(descriptor)?.sealer.map { Int($0.sequence) } ?? -Int(EBADF)
    }

    override func tcpTotal(_ descriptor: Int32, waiting: inout Int) -> Int {
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        waiting = socket.unreceived
        return socket.total
    }

    override func sendFile(_ descriptor: Int32, file: Int32, offset: Int, count: Int) -> Int {
        if let failure = injected(.sendFile) { return failure }
        guard let socket = socket(descriptor), let source = self.file(file) else {
            return -Int(EBADF)
        }
        let bytes = source.bytes(from: offset, count: count)
        if bytes.isEmpty { return 0 }
        if let sealer = socket.sealer { return achieved(socket.sendSealed(Array(bytes), type: 23, by: sealer)) }
        return achieved(socket.send(Array(bytes), more: false))
    }

    // MARK: - Pipes

    override func pipe(in input: inout Int32, out output: inout Int32) -> Int {
        if let failure = injected(.pipe) { return failure }
        guard descriptors.count + 2 <= descriptorLimit else { return -Int(EMFILE) }
        let pipe = SimulatedPipe(capacity: pipeCapacity)
        output = Int32(assign(.pipe(pipe)))
        input = Int32(assign(.pipe(pipe)))
        return 0
    }

    override func growPipe(_ pipe: Int32, to size: Int) -> Int {
        if let failure = injected(.growPipe) { return failure }
        guard case .pipe(let pipe)? = descriptors[pipe] else { return -Int(EBADF) }
        return pipe.capacity
    }

    override func splice(socket: Int32, toPipe pipe: Int32, count: Int) -> Int {
        if let failure = injected(.fillPipe) { return failure }
        guard let source = self.socket(socket), case .pipe(let pipe)? = descriptors[pipe] else { return -Int(EBADF) }
        guard pipe.room > 0 else { return -Int(EAGAIN) }
        var limit = min(count, pipe.room)
        if limit > 1, random.chance(shortMoves) { limit = random.number(1...limit - 1) }
        let (bytes, code) = source.receive(atMost: limit)
        pipe.bytes += bytes
        return achieved(code)
    }

    override func splice(pipe: Int32, toSocket socket: Int32, count: Int) -> Int {
        if let failure = injected(.emptyPipe) { return failure }
        guard let target = self.socket(socket), case .pipe(let pipe)? = descriptors[pipe] else { return -Int(EBADF) }
        guard !pipe.bytes.isEmpty else { return -Int(EAGAIN) }
        let code = target.send(Array(pipe.bytes.prefix(count)), more: false)
        if code > 0 { pipe.bytes.removeFirst(code) }
        return achieved(code)
    }

    override func shutdownSending(_ descriptor: Int32) -> Int {
        if let failure = injected(.shutdown) { return failure }
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        guard socket.state == .open else { return -Int(ENOTCONN) }
        socket.endOutput()
        return achieved(0)
    }

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
