/// The session of a connection to an upstream: one request at a time, and its answer. It lives as long as the connection.
///
/// Flow control is left to TCP: the windows are as wide as they can be, and who wants no more does not read.
final class HTTP2ClientSession: HTTP2Session {
    /// What bytes of the upstream brought.
    enum Step {
        /// All of them were read; more are to come.
        case needMore
        /// A head is complete.
        case head
        /// This range of them is the body's.
        case data(Range<Int>)
        /// The answer is complete, and all of them were read.
        case end
        /// `fault` says why.
        case failed
    }

    private enum Stage {
        case idle, head, body, ended
    }

    private let loop: EventLoop
    private unowned let endpoint: Endpoint
    private var reader = HTTP2AnswerReader()
    private(set) var fault: HTTP2AnswerFault?

    /// The stream of the request, 0 for none.
    private var stream: Int32 = 0
    /// What is still to be sent of the request's body.
    let body = HTTP2Body()
    private var isDeferred = false
    /// All of the request is in the queue, or has left.
    private(set) var isRequestMade = false

    private var stage = Stage.idle
    private var answer: ResponseHead?
    private var trailerBytes: Buffer?
    private var trailerFields: FieldTable?
    private var headLimit = 0
    private var readsTrailers = false
    private var headIsNew = false
    /// A head came, if only an interim one.
    private var hasAnswered = false
    /// Where the last frame's data lie in what was read.
    private var data = 0..<0
    /// Bytes of the body still to come, or -1.
    private var rest = -1
    private var isGoingAway = false

    /// One request is under way at a time.
    private static let handle: Int32 = 0

    init(of endpoint: Endpoint) {
        self.endpoint = endpoint
        loop = endpoint.loop
        var limits = Limits()
        limits.window = Int(Self.largestWindow)
        // What a head may have is the request's to say.
        limits.field = 65_536
        limits.head = 1_048_576
        super.init(limits: limits)
    }

    // MARK: - The request

    /// Where an answer goes.
    struct Destination {
        let head: ResponseHead
        let trailerBytes: Buffer
        let trailerFields: FieldTable
        /// Bytes that the fields of a block may have.
        let limit: Int
    }

    /// Begins a request. False: the connection takes no more.
    func begin(_ block: HTTP2FieldBlock, hasBody: Bool, _ destination: Destination) -> Bool {
        guard stage == .idle, let id = sendRequest(Self.handle, block, endsStream: !hasBody) else {
            return false
        }
        stream = id
        stage = .head
        answer = destination.head
        trailerBytes = destination.trailerBytes
        trailerFields = destination.trailerFields
        headLimit = destination.limit
        isRequestMade = false
        isDeferred = false
        rest = -1
        fault = nil
        hasAnswered = false
        beginHead()
        return true
    }

    /// More of the body.
    func send(_ piece: Piece) { body.append(piece) }

    /// The body is complete.
    func endBody() { body.isLast = true }

    /// Something was added to the body, or its end is known.
    func bodyGrew() {
        guard isDeferred else { return }
        isDeferred = false
        resume(stream)
    }

    /// The answer is complete, and the connection may serve another request.
    var isReusable: Bool {
        stage == .ended && fault == nil && isRequestMade && isBetweenFrames && takesRequests
    }

    /// By the upstream's word nobody has looked at the request: it was refused (RFC 9113 8.7), or met an orderly end of the connection.
    var wasPassedOver: Bool {
        guard !hasAnswered else { return false }
        return switch fault {
        case .rejected(.refusedStream), .goneAway(.noError): true
        default: false
        }
    }

    /// The answer was taken, or nobody waits for it any more.
    func finish() {
        body.removeAll(releasing: loop)
        if stage != .idle { forget(stream, Self.handle) }
        stage = .idle
        stream = 0
        answer = nil
        trailerBytes = nil
        trailerFields = nil
    }

    // MARK: - The answer

    /// Gets ready for a head: the first, or the one behind an interim one.
    func beginHead() { reader.begin(limit: headLimit) }

    /// The head was taken; the body has so many bytes, or nobody knows.
    func expectBody(_ length: Int) { rest = length }

    var isAnswerComplete: Bool { stage == .ended }

    /// Reads on from `position`, up to the next thing to be told.
    func next(_ bytes: Span<UInt8>, from position: inout Int) -> Step {
        while position < bytes.count {
            let start = position
            data = 0..<0
            receiveFrame(in: bytes, &position, second: loop.now / 1_000)
            if fault == nil, !takesRequests, !isGoingAway { noteViolation() }
            if fault != nil { return .failed }
            if headIsNew {
                headIsNew = false
                return .head
            }
            if !data.isEmpty { return .data(start + data.lowerBound..<start + data.upperBound) }
        }
        guard stage == .ended else { return .needMore }
        if rest > 0 { fault = .prematureEnd }
        return fault == nil ? .end : .failed
    }

    /// nghttp2 tells what is wrong in the frame that says so to the upstream.
    private func noteViolation() {
        makeFrames(into: loop.output(of: endpoint), bound: .max)
        let text = errorText
        fault = .violation(error, ByteString(text.span))
    }

    /// Reads what comes while no request is under way. False: the connection is of no more use.
    func receiveIdle(_ bytes: Span<UInt8>) -> Bool {
        var position = 0
        while position < bytes.count {
            receiveFrame(in: bytes, &position, second: loop.now / 1_000)
        }
        return takesRequests
    }

    override func headBegan(_ handle: Int32) {
        readsTrailers = stage == .body
        if readsTrailers { reader.begin(limit: headLimit) }
    }

    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        if readsTrailers {
            if let trailerBytes, let trailerFields {
                reader.takeTrailer(name, value, trailerBytes, into: trailerFields)
            }
        } else if let answer {
            reader.take(name, value, into: answer)
        }
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        hasAnswered = true
        if !readsTrailers { reader.finish() }
        if let wrong = reader.fault { return fail(wrong) }
        if readsTrailers {
            if endsStream { stage = .ended } else { fail(.trailerWithoutEnd) }
            return
        }
        headIsNew = true
        guard let answer, answer.status.code >= 200 else {
            if endsStream { fail(.prematureEnd) }
            return
        }
        stage = endsStream ? .ended : .body
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {
        guard stage == .body else { return fail(.dataBeforeHead) }
        // nginx counts padding as the window does, and so does the peer: it is all given back at once.
        consume(stream, bytes.count)
        if rest >= 0 {
            guard bytes.count <= rest else { return fail(.tooMuchBody) }
            rest -= bytes.count
        }
        data = start..<start + bytes.count
    }

    override func streamEnded(_ handle: Int32) {
        if stage == .body { stage = .ended } else { fail(.prematureEnd) }
    }

    override func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        if stage == .head || stage == .body || code != .noError { fail(.rejected(code)) }
    }

    override func goAwayReceived(last: Int32, _ code: HTTP2Code) {
        isGoingAway = true
        if stream > last { fail(.goneAway(code)) }
    }

    private func fail(_ wrong: HTTP2AnswerFault) {
        if fault == nil, stage != .idle { fault = wrong }
    }

    // MARK: - Output

    override func offer(
        _ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue
    ) -> Offer {
        guard id == stream, fault == nil else { return .nothing }
        let (count, failure) = body.offer(atMost: limit, kernel: loop.kernel, to: queue)
        if failure != nil {
            fault = .bodyUnreadable
            return .nothing
        }
        let isLast = body.isLast && count == body.count
        if count == 0, !isLast {
            isDeferred = true
            return .nothing
        }
        return .bytes(count, isLast: isLast)
    }

    override func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool, to queue: OutputQueue
    ) {
        body.write(HTTP2FrameHead(frameHead, at: 0), to: queue, releasing: loop)
        if endsStream { isRequestMade = true }
    }

    override func fieldsSent(_ handle: Int32, _ count: Int, endsStream: Bool) {
        if endsStream { isRequestMade = true }
    }
}
