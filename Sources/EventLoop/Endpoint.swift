/// Something that the event loop serves: a connection, a listening socket, a signal descriptor, or a timer alone.
///
/// The contract is completion-shaped: the loop says *received these bytes*, *all output is sent*, *your deadline is over*;
/// no endpoint asks whether it may read or write. Each method is called on the loop's thread, never while another call of the
/// same endpoint's `received` is running. After `close` no further call comes.
@safe
class Endpoint {
    /// The loop that serves this endpoint.
    final let loop: EventLoop
    /// The descriptor, or -1 for a timer.
     final var descriptor: Int32
    /// Index into the loop's table, -1 while not registered.
    final var slot: Int32 = -1
    /// Tells this endpoint's events from those of an earlier one with the same slot.
    final var generation: UInt32 = 0
    final var flags: Flags = []
    /// Of an io_uring: what is under way for this endpoint, and how it receives (`RingSource.Pace`).
    final var operations: RingOperations = []
    final var pace = RingSource.Pace.unknown
    /// Moments of `loop.now`; `Int.max` for none.
    final var inputDeadline = Int.max
    final var outputDeadline = Int.max
    /// The wheel's tick of the earliest entry that stands for this endpoint, 0 for none.
    final var armedTick: UInt64 = 0
    /// Bytes and files waiting to be sent; nil while there are none. Held by the endpoint, and lent to those who write: see `Lent`.
    private final var queue: Unmanaged<OutputQueue>?
    /// What protects the bytes; nil: they are sent and received as they are.
    final var security: EndpointSecurity?
    /// Bytes handed to the kernel so far.
     final var bytesSent = 0

    struct Flags: OptionSet {
        let rawValue: UInt32
        /// The kernel may have input that was not read yet.
        static let readable = Flags(rawValue: 1)
        /// The endpoint wants input.
        static let reading = Flags(rawValue: 2)
        /// The last send did not take everything; an event will say when more fits.
        static let sendBlocked = Flags(rawValue: 4)
        /// The kernel tells of room for output (registered at the first blocked send).
        static let watchesOutput = Flags(rawValue: 8)
        /// The peer has sent its end, perhaps behind bytes not read yet.
        static let peerEnded = Flags(rawValue: 16)
        /// In the loop's list of endpoints to read in this turn.
        static let inReadyList = Flags(rawValue: 32)
        /// In the loop's list of endpoints to flush at the turn's end.
        static let inFlushList = Flags(rawValue: 64)
        /// A connection attempt is under way.
        static let connecting = Flags(rawValue: 128)
        static let failed = Flags(rawValue: 256)
        static let closed = Flags(rawValue: 512)
        /// In the loop's list of endpoints to call in its next turn.
        static let inCallList = Flags(rawValue: 1_024)
        /// Makes its output when the loop is about to send: `gatherOutput` is called before each flush.
        static let gathersOutput = Flags(rawValue: 2_048)
        /// The first bytes are not protected yet: `receivedPreamble` is given them until it takes the flag away.
        static let preamble = Flags(rawValue: 4_096)
        /// In the loop's list of endpoints to go on sending to in its next turn.
        static let inUnfinishedList = Flags(rawValue: 8_192)
        /// Accepted in this turn, and the kernel was not asked to tell of it yet.
        static let unwatched = Flags(rawValue: 16_384)
        /// Has its input moved to a pipe (`moveInput`) rather than received.
        static let movesInput = Flags(rawValue: 32_768)
        /// What is to be sent next of a file is being read by a thread.
        static let awaitsFile = Flags(rawValue: 65_536)
    }

    /// Takes over `descriptor`, which is closed with the endpoint.
    init(loop: EventLoop, descriptor: Int32) {
        self.loop = loop
        self.descriptor = descriptor
    }

    deinit {
        if let queue = unsafe queue { unsafe queue.release() }
    }

    // MARK: - Output

    final var hasOutput: Bool { unsafe queue != nil }

    /// The queue, counted.
    final var output: OutputQueue? { unsafe queue?.takeUnretainedValue() }

    /// Lets `use` work with the queue, which there has to be. Whoever takes it away meanwhile keeps it for the turn's rest.
    @inline(__always)
    final func lendOutput<Result>(_ use: (OutputQueue) -> Result) -> Result {
        guard let queue = unsafe queue else { preconditionFailure("an endpoint without output") }
        return unsafe queue._withUnsafeGuaranteedRef(use)
    }

    final func giveOutput(_ output: OutputQueue) {
        precondition(!hasOutput)
        unsafe queue = .passRetained(output)
    }

    final func takeOutput() -> OutputQueue? {
        guard let taken = unsafe queue else { return nil }
        unsafe queue = nil
        return unsafe taken.takeRetainedValue()
    }

    // MARK: - What the loop tells

    /// Bytes came in. They are valid during the call only.
    func received(_ bytes: Span<UInt8>) {}

    /// Input may be there, and is to be moved by `EventLoop.splice`. Returns how many bytes were. Called with the flag `movesInput` only.
    func moveInput() -> Int { 0 }

    /// The peer sends no more.
    func peerEnded() {}

    /// The handshake of `security` is over: plaintext flows from now on. `EventLoop.replace` may be called here.
    func secured() {}

    /// What protects the connection has failed, in its handshake or later; `security` knows why. Nothing more comes or goes.
    func securityFailed() { failed(.protocolError) }

    /// The peer does not protect its bytes although it should; `security` is gone, and they come as they are.
    func receivedUnprotected() {}

    /// Bytes that come before those that are protected, as long as the flag `preamble` is there. Returns how many belong to
    /// them: all, as long as more is to come.
    func receivedPreamble(_ bytes: Span<UInt8>) -> Int { 0 }

    /// A connection attempt succeeded.
    func connected() {}

    /// Somebody has connected to this listening socket.
    func accepted(_ descriptor: Int32, from address: RawAddress) {}

    /// Nobody can be accepted now.
    func acceptingFailed(_ error: Errno) {}

    /// The connection is broken: nothing can be sent or received any more.
    func failed(_ error: Errno) {}

    /// The loop is about to send: the moment to queue what was only noted until now. Called with the flag `gathersOutput` only.
    func gatherOutput() {}

    /// Everything queued has been handed to the kernel.
    func drained() {}

    /// The kernel has taken the word that nothing follows, which had to wait for room.
    func endWasSent() {
        if security?.isSealedByKernel == false { _ = loop.kernel.shutdownSending(descriptor) }
    }

    /// The kernel takes no more for now; it may have taken something. An event will say when it does again.
    func outputBlocked() {}

    /// The input deadline is over (and unset again).
    func inputTimedOut() {}

    /// A file that is being sent has become shorter than it was, and ends here; `failed` follows.
    func fileEnded(at offset: Int) {}

    /// A thread has read a part of a file for this endpoint: the page cache has it, or reading it fails. Connections go on sending.
    func fileWasRead(_ task: Int, upTo end: Int) {
        guard hasOutput, lendOutput({ $0.takeFileTask(task, upTo: end) }), flags.contains(.awaitsFile) else { return }
        flags.remove(.awaitsFile)
        loop.flush(self)
    }

    /// A thread has written so many bytes for this endpoint, or none: then it is a negative error number, or 0.
    func fileWasWritten(_ task: Int, _ code: Int) {}

    /// The turn that `callSoon` asked for has come.
    func called() {}

    /// The output deadline is over (and unset again).
    func outputTimedOut() {}

    /// The descriptor can be read. Connections leave this as it is: the loop receives and calls `received`.
    func becameReadable() {
        loop.source.receive(self, loop)
    }

    // MARK: - State

    final var isClosed: Bool { flags.contains(.closed) }
    /// The peer's end was seen, perhaps before all its bytes were read.
    final var hasPeerEnded: Bool { flags.contains(.peerEnded) }
    /// Bytes waiting to be sent, file parts included, and what was only written behind them so far.
    final var pendingOutput: Int {
        let queued = hasOutput ? lendOutput { $0.size } : 0
        guard let security else { return queued }
        return queued + security.unsentCount
    }
    /// The kernel's buffer is full: what is queued now waits.
    final var isSendBlocked: Bool { flags.contains(.sendBlocked) }
}
