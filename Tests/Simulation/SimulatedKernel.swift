import CLinux

@testable import ApusServer

/// A kernel within the test: a `SimulatedMachine` with sockets, pipes and epoll in memory. The same seed gives the same run.
final class SimulatedKernel: SimulatedMachine {
    /// A place that can be connected to.
    enum Host {
        case listener(SimulatedSocket)
        /// A peer that a test plays; it is given its end of each connection.
        case scripted((SimulatedSocket) -> Void)
        /// Nothing ever comes back.
        case silent
    }

    /// Milliseconds that a connection without data is held back where that is asked for.
    private static let deferral = 1_000

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
    var shufflesEvents = false
    /// The loop is slow: all that is due happens before it asks for events.
    var gathersEvents = false
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

    /// Times that MSG_MORE held the last bytes back until Linux gave up waiting.
    var stalls = 0
    /// Messages that were sent, with where to.
    private(set) var datagrams: [(to: SocketAddress, bytes: [UInt8])] = []
    private(set) var hosts: [SocketAddress: Host] = [:]
    private var nextPort: UInt16 = 40_000

    override init(seed: UInt64 = 1) { super.init(seed: seed) }

    func nextLatency() -> Int { latency + (jitter > 0 ? random.number(0...jitter) : 0) }

    func segmentSize(of count: Int) -> Int {
        segmentLimit > 0 ? min(count, random.number(1...segmentLimit)) : count
    }

    func socket(_ descriptor: Int32, _ call: String = #function) -> SimulatedSocket? {
        if case .socket(let socket)? = descriptors[descriptor] { return socket }
        note("\(call) on \(descriptor), which is no open socket")
        return nil
    }

    override func closed(_ handle: Handle) {
        guard case .socket(let socket) = handle else { return }
        if case .listener(let own)? = hosts[socket.local], own === socket { hosts[socket.local] = nil }
        socket.close()
    }

    override func forgetMistakes() {
        super.forgetMistakes()
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
        listener.take(theirs) { schedule(after: Self.deferral, $0) }
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
        if gathersEvents { while let next = nextTime, next <= now { happen() } }
        let deadline = timeout < 0 ? Int.max : now + Int(timeout)
        while true {
            let told = instance.collect(
                atMost: events.capacity, shuffledBy: &random, shuffles: shufflesEvents)
            if !told.isEmpty {
                for (index, event) in told.enumerated() { events[index] = event }
                return told.count
            }
            guard let next = nextTime, next <= deadline else {
                // Without a timeout and without anything to come, this would be for ever.
                if deadline == .max { isDeadlocked = true } else { rest(until: deadline) }
                return 0
            }
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
            reassign(descriptor, .datagrams(remote))
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
            listener.take(other) { schedule(after: Self.deferral, $0) }
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
        guard let socket = socket(descriptor) else { return -Int(EBADF) }
        if level == Int32(IPPROTO_TCP), name == TCP_DEFER_ACCEPT { socket.isDeferring = value != 0 }
        socket.set([level, name], to: value)
        return 0
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
}
