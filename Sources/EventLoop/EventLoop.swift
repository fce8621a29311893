/// One worker's event loop: one send per connection and turn. How it hears from the kernel is its `EventSource`.
///
/// What is received lies in one scratch buffer of its own, or in one that the kernel was lent, and is handed out as a span, so that
/// an idle connection owns no buffer.
final class EventLoop {
    let kernel: Kernel
    let source: EventSource
    /// Monotonic milliseconds, read once a turn.
    private(set) var now: Int
    /// UTC milliseconds since the epoch, read once a turn.
    private(set) var wallMilliseconds: Int
    var wallSeconds: Int { wallMilliseconds / 1_000 }
    /// A logical clock: each wait for events and each receipt takes the next number. What was asked of the system at a moment
    /// is as fresh as anybody can expect whose bytes had arrived by then.
    private(set) var moment: UInt64 = 0
    /// The moment of this turn's wait: what it has told of had begun to arrive by then.
    private(set) var turnMoment: UInt64 = 0
    /// The moment by which the first of the bytes being handed out had arrived.
    private(set) var inputMoment: UInt64 = 0
    /// An event is being served whose bytes were not received yet.
    var isEventFresh = false
    /// Small buffers: heads, short bodies, output.
    let buffers: BufferPool
    /// Large ones: proxied and filtered bodies.
    let largeBuffers: BufferPool
    /// For bodies that go from socket to socket.
    let pipes: PipePool
    /// Called at the end of each turn, after the flush: access logs write here.
    let endOfTurn = List<() -> Void>()
    /// Objects that were replaced in this turn where they are lent (`Lent`).
    let departed = List<AnyObject>()
    private let departing = List<AnyObject>()
    /// Set to leave `run` at the end of the turn.
    var shouldStop = false
    /// It is left as soon as nothing is left of what the kernel has sealed and not sent.
    private var stopsWhenDelivered = false
    /// The sockets that are held open for that.
    var farewellCount = 0

    let slots = List<Endpoint?>()
    private let freeSlots = List<Int32>()
    var nextGeneration: UInt32 = 1
    /// Endpoints whose input waits and that asked to go on reading.
    let ready = List<Endpoint>()
    /// Endpoints with output to send at the turn's end.
    let unflushed = List<Endpoint>()
    /// Endpoints to call in the next turn.
    let toCall = List<Endpoint>()
    /// Endpoints that have sent as much in this turn as they may.
    let unfinished = List<Endpoint>()
    /// What `ready`, `toCall` or `unfinished` held when its turn came, while it is served: those lists fill anew meanwhile.
    let serving = List<Endpoint>()
    let wheel: TimerWheel
    private let due = List<TimerWheel.Entry>()
    let scratch: Buffer
    /// What `scratch` held, opened. Its memory is touched as far as it is used.
    let opened: Buffer
    /// Small pieces and parts of files on their way into a train.
    let gathering: Buffer
    /// For the bytes of a train that the kernel has not taken.
    let trains: BufferPool
    let idleQueues = List<OutputQueue>()
    let sendVector = SendVector()
    /// Endpoints that were accepted and served in this turn, and are not watched yet.
    let unwatched = List<Endpoint>()
    /// Of data coming with connections.
    let promptness = Odds()
    /// Lines of logs are written at this turn's end, and who sees a connection end has to find its line there: descriptors are closed
    /// after that. Otherwise they are closed at once, behind what was sent: a client that hears of the end later has mostly closed
    /// before, and is left with an address that it cannot use for a minute.
    var closesLate = false
    private let closing = List<Int32>()
    private var isTurning = false
    /// Present while the clocks are read at its ticks only, by which timers are due, too.
    private var ticker: Ticker?
    /// The threads that read files for this loop; nil: there are none.
    var fileReads: FileReads?
    /// Registered endpoints, timers included.
    private(set) var endpointCount = 0

    /// Entries of the wheel that nobody waits for any more, as many as are not worth looking for: 64 KB.
    private static let deadTimers = 4_096

    /// Bytes received at once: large enough that a large body needs few calls.
    static let scratchSize = 128 * 1_024

    /// Over epoll, if nothing else is said.
    convenience init(kernel: Kernel = Kernel()) throws(Errno) {
        self.init(kernel: kernel, source: try EpollSource(kernel: kernel))
    }

    init(kernel: Kernel, source: EventSource) {
        self.kernel = kernel
        self.source = source
        now = kernel.monotonicMilliseconds()
        wallMilliseconds = kernel.wallMilliseconds()
        buffers = BufferPool(size: 4_096, bound: 1_024)
        largeBuffers = BufferPool(size: 32 * 1_024, bound: 128)
        pipes = PipePool(kernel: kernel)
        wheel = TimerWheel(now: now)
        scratch = Buffer(capacity: Self.scratchSize)
        opened = Buffer(capacity: Self.scratchSize + 32 * 1_024)
        gathering = Buffer(capacity: Self.trainSize)
        trains = BufferPool(size: Self.trainSize + Self.trainOverhead, bound: 64)
    }

    /// Frees everything that is kept for later: after a burst.
    func emptyPools() {
        idleQueues.removeAll()
        buffers.trim()
        largeBuffers.trim()
        trains.trim()
        pipes.trim()
    }

    // MARK: - Running

    /// Serves until `shouldStop`.
    func run() {
        while !shouldStop { turn() }
    }

    /// Leaves `run` at the end of the turn, or when the last socket is closed that something has to be delivered from.
    func stopWhenDelivered() {
        stopsWhenDelivered = true
        if !isTurning, farewellCount == 0 { shouldStop = true }
    }

    /// One turn: waits for events at most until the next deadline (or `limit` milliseconds), serves them, flushes.
    func turn(waitingAtMost limit: Int = .max) {
        var timeout: Int32 = -1
        if !ready.isEmpty || !toCall.isEmpty || !unfinished.isEmpty {
            timeout = 0
        } else if ticker == nil {
            let delay = min(wheel.delay(from: now) ?? .max, limit)
            if delay < .max { timeout = Int32(clamping: delay) }
        }
        if !departed.isEmpty { releaseDeparted() }
        isTurning = true
        source.wait(self, milliseconds: timeout)
        moment &+= 1
        turnMoment = moment
        if ticker == nil { readClocks() }
        if !ready.isEmpty { resumeReady() }
        if !toCall.isEmpty { callEndpoints() }
        source.serve(self)
        if !unfinished.isEmpty { resumeUnfinished() }
        expireTimers()
        if !unflushed.isEmpty { flushAll() }
        // After the flush: requests that end with their last byte sent log their lines there.
        for index in endOfTurn.indices { endOfTurn[index]() }
        if !unflushed.isEmpty { flushAll() }
        if !unwatched.isEmpty { watchAccepted() }
        isTurning = false
        if closesLate { closeDescriptors() }
        if stopsWhenDelivered, farewellCount == 0 { shouldStop = true }
    }

    /// Between two turns nobody is at work with them any more.
    private func releaseDeparted() {
        departing.swap(with: departed)
        departing.removeAll(keepingUpTo: 1_024)
    }

    private func closeDescriptors() {
        closesLate = false
        for index in closing.indices { source.close(closing[index], self) }
        closing.removeAll()
    }

    /// Bytes were received: they had arrived by now, and the first of them by the turn's wait if that has told of them.
    func noteReceipt() {
        moment &+= 1
        inputMoment = isEventFresh ? turnMoment : moment
        isEventFresh = false
    }

    /// Reads the clocks every so many milliseconds rather than in each turn: `timer_resolution`.
    func readClocks(every milliseconds: Int) throws(Errno) {
        let code = kernel.ticker(milliseconds: milliseconds)
        guard code >= 0 else { throw Errno(Int32(-code)) }
        let ticker = Ticker(loop: self, descriptor: Int32(code))
        try addReadable(ticker)
        self.ticker = ticker
    }

    func readClocks() {
        now = kernel.monotonicMilliseconds()
        wallMilliseconds = kernel.wallMilliseconds()
    }

    /// The endpoint that an event is of; nil: it is of an earlier one.
    @inline(__always)
    func endpoint(at slot: Int, generation: UInt32) -> Endpoint? {
        guard slot < slots.count, let endpoint = slots[slot], endpoint.generation == generation else { return nil }
        return endpoint
    }

    /// Tells an endpoint of an event.
    @inline(__always)
    func tell(_ endpoint: Endpoint, _ mask: UInt32) {
        if mask & Event.peerEnd != 0 { endpoint.flags.insert(.peerEnded) }
        if endpoint.flags.contains(.connecting) {
            if mask & (Event.output | Event.problem) != 0 { finishConnecting(endpoint) }
            if endpoint.isClosed { return }
        }
        if mask & (Event.input | Event.peerEnd | Event.problem) != 0 {
            endpoint.flags.insert(.readable)
            if endpoint.flags.contains(.reading) {
                isEventFresh = true
                endpoint.becameReadable()
            }
            if endpoint.isClosed { return }
        }
        if mask & (Event.output | Event.problem) != 0, endpoint.flags.contains(.sendBlocked) {
            endpoint.flags.remove(.sendBlocked)
            flush(endpoint)
        }
    }

    private func resumeReady() {
        serving.swap(with: ready)
        for index in serving.indices {
            let endpoint = serving[index]
            endpoint.flags.remove(.inReadyList)
            isEventFresh = false
            guard !endpoint.isClosed, endpoint.flags.isSuperset(of: [.reading, .readable]) else {
                continue
            }
            endpoint.becameReadable()
        }
        serving.removeAll()
    }

    /// Calls `called` in the next turn: for work that is done in parts, so that others have their turns between them.
    func callSoon(_ endpoint: Endpoint) {
        guard !endpoint.isClosed, !endpoint.flags.contains(.inCallList) else { return }
        endpoint.flags.insert(.inCallList)
        toCall.append(endpoint)
    }

    private func callEndpoints() {
        serving.swap(with: toCall)
        for index in serving.indices {
            let endpoint = serving[index]
            endpoint.flags.remove(.inCallList)
            if !endpoint.isClosed { endpoint.called() }
        }
        serving.removeAll()
    }

    private func flushAll() {
        // Serving `drained` may queue more output: until nothing is left.
        var index = 0
        while index < unflushed.count {
            unflushed.lend(index) { endpoint in
                endpoint.flags.remove(.inFlushList)
                if !endpoint.isClosed { flush(endpoint) }
            }
            index += 1
        }
        unflushed.removeAll()
    }

    private func expireTimers() {
        wheel.advance(to: now, into: due)
        guard !due.isEmpty else { return }
        for index in due.indices { expire(due[index]) }
        due.removeAll(keepingUpTo: 1_024)
    }

    /// The endpoint that an entry stands for; nil: it has gone, or has another entry.
    private func waiter(of entry: TimerWheel.Entry) -> Endpoint? {
        guard let endpoint = slots[Int(entry.slot)], endpoint.generation == entry.generation,
            endpoint.armedTick == entry.tick
        else { return nil }
        return endpoint
    }

    private func expire(_ entry: TimerWheel.Entry) {
        guard let endpoint = waiter(of: entry) else { return }
        endpoint.armedTick = 0
        if endpoint.inputDeadline <= now {
            endpoint.inputDeadline = .max
            endpoint.inputTimedOut()
            if endpoint.isClosed { return }
        }
        if endpoint.outputDeadline <= now {
            endpoint.outputDeadline = .max
            endpoint.outputTimedOut()
            if endpoint.isClosed { return }
        }
        arm(endpoint)
    }

    // MARK: - Registration

    /// Registers a connection; it starts to receive at once.
    func add(_ endpoint: Endpoint) throws(Errno) {
        try add(endpoint, for: .connection)
        endpoint.flags.insert(.reading)
    }

    /// Registers a descriptor of any other kind, which is told of as long as it can be read.
    func addReadable(_ endpoint: Endpoint) throws(Errno) {
        try add(endpoint, for: .input)
        endpoint.flags.insert(.reading)
    }

    /// Registers a listening socket; `exclusive`: of several workers one is woken.
    func addListening(_ endpoint: Endpoint, exclusive: Bool) throws(Errno) {
        try add(endpoint, for: .connections(exclusive: exclusive))
        endpoint.flags.insert(.reading)
    }

    /// Stops watching a listening socket: what waits there would be told of in every turn.
    func suspendListening(_ endpoint: Endpoint) {
        guard endpoint.flags.contains(.reading) else { return }
        endpoint.flags.remove([.reading, .readable])
        source.suspend(endpoint, self)
    }

    /// Watches it again.
    func resumeListening(_ endpoint: Endpoint, exclusive: Bool) throws(Errno) {
        guard !endpoint.flags.contains(.reading) else { return }
        try watch(endpoint, for: .connections(exclusive: exclusive))
        endpoint.flags.insert(.reading)
    }

    /// Registers a socket whose connection attempt is under way; `connected` or `failed` follows.
    func addConnecting(_ endpoint: Endpoint) throws(Errno) {
        try add(endpoint, for: .connecting)
        endpoint.flags.insert([.reading, .connecting])
    }

    /// Registers an endpoint without a descriptor: a timer.
    func addTimer(_ endpoint: Endpoint) {
        assignSlot(endpoint)
    }

    private func add(_ endpoint: Endpoint, for interest: EventSource.Interest) throws(Errno) {
        assignSlot(endpoint)
        do throws(Errno) { try watch(endpoint, for: interest) } catch {
            releaseSlot(endpoint)
            throw error
        }
    }

    func watch(_ endpoint: Endpoint, for interest: EventSource.Interest) throws(Errno) {
        let code = source.watch(endpoint, for: interest, self)
        if code < 0 { throw Errno(Int32(-code)) }
    }

    func assignSlot(_ endpoint: Endpoint) {
        precondition(endpoint.slot < 0, "an endpoint is registered once")
        endpoint.generation = nextGeneration
        nextGeneration &+= 1
        if let free = freeSlots.popLast() {
            endpoint.slot = free
            slots[Int(free)] = endpoint
        } else {
            endpoint.slot = Int32(slots.count)
            slots.append(endpoint)
        }
        endpointCount += 1
    }

    private func releaseSlot(_ endpoint: Endpoint) {
        guard endpoint.slot >= 0 else { return }
        let slot = endpoint.slot
        endpoint.slot = -1
        endpointCount -= 1
        freeSlots.append(slot)
        keepDeparting(Int(slot))
    }

    /// Empties a slot, whose endpoint may be at work.
    private func keepDeparting(_ slot: Int) {
        if let left = slots.take(slot) { departed.append(left) }
    }

    /// Closes an endpoint: its descriptor, its timers, its unsent output. No call comes to it any more.
    func close(_ endpoint: Endpoint) {
        guard !endpoint.isClosed else { return }
        if endpoint.security != nil, closeSecurity(of: endpoint) { return }
        endpoint.flags.insert(.closed)
        endpoint.flags.remove([.reading, .sendBlocked, .connecting])
        if endpoint.hasOutput { discardOutput(of: endpoint) }
        if endpoint.descriptor >= 0 { close(descriptorOf: endpoint) }
        endpoint.armedTick = 0
        releaseSlot(endpoint)
    }

    private func close(descriptorOf endpoint: Endpoint) {
        source.leave(endpoint, self)
        if isTurning, closesLate {
            closing.append(endpoint.descriptor)
        } else {
            source.close(endpoint.descriptor, self)
            if !isTurning { source.flush() }
        }
        endpoint.descriptor = -1
    }

    /// Stops serving an endpoint without closing its descriptor, which is somebody else's.
    func withdraw(_ endpoint: Endpoint) {
        guard !endpoint.isClosed, endpoint.descriptor >= 0 else { return }
        endpoint.flags.remove([.reading, .readable])
        source.withdraw(endpoint, self)
        endpoint.descriptor = -1
        close(endpoint)
    }

    /// Puts another endpoint in the place of one that is registered: the descriptor with its registration, deadlines, unsent
    /// output and the bytes still to be read go over. No call comes to the old one any more.
    ///
    /// A connection changes its protocol by it, even within its own `received`.
    func replace(_ endpoint: Endpoint, by successor: Endpoint) {
        precondition(endpoint.slot >= 0 && successor.slot < 0, "only a registered endpoint is replaced, by one that is not")
        keepDeparting(Int(endpoint.slot))
        slots[Int(endpoint.slot)] = successor
        successor.slot = endpoint.slot
        successor.generation = endpoint.generation
        successor.descriptor = endpoint.descriptor
        successor.operations = endpoint.operations
        successor.pace = endpoint.pace
        successor.inputDeadline = endpoint.inputDeadline
        successor.outputDeadline = endpoint.outputDeadline
        successor.armedTick = endpoint.armedTick
        if let output = endpoint.takeOutput() { successor.giveOutput(output) }
        successor.security = endpoint.security
        successor.security?.endpoint = successor
        successor.bytesSent = endpoint.bytesSent
        let lists: Endpoint.Flags = [.inReadyList, .inFlushList, .inCallList, .inUnfinishedList]
        let flags = endpoint.flags
        successor.flags.formUnion(flags.subtracting(lists))
        endpoint.slot = -1
        endpoint.descriptor = -1
        endpoint.operations = []
        endpoint.security = nil
        endpoint.armedTick = 0
        // It stays in the lists that it is in, which pass over what is closed.
        endpoint.flags = flags.intersection(lists).union(.closed)
        if successor.flags.isSuperset(of: [.reading, .readable]) { readSoon(successor) }
        if successor.hasOutput || successor.security != nil {
            // The event that says that more fits may be the very one that is being served: better to try in vain.
            successor.flags.remove(.sendBlocked)
            flushLater(successor)
        }
        if flags.contains(.unwatched) { unwatched.append(successor) }
        if flags.contains(.inCallList) { callSoon(successor) }
        if flags.contains(.inUnfinishedList) { flushLater(successor) }
    }

    /// Every registered endpoint, in no order: for closing idle connections at shutdown.
    func forEachEndpoint(_ body: (Endpoint) -> Void) {
        for index in slots.indices {
            if let endpoint = slots[index] { body(endpoint) }
        }
    }

    // MARK: - Deadlines

    /// Calls `inputTimedOut` once `milliseconds` have passed, unless set again or cleared.
    func setInputDeadline(_ endpoint: Endpoint, in milliseconds: Int) {
        endpoint.inputDeadline = saturatingAdd(now, milliseconds)
        arm(endpoint)
    }

    func setOutputDeadline(_ endpoint: Endpoint, in milliseconds: Int) {
        endpoint.outputDeadline = saturatingAdd(now, milliseconds)
        arm(endpoint)
    }

    func clearInputDeadline(_ endpoint: Endpoint) { endpoint.inputDeadline = .max }
    func clearOutputDeadline(_ endpoint: Endpoint) { endpoint.outputDeadline = .max }

    private func saturatingAdd(_ a: Int, _ b: Int) -> Int {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? .max - 1 : sum
    }

    private func arm(_ endpoint: Endpoint) {
        let deadline = min(endpoint.inputDeadline, endpoint.outputDeadline)
        guard deadline != .max, endpoint.slot >= 0 else { return }
        let tick = max(TimerWheel.tick(for: deadline), wheel.current + 1)
        if endpoint.armedTick != 0, endpoint.armedTick <= tick { return }
        endpoint.armedTick = tick
        wheel.insert(.init(slot: endpoint.slot, generation: endpoint.generation, tick: tick))
        // No endpoint has more than one that counts, so at least half of them go, or a fixed number.
        if wheel.count > 2 * endpointCount + Self.deadTimers { wheel.removeAll { waiter(of: $0) == nil } }
    }
}

/// Tells a loop when to read the clocks.
private final class Ticker: Endpoint {
    override func becameReadable() {
        loop.kernel.takeTicks(descriptor)
        loop.readClocks()
    }
}
