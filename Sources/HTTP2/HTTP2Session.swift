import CNghttp2

/// A client's side of an HTTP/2 connection, over nghttp2: bytes in, calls out, and frames when they are asked for.
///
/// It knows neither sockets nor configuration. A subclass overrides what the session tells. Streams are named by *handles*,
/// small numbers that the subclass gives out; it may use one again as soon as `streamClosed` was told or `forget` was called.
/// Unless it says otherwise, each of these calls may use the session in any way.
@safe
class HTTP2Session {
    typealias Limits = HTTP2Limits

    /// What is ready to be sent of a stream's body.
    enum Offer {
        /// Nothing for now: `resume` says when.
        case nothing
        /// So many bytes, no more than were asked for.
        case bytes(Int, isLast: Bool)
    }

    let limits: Limits
    /// Written by the callbacks of `HTTP2Session+Callbacks.swift` alone, like all that follows.
    var session: OpaquePointer?
    /// What came and is still to be told, from `nextEvent` on.
    var events: [Event] = []
    private var nextEvent = 0
    private var isTelling = false
    /// The handle whose header block is being read, or -1.
    var current: Int32 = -1
    /// Bytes of the block's names and values so far.
    var blockSize = 0
    /// The beginning of the bytes that are being read.
    var input: UnsafeRawPointer?
    /// Fields are mended where nginx takes them and nghttp2 does not: of frames that come in one piece.
    var isLenient = true
    /// Where frames end in what comes.
    private var cutter = HTTP2FrameCutter()
    /// Where bodies are written while frames are made.
    var sink: OutputQueue?
    var bound = 0
    /// The longest frame that a body is cut into.
    var longestFrame = 16_384
    let allowance = HTTP2Allowance()
    /// The stream that the peer has just broken off.
    var resetByPeer: Int32 = 0
    /// The stream that was closed last, and its handle.
    var lastClosed: (id: Int32, handle: Int32) = (0, -1)
    /// The stream whose fields were in the last frame that had any, and whether more of them follow.
    var lastFieldsStream: Int32 = 0
    var lastFieldsAreComplete = false
    /// The last frame that began a block: where it lies, and how long it is.
    private var openHead: (buffer: Buffer, start: Int, length: Int)?
    /// What ended the connection, if it was not graceful, and nghttp2's words for it.
    private(set) var error = HTTP2Code.noError
    let errorText = Buffer(capacity: 16)
    /// Nothing more is read or written.
    private(set) var isOver = false

    /// What came, in the order in which it came.
    struct Event {
        enum Kind: UInt8 {
            case head, data, end, closed, reset, goAway
        }

        var kind: Kind
        var handle: Int32
        /// Where data begin, the size of a block, or a code.
        var first: UInt32 = 0
        /// How much data there are, or 1: the stream ends here.
        var second: UInt32 = 0
    }

    init(limits: Limits = Limits()) {
        self.limits = limits
        unsafe open()
    }

    deinit {
        unsafe nghttp2_session_del(session)
    }

    // MARK: - What the session tells

    /// The block of a head begins, or that of trailers. Must not use the session.
    func headBegan(_ handle: Int32) {}

    /// A field of the block; the bytes are valid during the call only. Must not use the session.
    func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {}

    /// The block is complete; `size` are its bytes on the wire.
    func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {}

    /// Bytes of a body, valid during the call only, and where they begin in what was read. The peer may send more when `consume`
    /// was called for them.
    func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {}

    /// The peer sends no more on the stream.
    func streamEnded(_ handle: Int32) {}

    /// The stream is no more: both sides have ended it, or one has broken it off.
    func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {}

    /// The peer ends the connection: streams behind `last` were not processed.
    func goAwayReceived(last: Int32, _ code: HTTP2Code) {}

    /// What can be sent of a body, at most so many bytes. `writeBody` follows for it, with nothing queued between. Must not use
    /// the session.
    func offer(_ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue) -> Offer { .nothing }

    /// The fields behind the body, asked for with its last byte; nil for none. Must not use the session.
    func trailers(_ handle: Int32) -> HTTP2FieldBlock? { nil }

    /// Writes what was offered, behind the frame's head. Must not use the session.
    func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool, to queue: OutputQueue
    ) {}

    /// Bytes of a head or of trailers were sent on the stream. Must not use the session.
    func fieldsSent(_ handle: Int32, _ count: Int, endsStream: Bool) {}

    // MARK: - Input

    /// Bytes read before what they bring is told: bounds what a flood does before somebody looks.
    private static let slice = 16_384

    /// Reads bytes and tells what they bring. `second` is any clock's, for `HTTP2Allowance`.
    final func receive(_ bytes: Span<UInt8>, second: Int) {
        allowance.advance(to: second)
        var position = 0
        while position < bytes.count, !isOver {
            let end = min(position + Self.slice, bytes.count)
            let part = bytes.extracting(position..<end)
            readLeniently(part, frameStart: frameStart(in: part))
            position = end
        }
    }

    /// Reads the next frame from `position` on, or what there is of it, and tells what it brings.
    final func receiveFrame(in bytes: Span<UInt8>, _ position: inout Int, second: Int) {
        let start = position
        let isAtStart = cutter.isBetweenFrames
        position = cutter.end(in: bytes, from: start)
        guard !isOver else { return }
        allowance.advance(to: second)
        readLeniently(bytes.extracting(start..<position), frameStart: isAtStart ? 0 : nil)
    }

    /// All frames that have begun are complete.
    final var isBetweenFrames: Bool { cutter.isBetweenFrames }

    /// Where the first frame begins that does not begin before these bytes.
    private func frameStart(in bytes: Span<UInt8>) -> Int? {
        var start = cutter.isBetweenFrames ? 0 : nil as Int?
        var position = 0
        while position < bytes.count {
            position = cutter.end(in: bytes, from: position)
            if start == nil, cutter.isBetweenFrames { start = position }
        }
        return start
    }

    private func readLeniently(_ part: Span<UInt8>, frameStart: Int?) {
        var rest = part
        var start = isLenient ? frameStart : nil
        while let from = start, rest.firstIndex(of: 0xFF, from: from) != nil, !isOver,
            let (range, mended) = HTTP2Lenience.firstMended(in: rest, from: from)
        {
            if range.lowerBound > 0 { read(rest.extracting(0..<range.lowerBound)) }
            read(mended.span)
            rest = rest.extracting(range.upperBound..<rest.count)
            start = 0
        }
        if !rest.isEmpty, !isOver { read(rest) }
    }

    private func read(_ part: Span<UInt8>) {
        allowance.ignore(part.count)
        let code = unsafe part.withUnsafeBytes { source in
            unsafe input = source.baseAddress
            defer { unsafe input = nil }
            return unsafe nghttp2_session_mem_recv(session, source.baseAddress, source.count)
        }
        if code < 0 { fail(Int32(code)) }
        tell(part)
        if allowance.isUsedUp { terminate(.enhanceYourCalm, "flood") }
    }

    private func fail(_ code: Int32) {
        switch code {
        case Int32(NGHTTP2_ERR_FLOODED.rawValue): terminate(.enhanceYourCalm, "flood")
        case Int32(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue):
            terminate(.enhanceYourCalm, "too many CONTINUATION frames")
        default: terminate(.internalError, "failure")
        }
    }

    /// Tells what came. Frames that are made meanwhile may add to it.
    func tell(_ bytes: Span<UInt8>) {
        guard !isTelling else { return }
        isTelling = true
        while nextEvent < events.count, !isOver {
            let event = events[nextEvent]
            nextEvent += 1
            tell(event, bytes)
        }
        isTelling = false
        events.removeAll(keepingCapacity: events.capacity <= 1_024)
        nextEvent = 0
    }

    private func tell(_ event: Event, _ bytes: Span<UInt8>) {
        let handle = event.handle
        switch event.kind {
        case .head: headEnded(handle, size: Int(event.first), endsStream: event.second != 0)
        case .data:
            let start = Int(event.first)
            data(handle, bytes.extracting(start..<start + Int(event.second)), at: start)
        case .end: streamEnded(handle)
        case .closed: streamClosed(handle, HTTP2Code(rawValue: event.first), byPeer: false)
        case .reset: streamClosed(handle, HTTP2Code(rawValue: event.first), byPeer: true)
        case .goAway:
            goAwayReceived(last: Int32(bitPattern: event.second), HTTP2Code(rawValue: event.first))
        }
    }

    // MARK: - Output

    /// Whether there are frames to be made.
    final var wantsToSend: Bool { unsafe !isOver && nghttp2_session_want_write(session) != 0 }

    /// Whether requests may be made, which is over as soon as either side ends the connection.
    final var takesRequests: Bool { unsafe !isOver && nghttp2_session_check_request_allowed(session) != 0 }

    /// Nothing will come or go any more: the connection can be closed when all is sent.
    final var isFinished: Bool {
        unsafe isOver
            || nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }

    /// Makes frames until nothing is left to be sent or `bound` bytes are queued.
    final func makeFrames(into queue: OutputQueue, bound: Int) {
        guard !isOver else { return }
        sink = queue
        self.bound = bound
        while queue.size < bound {
            if makeFrame(into: queue) == 0 { break }
        }
        sink = nil
        openHead = nil
        tell(Span())
    }

    /// Makes the next frame that is no body's, and bodies' frames before it. Returns its size; none is left.
    func makeFrame(into queue: OutputQueue) -> Int {
        var place: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &place)
        guard count > 0, let place = unsafe place else {
            if count < 0 { isOver = true }
            return 0
        }
        let frame = unsafe Span(_unsafeStart: place, count: count)
        let kind = UInt32(frame[3])
        note(frame)
        if kind == NGHTTP2_CONTINUATION.rawValue, join(frame, queue) { return count }
        let output = queue.room(for: count)
        let start = output.count
        output.append(frame)
        if kind == NGHTTP2_HEADERS.rawValue { openHead = (output, start, count - 9) }
        return count
    }

    /// Puts what continues a head into the frame before, as far as the peer takes long frames: nghttp2 makes short ones.
    private func join(_ frame: Span<UInt8>, _ queue: OutputQueue) -> Bool {
        guard let (buffer, start, length) = openHead else { return false }
        let longest = unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_FRAME_SIZE)
        let whole = length + frame.count - 9
        guard whole <= Int(longest) else {
            openHead = nil
            return false
        }
        queue.room(for: frame.count - 9).append(frame.extracting(9..<frame.count))
        for index in 0..<3 {
            buffer[start + index] = UInt8(truncatingIfNeeded: whole >> (16 - 8 * index))
        }
        buffer[start + 4] |= frame[4]
        openHead = (buffer, start, whole)
        return true
    }

    /// What leaves besides bodies and heads is the peer's doing: acknowledgements, updates, streams broken off.
    private func note(_ frame: Span<UInt8>) {
        guard frame.count >= 9 else { return }
        switch UInt32(frame[3]) {
        case NGHTTP2_HEADERS.rawValue:
            lastFieldsStream = Int32(truncatingIfNeeded: Self.word(frame, at: 5))
            noteFields(frame, endsStream: UInt32(frame[4]) & NGHTTP2_FLAG_END_STREAM.rawValue != 0)
        case NGHTTP2_CONTINUATION.rawValue:
            noteFields(frame, endsStream: false)
        case NGHTTP2_RST_STREAM.rawValue where frame.count == 13:
            allowance.spend(frame.count)
            if frame[12] != UInt8(HTTP2Code.noError.rawValue) { allowance.spendStream() }
        case NGHTTP2_GOAWAY.rawValue where frame.count >= 17:
            let code = Self.word(frame, at: 13)
            if code != 0, error == .noError {
                error = HTTP2Code(rawValue: code)
                errorText.append(frame.extracting(17..<frame.count))
            }
        default:
            allowance.spend(frame.count)
        }
    }

    private func noteFields(_ frame: Span<UInt8>, endsStream: Bool) {
        allowance.carry(frame.count)
        lastFieldsAreComplete = UInt32(frame[4]) & NGHTTP2_FLAG_END_HEADERS.rawValue != 0
        // nghttp2 closes the stream before it hands out the frame that ends it.
        let handle = unsafe lastClosed.id == lastFieldsStream ? lastClosed.handle : handle(of: lastFieldsStream)
        if handle >= 0 { fieldsSent(handle, frame.count, endsStream: endsStream) }
    }

    private static func word(_ bytes: Span<UInt8>, at start: Int) -> UInt32 {
        var word: UInt32 = 0
        for index in start..<start + 4 { word = word << 8 | UInt32(bytes[index]) }
        return word
    }

    // MARK: - The end

    /// Ends the connection: what is under way is broken off by the peer when it reads this.
    final func terminate(_ code: HTTP2Code, _ reason: StaticString = "") {
        guard !isOver else { return }
        if error == .noError, code != .noError {
            error = code
            errorText.append(reason)
        }
        unsafe nghttp2_session_terminate_session(session, code.rawValue)
    }

    /// The connection is gone: nothing is told any more, and what was kept for it is freed. Not to be called where the session
    /// must not be used.
    final func close() {
        isOver = true
        unsafe nghttp2_session_del(session)
        unsafe session = nil
    }
}
