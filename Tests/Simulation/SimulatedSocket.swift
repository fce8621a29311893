import CLinux

@testable import ApusServer

/// One end of a simulated TCP connection, or a listening socket. It behaves as Linux's do, as far as a server can tell.
final class SimulatedSocket {
    enum State {
        case fresh, connecting, open, listening
        /// Reset, refused, or timed out.
        case dead
    }

    unowned let kernel: SimulatedKernel
    var state = State.fresh
    /// Bytes that arrived and were not received yet.
    private(set) var inbox: [UInt8] = []
    private var inboxStart = 0
    /// Bytes that were sent and that the peer has not received yet, in flight or in its inbox.
    private(set) var unreceived = 0
    /// The bound on those, as send buffer and window form it.
    var capacity: Int
    private(set) var peer: SimulatedSocket?
    /// The peer has sent its end.
    private(set) var inputEnded = false
    private(set) var outputEnded = false
    private(set) var isClosed = false
    /// The end is a reset, whatever has come: SO_LINGER.
    var resetsOnClose = false
    /// Pending, as `SO_ERROR` tells it.
    var error: Int32 = 0
    /// The connection was broken off by the peer.
    private(set) var wasReset = false
    /// A send found no room: room is told of with an event.
    private var wantsRoom = false
    /// Bytes held back by MSG_MORE.
    private var held: [UInt8] = []
    private var holdings = 0
    /// When what was sent last arrives: nothing overtakes it.
    private var lastArrival = 0
    var watches: [SimulatedPoll.Watch] = []
    /// Connections not accepted yet.
    var backlog: [SimulatedSocket] = []
    /// A listening socket holds connections back that have no data.
    var isDeferring = false
    /// The listening socket that holds this connection back.
    private weak var keeper: SimulatedSocket?
    var local = SocketAddress(ipv4: 0x7F00_0001, port: 0)
    var remote = SocketAddress(ipv4: 0x7F00_0001, port: 0)
    /// Options that were set, by level and name.
    private(set) var options: [[Int32]: Int32] = [:]
    /// What seals the bytes of this socket, once it was given keys.
    var sealer: SealingKernel?
    /// Bytes that were sent over the connection's life.
    private(set) var total = 0
    /// Called when anything changes, for an end that no event loop serves.
    var onChange: (() -> Void)?

    init(kernel: SimulatedKernel) {
        self.kernel = kernel
        capacity = kernel.socketCapacity
    }

    var available: Int { inbox.count - inboxStart }
    /// Something can be sent.
    var canTake: Bool { state == .open && !outputEnded && error == 0 && room > 0 }
    private var room: Int { capacity - unreceived - held.count }
    /// Linux calls a socket writable when a third of its buffer is free.
    private var isWritable: Bool { room > 0 && room * 3 >= capacity }

    func set(_ option: [Int32], to value: Int32) { options[option] = value }

    // MARK: - Connecting

    /// Makes both ends one connection.
    static func join(_ one: SimulatedSocket, _ other: SimulatedSocket) {
        one.peer = other
        other.peer = one
        one.state = .open
        other.state = .open
    }

    func becomeConnected() {
        wake(PollBit.output)
        onChange?()
    }

    func fail(_ error: Errno) {
        guard !isClosed else { return }
        self.error = error.code
        state = .dead
        wake(.max)
        onChange?()
    }

    // MARK: - Sending

    /// Takes what there is room for; a count or a negative error number.
    func send(_ bytes: [UInt8], more: Bool) -> Int {
        if error != 0 { return takeError() }
        switch state {
        case .connecting: return -Int(EAGAIN)
        case .fresh, .listening: return -Int(EPIPE)
        case .dead: return -Int(EPIPE)
        case .open: break
        }
        if outputEnded { return -Int(EPIPE) }
        if bytes.isEmpty { return 0 }
        guard room > 0 else {
            wantsRoom = true
            return -Int(EAGAIN)
        }
        var count = min(room, bytes.count)
        if count > 1, kernel.random.chance(kernel.shortSends) {
            // The machine is short of memory for a moment.
            count = kernel.random.number(1...count - 1)
            kernel.schedule(after: 0) { [weak self] in self?.wake(PollBit.output) }
        }
        if count < bytes.count { wantsRoom = true }
        held += bytes[..<count]
        total += count
        if more, count == bytes.count { holdForAWhile() } else { transmitHeld() }
        return count
    }

    /// Linux sends what MSG_MORE holds back after 200 ms by itself.
    private func holdForAWhile() {
        holdings += 1
        let holding = holdings
        kernel.schedule(after: 200) { [weak self] in
            guard let self, holdings == holding, !held.isEmpty else { return }
            kernel.stalls += 1
            transmitHeld()
        }
    }

    private func transmitHeld() {
        holdings += 1
        guard !held.isEmpty else { return }
        unreceived += held.count
        var rest = held[...]
        while !rest.isEmpty {
            let size = kernel.segmentSize(of: rest.count)
            let segment = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            later { $0.arrive(segment) }
        }
        held = []
    }

    /// Does something at the peer's end once all that was sent before has arrived.
    private func later(_ action: @escaping (SimulatedSocket) -> Void) {
        guard let peer else { return }
        let arrival = max(lastArrival, kernel.now + kernel.nextLatency())
        lastArrival = arrival
        kernel.schedule(at: arrival) { action(peer) }
    }

    func endOutput() {
        guard state == .open, !outputEnded else { return }
        transmitHeld()
        outputEnded = true
        later { $0.arriveEnd() }
        if inputEnded { wake(PollBit.hangUp) }
    }

    /// Breaks the connection off.
    func reset() {
        guard state == .open else { return }
        state = .dead
        later { $0.arriveReset() }
    }

    // MARK: - What arrives

    private func arrive(_ bytes: [UInt8]) {
        guard state == .open, !isClosed else {
            // Nobody is there to read it.
            if state == .open { reset() }
            return
        }
        inbox += bytes
        wake(PollBit.input)
        onChange?()
    }

    private func arriveEnd() {
        guard state == .open, !isClosed else { return }
        inputEnded = true
        wake(.max)
        onChange?()
    }

    private func arriveReset() {
        guard state == .open, !isClosed else { return }
        error = inputEnded ? EPIPE : ECONNRESET
        wasReset = true
        state = .dead
        wake(.max)
        onChange?()
    }

    // MARK: - Receiving

    /// Up to `count` bytes; 0 is the end, negative an error number.
    func receive(atMost count: Int, peeks: Bool = false) -> (bytes: ArraySlice<UInt8>, code: Int) {
        if available > 0 {
            let end = inboxStart + min(count, available)
            let bytes = inbox[inboxStart..<end]
            if !peeks { consume(upTo: end) }
            return (bytes, bytes.count)
        }
        if error != 0 { return ([], takeError()) }
        switch state {
        case .dead: return ([], 0)
        case .open: return ([], inputEnded ? 0 : -Int(EAGAIN))
        case .fresh, .listening, .connecting: return ([], -Int(ENOTCONN))
        }
    }

    private func consume(upTo end: Int) {
        let count = end - inboxStart
        inboxStart = end
        if inboxStart == inbox.count {
            inbox.removeAll(keepingCapacity: true)
            inboxStart = 0
        }
        guard let peer else { return }
        peer.unreceived -= count
        // Linux goes on with what it has sealed a little later.
        if peer.sealer?.pending.isEmpty == false { kernel.schedule(after: 1) { peer.pushSealed() } }
        if peer.wantsRoom, peer.isWritable {
            peer.wantsRoom = false
            peer.wake(PollBit.output)
            peer.onChange?()
        }
    }

    func takeError() -> Int {
        defer { error = 0 }
        return -Int(error)
    }

    // MARK: - The end

    func close() {
        guard !isClosed else { return }
        for watch in watches { watch.poll.remove(watch.descriptor) }
        watches = []
        onChange = nil
        for waiting in backlog { waiting.close() }
        backlog = []
        if state == .open {
            // As on Linux, unread input turns the orderly end into a reset.
            if available > 0 || resetsOnClose { reset() } else { endOutput() }
        }
        isClosed = true
    }

    // MARK: - Readiness

    /// A connection has come to this listening socket.
    func take(_ connection: SimulatedSocket, holdingBackFor patience: (@escaping () -> Void) -> Void) {
        connection.keeper = self
        guard isDeferring else { return connection.leaveKeeper() }
        patience { [weak connection] in connection?.leaveKeeper() }
    }

    private func leaveKeeper() {
        guard let listener = keeper else { return }
        keeper = nil
        listener.backlog.append(self)
        listener.wake(PollBit.input)
    }

    func wake(_ bits: UInt32) {
        if bits & PollBit.input != 0 { leaveKeeper() }
        for watch in watches where bits & watch.interest != 0 { watch.poll.markReady(watch) }
    }

    /// What `epoll_wait` would tell now.
    var readiness: UInt32 {
        switch state {
        case .listening: return backlog.isEmpty ? 0 : PollBit.input
        case .connecting: return 0
        case .fresh: return PollBit.output | PollBit.hangUp
        case .dead:
            return PollBit.input | PollBit.output | PollBit.peerEnd | PollBit.hangUp
                | (error == 0 ? 0 : PollBit.error)
        case .open: break
        }
        var bits: UInt32 = 0
        if available > 0 || inputEnded { bits |= PollBit.input }
        if inputEnded { bits |= PollBit.peerEnd }
        if inputEnded, outputEnded { bits |= PollBit.hangUp }
        if outputEnded || isWritable { bits |= PollBit.output } else { wantsRoom = true }
        return bits
    }
}

/// epoll's bits.
enum PollBit {
    static let input: UInt32 = 0x001
    static let output: UInt32 = 0x004
    static let error: UInt32 = 0x008
    static let hangUp: UInt32 = 0x010
    static let peerEnd: UInt32 = 0x2000
    static let edge: UInt32 = 1 << 31
}
