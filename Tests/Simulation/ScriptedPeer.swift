@testable import ApusServer

/// What stands between a script and the wire: nothing, unless a subclass protects the bytes.
class PeerProtection {
    init() {}

    /// What this side sends first.
    func begin() -> [UInt8] { [] }
    /// What came: for the script, and what it makes this side send.
    func open(_ bytes: [UInt8]) -> (plaintext: [UInt8], reply: [UInt8]) { (bytes, []) }
    func seal(_ bytes: [UInt8]) -> [UInt8] { bytes }
    /// Says that nothing follows.
    func end() -> [UInt8] { [] }
}

/// The end of a connection that a script plays: a client, or an upstream that was connected to.
final class ScriptedPeer {
    /// One line of a script; each begins when the one before it is done.
    enum Step {
        case send([UInt8])
        /// One piece each so many milliseconds; 0: each in a turn of its own.
        case sendTorn([[UInt8]], gap: Int)
        case pause(Int)
        /// Goes on once this is true of what was received.
        case wait((ScriptedPeer) -> Bool)
        case halfClose
        case close
        case reset
        /// Reads no more, or so many bytes each so many milliseconds.
        case stopReading
        /// Reads so many bytes more as they come, and then no further.
        case read(Int)
        case readSlowly(bytes: Int, every: Int)
        case readFreely
        case act((ScriptedPeer) -> Void)
    }

    let kernel: SimulatedKernel
    let socket: SimulatedSocket
    private(set) var received: [UInt8] = []
    /// The virtual time at which each of the first bytes of a piece came.
    private(set) var lastArrival = 0
    private(set) var hasEnded = false
    private(set) var wasReset = false
    /// The virtual time of the end or reset.
    private(set) var endedAt: Int?
    private(set) var isDone = false
    private let protection: PeerProtection
    private var steps: [Step]
    private var next = 0
    private var unsent: [UInt8] = []
    /// Pieces that are sent one after the other, and the time between them.
    private var torn: ArraySlice<[UInt8]> = []
    private var tornGap = 0
    private var readsFreely = true
    /// Bytes that may still be read when reading is not free.
    private var allowance = 0
    private var isAdvancing = false
    private var left = false

    init(
        kernel: SimulatedKernel, socket: SimulatedSocket, protection: PeerProtection = PeerProtection(),
        _ steps: [Step]
    ) {
        self.protection = protection
        self.kernel = kernel
        self.socket = socket
        self.steps = steps
        socket.onChange = { [weak self] in self?.changed() }
        // The script begins with the kernel's next event, not within the call that made the connection.
        kernel.schedule(after: 0) {
            self.unsent += protection.begin()
            self.changed()
        }
    }

    /// A client that connects at once; nil if it is refused.
    convenience init?(
        _ kernel: SimulatedKernel, to address: SocketAddress, capacity: Int? = nil,
        protection: PeerProtection = PeerProtection(), _ steps: [Step]
    ) {
        guard let socket = kernel.dial(address, capacity: capacity) else { return nil }
        self.init(kernel: kernel, socket: socket, protection: protection, steps)
    }

    var text: String { String(decoding: received, as: UTF8.self) }
    /// Bytes of the step under way that the connection has not taken yet.
    var unsentCount: Int { unsent.count }
    /// The peer ended the connection one way or the other, or we did.
    var isOver: Bool { hasEnded || wasReset || left }

    func append(_ more: [Step]) {
        steps += more
        isDone = false
        kernel.schedule(after: 0) { self.changed() }
    }

    /// What was received and dealt with, a piece for each `takeReceived`.
    private(set) var taken: [[UInt8]] = []

    /// Sets aside what was received so far, so that waiting begins anew.
    func takeReceived() {
        taken.append(received)
        received = []
    }

    /// Closes the connection now, wherever the script is.
    func quit() {
        steps = []
        next = 0
        unsent = []
        torn = []
        if !left { leave() }
        isDone = true
    }

    private func changed() {
        readAsAllowed()
        flush()
        advance()
    }

    private func readAsAllowed() {
        if readsFreely { return read(.max) }
        guard allowance > 0 else { return }
        let before = received.count
        read(allowance)
        allowance -= received.count - before
    }

    private func read(_ limit: Int) {
        var rest = limit
        while rest > 0, !left {
            let (bytes, code) = socket.receive(atMost: min(rest, 65_536))
            if code > 0 {
                let (plaintext, reply) = protection.open(Array(bytes))
                received += plaintext
                unsent += reply
                lastArrival = kernel.now
                rest -= code
                continue
            }
            if code == 0, !isOver {
                hasEnded = true
                endedAt = kernel.now
            }
            break
        }
        if socket.wasReset, socket.available == 0, !wasReset {
            wasReset = true
            endedAt = endedAt ?? kernel.now
        }
    }

    private func flush() {
        guard !unsent.isEmpty, !left else { return }
        let sent = socket.send(unsent, more: false)
        if sent > 0 { unsent.removeFirst(sent) }
        // Nobody takes it any more.
        if sent < 0, Errno(Int32(-sent)) != .again { unsent = [] }
    }

    private func advance() {
        guard !isAdvancing, !isPausing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while next < steps.count || !torn.isEmpty {
            if !unsent.isEmpty { return }
            if let piece = torn.popFirst() {
                unsent += protection.seal(piece)
                flush()
                return beginPause(tornGap)
            }
            let step = steps[next]
            switch step {
            case .wait(let condition):
                if !condition(self) { return }
                next += 1
            case .pause(let milliseconds):
                next += 1
                return beginPause(milliseconds)
            case .sendTorn(let pieces, let gap):
                next += 1
                torn = pieces[...]
                tornGap = gap
            default:
                next += 1
                perform(step)
            }
        }
        isDone = true
    }

    private var isPausing = false

    private func beginPause(_ milliseconds: Int) {
        isPausing = true
        kernel.schedule(after: milliseconds) { [self] in
            isPausing = false
            advance()
        }
    }

    private func perform(_ step: Step) {
        switch step {
        case .send(let bytes):
            unsent += protection.seal(bytes)
            flush()
        case .halfClose:
            unsent += protection.end()
            flush()
            socket.endOutput()
        case .close: leave()
        case .reset:
            socket.reset()
            leave()
        case .stopReading: readsFreely = false
        case .read(let count):
            readsFreely = false
            allowance = count
            readAsAllowed()
        case .readFreely:
            readsFreely = true
            read(.max)
        case .readSlowly(let bytes, let interval):
            readsFreely = false
            readPart(bytes, interval)
        case .act(let action): action(self)
        case .wait, .pause, .sendTorn: break
        }
    }

    private func leave() {
        left = true
        endedAt = endedAt ?? kernel.now
        socket.close()
    }

    private func readPart(_ bytes: Int, _ interval: Int) {
        guard !isOver, !readsFreely else { return }
        read(bytes)
        flush()
        if next < steps.count { advance() }
        kernel.schedule(after: interval) { self.readPart(bytes, interval) }
    }
}

extension ScriptedPeer.Step {
    static func send(_ text: String) -> Self { .send(Array(text.utf8)) }

    /// Waits for so many bytes.
    static func wait(bytes count: Int) -> Self { .wait { $0.received.count >= count } }
    static func wait(text: String) -> Self { .wait { $0.text.contains(text) } }
    static var waitForEnd: Self { .wait { $0.isOver } }

    /// Cuts the text into two pieces after `position` bytes.
    static func cut(_ text: String, at position: Int, gap: Int = 0) -> Self {
        let bytes = Array(text.utf8)
        return .sendTorn([Array(bytes[..<position]), Array(bytes[position...])], gap: gap)
    }

    static func byteByByte(_ text: String, gap: Int = 0) -> Self {
        .sendTorn(text.utf8.map { [$0] }, gap: gap)
    }
}
