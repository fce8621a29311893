/// A listening socket of a worker: takes connections and hands them to the engine.
final class ListenEndpoint: Endpoint {
    private let engine: Engine
    private let binding: ListenBinding
    /// Servers of specific addresses behind a wildcard socket.
    private let specific: [ListenBinding]
    /// Takes all connections that wait: `multi_accept`. Otherwise one, and further ones while they are likely to be there, since
    /// the call that finds none costs as much as asking for events again.
    private let acceptsAllAtOnce: Bool
    /// Of several workers one is woken; it takes one connection and leaves the next to another.
    private let isExclusive: Bool
    /// Of another connection waiting behind the one that an event told of.
    private let furtherOdds = Odds()
    /// Whether many connections come: then the kernel holds them back until there is something to read.
    private let rush: Rush?
    /// Connections taken in a row before the loop serves others.
    private static let batch = 64
    private static let likelyBatch = 8
    /// Milliseconds without accepting when the machine is short of what a connection takes.
    private static let pause = 500

    /// `descriptor` stays the owner's: it is not closed here.
    init(
        engine: Engine, descriptor: Int32, binding: ListenBinding, specific: [ListenBinding],
        isExclusive: Bool, acceptsAllAtOnce: Bool = false
    ) {
        self.isExclusive = isExclusive
        self.acceptsAllAtOnce = acceptsAllAtOnce
        self.engine = engine
        self.binding = binding
        self.specific = specific
        rush = binding.isDeferred || binding.address.isUnix ? nil : Rush()
        super.init(loop: engine.loop, descriptor: descriptor)
        // Output is gathered before it is sent, so Nagle's algorithm could only delay its last part. Accepted sockets
        // inherit the option, which saves a call for each.
        if !binding.address.isUnix { loop.kernel.setNoDelay(descriptor) }
        // What a worker that was killed in a rush left behind.
        if rush != nil { loop.kernel.deferAccepting(descriptor, false) }
    }

    override func becameReadable() {
        guard acceptOne() else { return }
        if acceptsAllAtOnce {
            for _ in 1..<Self.batch where !acceptOne() { return }
        } else if !isExclusive {
            acceptLikely()
        }
    }

    private func acceptLikely() {
        for _ in 1..<Self.likelyBatch {
            guard furtherOdds.areGood() else { return }
            let hasCome = acceptOne()
            furtherOdds.note(hasCome)
            guard hasCome else { return }
        }
    }

    private func acceptOne() -> Bool {
        var address = RawAddress()
        let code = loop.kernel.accept(descriptor, address: &address)
        guard code >= 0 else {
            acceptingFailed(Errno(Int32(-code)))
            return false
        }
        accepted(Int32(code), from: address)
        return true
    }

    override func accepted(_ accepted: Int32, from address: RawAddress) {
        if let rush, rush.note(at: loop.now) {
            // Several workers may share the socket: each says so again as long as it sees a rush.
            loop.kernel.deferAccepting(descriptor, true)
            loop.setInputDeadline(self, in: Rush.calm)
        }
        engine.accept(Engine.Accepted(descriptor: accepted, address: address), on: servers(for: accepted))
    }

    private func servers(for descriptor: Int32) -> ListenBinding {
        guard !specific.isEmpty else { return binding }
        var raw = RawAddress()
        guard loop.kernel.localAddress(descriptor, &raw) == 0 else { return binding }
        let local = SocketAddress(raw)
        for candidate in specific where candidate.address == local { return candidate }
        return binding
    }

    override func acceptingFailed(_ error: Errno) {
        switch error {
        case .again, .connectionAborted: return
        case .processFilesExhausted, .systemFilesExhausted: log(.crit, "accept4()", error)
        case .noBuffers, .noMemory: log(.alert, "accept4()", error)
        default: return log(.alert, "accept4()", error)
        }
        // The connection is still there: without a pause the loop would spin on it.
        loop.suspendListening(self)
        loop.setInputDeadline(self, in: Self.pause)
    }

    private func log(_ level: LogLevel, _ call: StaticString, _ error: Errno) {
        binding.cycle.errorLog.write(level, connection: 0, errno: error) {
            $0.append(call)
            $0.append(" failed")
        }
    }

    /// What was asked of the kernel for a rush is taken back: in the calm, and before the worker leaves the socket to others.
    func endRush() {
        guard let rush, rush.isOn else { return }
        rush.isOn = false
        loop.kernel.deferAccepting(descriptor, false)
    }

    override func inputTimedOut() {
        endRush()
        do throws(Errno) {
            try loop.resumeListening(self, exclusive: isExclusive)
        } catch {
            log(.alert, loop.source.watchingCall, error)
            loop.setInputDeadline(self, in: Self.pause)
        }
    }
}

/// Sees that many connections come. Held back by the kernel until their requests are there (`TCP_DEFER_ACCEPT`), they are accepted,
/// answered and often closed in one go, without having been watched: a fifth less for connections of one request. With few, a
/// connection is seen at once, as in nginx without `deferred`.
private final class Rush {
    /// So many connections within so many milliseconds.
    private static let size = 256
    private static let span = 500
    /// Milliseconds without another rush after which there is none any more.
    static let calm = 1_000
    private var count = 0
    private var start = 0
    var isOn = false

    /// A connection was accepted. True: a rush is on.
    func note(at now: Int) -> Bool {
        count += 1
        guard count >= Self.size else { return false }
        let isRush = now - start <= Self.span
        count = 0
        start = now
        if isRush { isOn = true }
        return isRush
    }
}
