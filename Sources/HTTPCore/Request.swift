/// A request on its way through the phases to its answer. Pooled: one object serves many requests, one after the other.
///
/// It is made of parts, each with one concern; modules keep their own state in `states`.
final class Request: VariableScope {
    let engine: RequestEngine
    /// Who asked.
    var connection: ClientConnection { lentConnection.object }
    /// The stream's own, so that a reference is counted once where it changes.
    private let lentConnection: Lent<ClientConnection>
    /// How the answer gets there.
    var stream: ClientStream {
        get { lentStream.object }
        set { lentStream.object = newValue }
    }
    private let lentStream: Lent<ClientStream>
    /// A subrequest has its parent's fields, and a method of its own.
    let head: RequestHead
    let routing: Routing
    /// Parts of parts, one step nearer: what is reached over two constants is counted where it is handed on, over one it is not.
    let path: Buffer
    let headBytes: Buffer
    let fields: FieldTable
    let response = Response()
    /// That of the main request, for a subrequest.
    let body: RequestBody
    /// What is on its way through the body filters; a producer fills it and calls `sendBody`.
    let outgoing = BodyChain()
    /// Who makes the answer over time, if somebody does.
    var producer: Producer?
    /// The last exchange with an upstream, which the `$upstream_` variables read. It stays with the object for its memory's sake.
    let exchange: LentIfAny<Producer>
    /// What was being done, for the error log's " while ..."; see `log`.
    var logAction: StaticString = ""
    /// The state of modules for this request, each with the index of its settings: few, so that they are searched.
    let states = List<(index: SettingsIndex, state: AnyObject)>(capacity: 4)
    /// Tries of upstreams, for the `$upstream_` variables.
    let attempts = List<UpstreamAttempt>()
    var timing = Timing()
    /// The stages of the response pipeline: those that this response needs, owned by the engine.
    var pipeline: AnyObject?
    /// The stages that the whole answer passes, subrequests' parts of it included.
    var encoding: AnyObject?
    /// What ties the request to its subrequests or its parent; nil if it has neither.
    var kinship: Kinship?
    var flags: Flags = []
    /// Bytes per second, 0 for no limit; set by `limit_rate`, X-Accel-Limit-Rate or `set $limit_rate`.
    var limitRate = 0
    var limitRateAfter = 0
    /// The moment of the loop's logical clock by which the request, or what it was resumed by, had arrived: what was learnt of a
    /// file later in the same turn needs no second look.
    var arrival: UInt64 = 0
    /// Bytes sent in answer, head included, and of the body alone.
    var bytesSent = 0
    var bodyBytesSent = 0
    /// How often a phase handler was asked in vain; for logging only.
    var number: UInt64 = 0
    /// The client's address as a trusted proxy has told it for this request; nil: it is the connection's.
    var assumedAddress: SocketAddress?
    let admission = RequestAdmission()

    struct Flags: OptionSet, Sendable {
        let rawValue: UInt16
        init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The connection stays open after this request, as far as it depends on the request.
        static let keepAlive = Flags(rawValue: 1)
        /// A phase handler waits.
        static let waiting = Flags(rawValue: 2)
        /// The client has gone, or the connection failed.
        static let clientGone = Flags(rawValue: 4)
        /// The answer is complete as far as the modules go.
        static let finished = Flags(rawValue: 8)
        /// `limit_rate` was set for this request.
        static let hasLimitRate = Flags(rawValue: 32)
        /// An `error_page` redirect is being served.
        static let isErrorPage = Flags(rawValue: 64)
        /// The log phase has run.
        static let logged = Flags(rawValue: 128)
        /// The connection is closed gently, reading what the client still sends.
        static let lingers = Flags(rawValue: 256)
        /// The client let too much time pass, or is to be answered with nothing: `reset_timedout_connection` holds.
        static let isTimedOut = Flags(rawValue: 512)
        /// The request had begun to arrive before the one before it was answered.
        static let pipelined = Flags(rawValue: 2_048)
        /// The request that `post_action` asks for is made.
        static let hasPostAction = Flags(rawValue: 4_096)
        /// It is that request.
        static let isPostAction = Flags(rawValue: 8_192)
        /// The kernel has taken the whole answer.
        static let isAnswered = Flags(rawValue: 1_024)
    }

    /// Moments of one request.
    struct Timing: Sendable {
        /// `loop.now` at the first byte.
        var start = 0
        /// UTC milliseconds at the first byte.
        var wallStart = 0
        init() {}
    }

    init(
        engine: RequestEngine, connection lent: Lent<ClientConnection>, server: VirtualServer
    ) {
        self.engine = engine
        let departed = engine.loop.departed
        lentConnection = lent
        exchange = LentIfAny(departed: departed)
        // Replaced at once by the stream that owns the request, which cannot exist before it.
        lentStream = Lent(ClientStream(), departed: departed)
        head = RequestHead()
        body = RequestBody()
        routing = Routing(server: server, departed: departed)
        path = routing.path
        headBytes = head.bytes
        fields = head.fields
        super.init(registry: lent.object.cycle.registry)
    }

    /// A subrequest: it asks for a path of its own, in the name of the main request and with the values of its variables.
    init(subrequestOf parent: Request) {
        engine = parent.engine
        let departed = engine.loop.departed
        lentConnection = Lent(parent.connection, departed: departed)
        exchange = LentIfAny(departed: departed)
        lentStream = Lent(ClientStream(), departed: departed)
        head = RequestHead(sharing: parent.head)
        body = parent.body
        routing = Routing(server: parent.server, departed: departed)
        path = routing.path
        headBytes = head.bytes
        fields = head.fields
        assumedAddress = parent.assumedAddress
        super.init(registry: parent.registry, sharing: parent)
        let connection = connection
        arrival = connection.loop.moment
        timing.start = connection.loop.now
        timing.wallStart = connection.loop.wallMilliseconds
    }

    /// Makes the object ready for another request, of the connection that its stream has now; buffers keep their memory.
    func reset() { lendConnection { reset(on: $0, $0.binding) } }

    @inline(never)
    private func reset(on connection: ClientConnection, _ binding: ListenBinding) {
        resetVariables(registry: binding.registry)
        head.reset()
        head.bytes.removeAll()
        routing.reset(on: connection, binding)
        response.reset()
        body.reset()
        outgoing.removeAll()
        if producer != nil { producer = nil }
        if assumedAddress != nil { assumedAddress = nil }
        admission.reset()
        exchange.lend { $0.forget() }
        states.removeAll()
        attempts.removeAll()
        if pipeline != nil { pipeline = nil }
        if encoding != nil { encoding = nil }
        kinship?.family.dissolve()
        flags = []
        limitRate = 0
        limitRateAfter = 0
        bytesSent = 0
        bodyBytesSent = 0
        arrival = connection.loop.moment
        timing.start = connection.loop.now
        timing.wallStart = connection.loop.wallMilliseconds
    }

    /// Lets go of those who hold the request too, so that it can be freed: it serves no more.
    func breakCircles() {
        stream = ClientStream()
        producer = nil
        exchange.object = nil
        states.removeAll()
    }

    /// Drops what a request that lies in the pool must not keep: open files, and filters with their memory.
    func releaseResources() {
        if body.file != nil { body.releaseFile(engine.loop.kernel) }
        if pipeline != nil { pipeline = nil }
        if encoding != nil { encoding = nil }
        if !outgoing.pieces.isEmpty { outgoing.removeAll() }
    }

    // MARK: - What is lent, for the way of every request

    @inline(__always)
    func lendConnection<Result>(_ use: (ClientConnection) -> Result) -> Result { lentConnection.lend(use) }
    @inline(__always)
    func lendStream<Result>(_ use: (ClientStream) -> Result) -> Result { lentStream.lend(use) }
    @inline(__always)
    func lendLocation<Result>(_ use: (Location) -> Result) -> Result { routing.lendLocation(use) }

    // MARK: - Shorthands

    /// Whether a client has asked for it, and not another request.
    var isMain: Bool { kinship?.parent == nil }
    /// Whether its output goes straight to the client's stream: no other request's is in the way.
    var isAlone: Bool {
        guard let kinship else { return true }
        return kinship.parent == nil && kinship.family.isActive(self) && kinship.postponed.isEmpty
    }
    /// The request that the client has sent.
    var main: Request { kinship?.family.main ?? self }
    /// The request whose answer is told of: that of `post_action` tells of the one before it.
    var accounted: Request { flags.contains(.isPostAction) ? main : self }
    /// Bytes that the client, or another request's output, has to take before more is wanted.
    var pendingOutput: Int { lendStream { $0.pendingOutput } + (kinship?.postponedBytes ?? 0) }
    /// The client's address, or what stands for it by `set_real_ip_from`.
    var address: SocketAddress { assumedAddress ?? connection.address }
    var location: Location { routing.location }
    var server: VirtualServer { routing.server }
    var core: Box<CoreSettings> { lendLocation { $0.core } }
    var method: Method { head.method }
    var cycle: HTTPCycle { connection.cycle }

    /// The value of the first header field of a well-known name, or nil.
    func header(_ name: FieldName) -> ByteRange? {
        head.fields.firstValue(of: name)
    }

    /// What a module keeps for this request, or nil.
    func state<S: AnyObject>(_ index: SettingsIndex, as type: S.Type) -> S? {
        for place in states.indices where states[place].index == index { return states[place].state as? S }
        return nil
    }

    @inline(never)
    func setState(_ index: SettingsIndex, _ state: AnyObject?) {
        for place in states.indices where states[place].index == index {
            if let state { states[place].state = state } else { states.remove(at: place) }
            return
        }
        if let state { states.append((index, state)) }
    }

    /// The client has closed its side: whoever makes the answer, or a part of it, is told.
    func clientLeft() {
        // What is done after the answer is not done for the client.
        if flags.contains(.hasPostAction) { return }
        guard let family = kinship?.family else {
            producer?.clientLeft()
            return
        }
        let members = family.members
        producer?.clientLeft()
        for member in members where member.kinship != nil { member.producer?.clientLeft() }
    }

    // MARK: - Answering

    /// A body that nobody reads is checked as far as it has come, as nginx does before an answer. Not nil: the answer is this.
    func refusalOfBody() -> Status? {
        isMain && lendStream { $0.isBodyMalformed(of: self) } ? refuseBody() : nil
    }

    /// The body is not what it should be: what follows it cannot be found.
    func refuseBody() -> Status {
        log(.error) { $0.append("client sent invalid chunked body") }
        flags.remove(.keepAlive)
        return .badRequest
    }

    func sendHead() { engine.sendHead(self) }

    /// Sends a piece of the body; `last` completes it.
    func send(_ piece: Piece, last: Bool, flush: Bool = false) {
        outgoing.append(piece)
        outgoing.isLast = last
        outgoing.flush = flush
        engine.sendBody(self)
    }

    /// Sends all of the body from memory that others keep. A short one is copied behind the head, which costs less than keeping it
    /// until it is sent.
    func sendWhole(_ body: Buffer) {
        if body.count <= 2_048 {
            engine.sendBody(self, bytes: body.span, isLast: true, flush: false)
        } else {
            send(.shared(body, 0..<body.count), last: true)
        }
    }

    /// Completes the body without further bytes.
    func sendLast() {
        outgoing.isLast = true
        engine.sendBody(self)
    }

    func finish(_ status: Status) { engine.finish(self, code: status.rawValue) }
    func resume() { engine.resume(self) }

    /// A short answer in one piece: sets length and type, sends head and body.
    func answer(_ status: Status, type: ByteString, body: Buffer) {
        response.status = status
        response.setContentType(type)
        response.contentLength = body.count
        sendHead()
        if body.isEmpty || response.isHeadOnly {
            sendLast()
        } else {
            sendWhole(body)
        }
    }
}

/// One try of an upstream, for variables and the log.
struct UpstreamAttempt: Sendable {
    var address: ByteString
    var status: UInt16 = 0
    /// Milliseconds; -1 for not reached.
    var connectTime = -1
    var headerTime = -1
    var responseTime = -1
    var bytesReceived = 0
    var bytesSent = 0
    var responseLength = 0

    init(address: ByteString) {
        self.address = address
    }
}
