/// A server's side of an HTTP/2 connection: bytes in, calls out, and frames when they are asked for.
///
/// It knows neither sockets nor configuration. A subclass overrides what it tells. Streams are named by *handles*, small numbers
/// that are used again as soon as `forget` was called. Unless it says otherwise, each of these calls may use the machine in any
/// way; what a call is about is over when it returns.
///
/// Input is in `HTTP2Server+Frames.swift` and `HTTP2Server+Fields.swift`, output in `HTTP2Server+Sending.swift`.
class HTTP2Server {
    final let limits: HTTP2Limits
    final let allowance = HTTP2Allowance()
    final let states = HTTP2StreamTable()
    final let decoder: HPACKDecoder
    final let encoder = HPACKEncoder()

    // MARK: Input

    enum State: UInt8 {
        case preface, head
        /// The beginning of a payload, `needed` bytes.
        case beginning
        case block, data, settings, skipping
    }

    final var state = State.preface
    /// What has come of a few bytes that are looked at together.
    final let unit = Buffer(capacity: 32)
    final var needed = 0
    final var frame = HTTP2FrameHead(length: 0, kind: 0, flags: 0, stream: 0)
    /// Bytes of the payload still to come, without the padding at its end.
    final var rest = 0
    final var padding = 0
    /// What is passed over counts as bytes that nobody wants.
    final var isIgnored = false
    /// The stream that DATA are for.
    final var dataHandle: Int32 = -1
    /// The window that the peer's settings ask for, until all of them are read.
    final var newWindow = -1

    /// The handle whose head is being read, or -1.
    final var current: Int32 = -1
    /// The stream whose block is being read, or 0.
    final var blockStream: Int32 = 0
    final var blockIsTrailer = false
    final var blockEndsStream = false
    /// Bytes of the block on the wire, and frames that continue it.
    final var blockSize = 0
    final var continuations = 0
    /// The beginning of a field whose end has not come.
    final let openField = Buffer(capacity: 16)
    /// Fields that nobody wants are decoded here.
    final let nobodys = Buffer(capacity: 16)

    /// The last stream that the peer has opened.
    final var lastStream: Int32 = 0
    /// Streams that were broken off from here before the peer had ended them: more of them may be on its way.
    final let unfinished = UnfinishedStreams()
    final var settingsAreAcknowledged = false
    final var priorities: HTTP2Priorities?

    // MARK: Output

    /// Frames that wait for nothing, and go before all others.
    final let control = Buffer(capacity: 64)
    /// Streams that have something to send, from `nextReady` on; behind them those of the next round.
    final let ready = List<Int32>(capacity: 8)
    final let later = List<Int32>(capacity: 8)
    final var nextReady = 0
    /// None of them can send before the connection's window opens.
    final var isStuck = false
    final var sendWindow = 65_535
    final var receiveWindow = HTTP2Server.largestWindow
    /// What streams of the peer begin with.
    final var initialWindow = 65_535
    /// The longest payload that the peer takes.
    final var longestFrame = 16_384

    /// What ended the connection, if it was not graceful, and why.
    private(set) final var error = HTTP2Code.noError
    private(set) final var reason: StaticString = ""
    /// The end of the connection was told: nothing is read, and nothing follows it.
    private(set) final var isTerminated = false
    private(set) final var isGoingAway = false
    /// Nothing more is read or written.
    private(set) final var isOver = false

    static let largestWindow = 0x7FFF_FFFF
    /// The largest frame that the peer may send.
    static let largestFrame = 0xFF_FFFF

    init(limits: HTTP2Limits = HTTP2Limits()) {
        self.limits = limits
        decoder = HPACKDecoder(longest: limits.field, most: limits.head)
        HTTP2FrameHead(length: 18, kind: HTTP2FrameKind.settings, flags: 0, stream: 0).append(to: control)
        for (id, value) in [(3, limits.streams), (4, limits.window), (5, Self.largestFrame)] {
            control.append(0)
            control.append(UInt8(id))
            control.append(word: UInt32(clamping: value))
        }
        // Streams have windows of their own; that of the connection would only let one hold up the others.
        appendWindowUpdate(0, Self.largestWindow - 65_535)
    }

    // MARK: - What the machine tells

    /// The peer opens a stream. False: it is refused.
    func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool { false }

    /// Fields of the head came: they are taken one by one with `nextField`, as many as there are. Must not use the machine but for
    /// that.
    func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {}

    /// The head is complete; `size` are its bytes on the wire.
    func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {}

    /// Bytes of a body, valid during the call only. The peer may send more when `consume` was called for them.
    func data(_ handle: Int32, _ bytes: Span<UInt8>) {}

    /// The peer sends no more on the stream; it may have ended with fields behind the body, which nginx has no use for either.
    func streamEnded(_ handle: Int32) {}

    /// The stream was broken off.
    func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {}

    /// What became of a stream that was to send something.
    enum Sent {
        /// Nothing, since there is nothing: `schedule` says when there is.
        case nothing
        /// There is more than the windows allow.
        case blocked
        /// So many bytes of the body in a frame, which may be the last.
        case body(Int, endsStream: Bool)
    }

    /// Writes the stream's head if that is due, and then one frame of its body with at most so many bytes, which may be none. Must
    /// not use the machine but for writing.
    func send(_ handle: Int32, atMost limit: Int, to queue: OutputQueue) -> Sent { .nothing }

    // MARK: - Streams

    /// Nothing more is told of a stream; its handle may be used again.
    final func forget(_ handle: Int32) {
        if current == handle { current = -1 }
        if dataHandle == handle { dataHandle = -1 }
        if states[handle].isReady { unschedule(handle) }
        let node = Int(states[handle].node)
        if node >= 0, let priorities { priorities.close(node) }
        states.close(handle)
    }

    private func unschedule(_ handle: Int32) {
        for index in ready.indices where index >= nextReady && ready[index] == handle { return ready.remove(at: index) }
        for index in later.indices where later[index] == handle { return later.remove(at: index) }
    }

    /// Bytes of a body were used: the peer may send as many more.
    final func consume(_ handle: Int32, _ count: Int) {
        guard !isTerminated, states[handle].id != 0, !states[handle].inputHasEnded, !states[handle].isBrokenOff else { return }
        states[handle].consumed += count
        let consumed = states[handle].consumed
        // Told when it is worth a frame.
        guard consumed * 2 >= states[handle].window else { return }
        states[handle].consumed = 0
        states[handle].receiveWindow += consumed
        appendWindowUpdate(states[handle].id, consumed)
    }

    /// How many bytes of a body may come before they are consumed; never fewer than now.
    final func setWindow(_ handle: Int32, to size: Int) {
        let added = size - states[handle].window
        guard !isTerminated, added > 0, !states[handle].inputHasEnded, !states[handle].isBrokenOff else { return }
        states[handle].window = size
        states[handle].receiveWindow += added
        appendWindowUpdate(states[handle].id, added)
    }

    /// Breaks a stream off.
    final func reset(_ handle: Int32, _ code: HTTP2Code) {
        guard !isTerminated, !states[handle].isBrokenOff, !states[handle].isOver else { return }
        states[handle].isBrokenOff = true
        appendReset(states[handle].id, code)
    }

    /// Breaks a stream off, and tells it.
    final func breakOff(_ handle: Int32, _ code: HTTP2Code) {
        reset(handle, code)
        streamBroken(handle, code, byPeer: false)
    }

    // MARK: - The end

    /// Nothing will come or go any more: the connection can be closed when all is sent.
    final var isFinished: Bool {
        isOver || control.isEmpty && (isTerminated || isGoingAway && states.count == 0)
    }

    /// Ends the connection: what is under way is broken off by the peer when it reads this.
    final func terminate(_ code: HTTP2Code, _ reason: StaticString = "") {
        guard !isOver, !isTerminated else { return }
        error = code
        self.reason = reason
        isTerminated = true
        appendGoAway(code)
    }

    /// Takes no new streams, and ends when the present ones are over.
    final func endGracefully() {
        guard !isOver, !isTerminated, !isGoingAway else { return }
        isGoingAway = true
        appendGoAway(.noError)
    }

    /// The connection is gone: nothing is told any more.
    final func close() {
        isOver = true
        isTerminated = true
    }
}

/// What a peer may do.
struct HTTP2Limits: Sendable {
    /// Streams that the peer may have open at a time.
    var streams = 128
    /// Bytes of a body that may come before they are asked for.
    var window = 65_536
    /// Bytes of a name or a value, and of all names and values of a head.
    var field = 8_192
    var head = 32_768

    init() {}
}
