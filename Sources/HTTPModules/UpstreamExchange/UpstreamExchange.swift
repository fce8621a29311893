/// One request's conversation with an upstream: chooses a server, connects, sends the request, reads the answer and passes it to
/// the client, and turns to another server when that fails and may be tried.
///
/// It belongs to one request object for good and is used over and over with it, so that a proxied request allocates nothing.
/// What the engine is told last in a method may begin the object's next use: nothing is touched after it.
final class UpstreamExchange: Producer {
    enum Stage: UInt8 {
        case idle
        /// The client's body is being read.
        case readingRequest
        case connecting
        /// Connected: the request is being sent, or its answer's head waited for.
        case asking
        /// The body comes in.
        case receiving
        case tunnelling
        /// The upstream is done, the client has still to take what a file holds.
        case draining
        case done
    }

    /// Its owner; the circle is broken by `Request.breakCircles`.
    let request: Request
    let engine: RequestEngine
    let loop: EventLoop
    /// Parts of the request, one step nearer: see `Request.path`.
    let response: Response
    let headers: HeaderList
    let attempts: List<UpstreamAttempt>
    var stage = Stage.idle
    /// What changes from use to use is lent on the way of every request, and counted off it.
    let lentSettings: Lent<Box<UpstreamSettings>>
    var settings: Box<UpstreamSettings> { lentSettings.object }
    /// What is spoken with the upstream.
    let lentProto: Lent<UpstreamProtocol>
    var proto: UpstreamProtocol { lentProto.object }

    /// The servers, and which were tried.
    let selection: PeerSelection
    /// Where connections to them are kept; nil: nowhere.
    let lentConnections: LentIfAny<GroupConnections>
    /// A server was asked, or looked for in vain, for this request.
    var hasAsked = false
    /// Moment of the first try.
    var firstTryAt = 0

    /// That of the try under way.
    let lentConnection: LentIfAny<UpstreamConnection>
    var connection: UpstreamConnection? { lentConnection.object }
    var attempt = Attempt()

    /// The request as it is sent; the client's body follows unless it is part of it.
    let requestBytes = Buffer(capacity: 1_024)
    /// The body is passed on as it comes.
    var isStreamed = false

    /// The answer's head, and what is done with its body.
    let head = ResponseHead()
    let headBytes: Buffer
    let fields: FieldTable
    let trailers = TrailerStore()
    var intake = Intake()
    /// Bytes that `proxy_limit_rate` holds back.
    var heldBytes: Buffer?
    /// What the client does not take in time.
    var bodyFile: OpenFile?
    /// Who writes it, if it is not the loop.
    var spoolWriter: SpoolWriter?
    let scratch = Buffer(capacity: 256)
    let lastDate = LastDate()
    /// Counts uses: a method that called the engine and finds another number has nothing left to do.
    var use: UInt32 = 0

    /// What is known of one try.
    struct Attempt {
        var startedAt = 0
        /// `connection.bytesSent` when it began.
        var sentBefore = 0
        /// The connection stands, and its TLS handshake is under way.
        var isSecuring = false
        /// A part of the request may have left.
        var isStarted = false
        /// All of the request has left.
        var isSent = false
        /// Bytes of early hints so far.
        var hintBytes = 0
        /// A tunnel's client has ended; the upstream has still to take what came before.
        var clientHasEnded = false
    }

    /// The body on its way from the upstream.
    struct Intake {
        var buffering = BodyBuffering(isBuffered: true, memoryLimit: 0, fileLimit: 0)
        var rate = ReadingRate(limit: 0, nowSecond: 0)
        var patience = ClientPatience()
        /// The upstream is not read.
        var isPaused = false
        /// A read of held bytes waits for its time.
        var isDelayed = false
        /// A tunnel's upstream has ended; the client has still to take what came before.
        var upstreamHasEnded = false
    }

    init(
        request: Request, settings: Box<UpstreamSettings>, proto: UpstreamProtocol
    ) {
        self.request = request
        engine = request.engine
        loop = request.engine.loop
        response = request.response
        headers = request.response.headers
        attempts = request.attempts
        headBytes = head.bytes
        fields = head.fields
        let departed = loop.departed
        lentSettings = Lent(settings, departed: departed)
        lentProto = Lent(proto, departed: departed)
        selection = PeerSelection(departed: departed)
        lentConnections = LentIfAny(departed: departed)
        lentConnection = LentIfAny(departed: departed)
        super.init()
        proto.exchange = self
    }

    /// Reads a setting.
    @inline(__always)
    func setting<Value>(_ read: (UpstreamSettings) -> Value) -> Value { lentSettings.lend { read($0.value) } }

    /// Shown by the log: the server's address, or the group's name when there was none.
    var peerName: ByteString { hasAsked ? selection.lastName : .empty }

    /// Passes a request on in what `make` makes, unless `prepare` finds, and logs, that it makes no sense. Exchange and speaker stay
    /// with the request object: what was spoken last is taken again if `reuses` says so.
    static func pass<P: UpstreamProtocol>(
        _ request: Request, _ settings: Box<UpstreamSettings>, streams: Bool, _ make: () -> P,
        reuses: (P) -> Bool = { _ in true }, prepare: (P) -> Bool
    ) -> Verdict {
        if request.exchange.isEmpty {
            request.exchange.object = UpstreamExchange(request: request, settings: settings, proto: make())
        }
        let isReady = request.exchange.lend(as: UpstreamExchange.self) { exchange in
            exchange.cancel()
            guard exchange.speak(make, reuses, prepare) else { return false }
            exchange.start(settings, streams: streams)
            return true
        }
        return isReady == true ? .done : .answer(.internalServerError)
    }

    private func speak<P: UpstreamProtocol>(_ make: () -> P, _ reuses: (P) -> Bool, _ prepare: (P) -> Bool) -> Bool {
        let isPrepared: Bool? = lentProto.lend {
            guard let known = $0 as? P, reuses(known) else { return nil }
            return prepare(known)
        }
        if let isPrepared { return isPrepared }
        let proto = make()
        proto.exchange = self
        lentProto.object = proto
        return prepare(proto)
    }

    // MARK: - Beginning

    /// Takes the request over: reads its body as far as that is wanted, then asks an upstream.
    private func start(_ settings: Box<UpstreamSettings>, streams: Bool) {
        lentSettings.hold(settings)
        use &+= 1
        request.producer = self
        stage = .readingRequest
        hasAsked = false
        isStreamed = false
        if !attempts.isEmpty {
            // An earlier location of this request has asked upstreams too: the lists of the variables are told apart.
            attempts.append(UpstreamAttempt(address: .empty))
        }
        guard hasBody(request.head), lentProto.lend({ $0.wantsBody }) else { return begin() }
        guard streams else { return engine.readBody(request) }
        isStreamed = true
        request.body.isStreamed = true
        let current = use
        engine.readBody(request)
        if use == current, stage == .readingRequest { begin() }
    }

    /// One that is said to be empty is a body, too.
    private func hasBody(_ head: RequestHead) -> Bool { head.contentLength >= 0 || head.isChunked }

    /// The whole body is there.
    override func requestBodyReady() {
        switch stage {
        case .readingRequest:
            // All of it came before anybody was asked: it is kept, and may be sent again.
            isStreamed = false
            begin()
        case .asking, .receiving: if isStreamed { sendStreamed() }
        // It is sent behind the head once the connection stands.
        case .connecting: break
        case .idle, .tunnelling, .draining, .done: break
        }
    }

    override func requestBodyProgressed() {
        if stage == .asking || stage == .receiving { sendStreamed() }
    }

    /// The request is as complete as it has to be: asks the first server.
    private func begin() {
        requestBytes.removeAll()
        guard lentProto.lend({ $0.appendRequest(of: self, to: requestBytes) }) else {
            return end(.internalServerError)
        }
        firstTryAt = loop.now
        lentProto.lend { $0.findServers(for: self) }
    }

    /// Asks the servers of a group of the configuration.
    ///
    /// - Parameter declaration: not nil. Callers hand on what they have: if they unwrapped it, it would be counted.
    func ask(_ declaration: UpstreamDeclaration?) {
        guard let declaration else { preconditionFailure("no servers are named") }
        declaration.lendGroup {
            selection.begin(group: $0, key: key(for: $0))
            chooseConnections(of: declaration, $0.keepalive)
        }
        askFirst()
    }

    /// Asks the server at an address that a variable gave, by its name.
    private func ask(_ address: SocketAddress, _ name: ByteString) {
        let server = UpstreamServer(name: name, addresses: [address])
        selection.begin(group: UpstreamGroup(name: name, servers: [server], keepalive: .none))
        lentConnections.object = nil
        askFirst()
    }

    private func askFirst() {
        selection.limitTries(to: setting { $0.retryTries })
        tryNextPeer()
    }

    private func key(for group: UpstreamGroup) -> HashedKey {
        switch group.method {
        case .roundRobin, .leastConnections, .random, .randomTwo: return .none
        case .addressHash: return HashedKey(client: request.address)
        case .keyHash, .consistentHash:
            let scratch = scratch
            scratch.removeAll()
            group.hashKey?.append(to: scratch, scope: request)
            return HashedKey(text: scratch.span)
        }
    }

    private func chooseConnections(of declaration: UpstreamDeclaration, _ settings: KeepaliveSettings) {
        if settings.connections == 0 { return lentConnections.empty() }
        let isKnown = declaration.workerState.lend(as: GroupConnections.self) { known in
            guard known.loop === loop else { return false }
            lentConnections.hold(known)
            return true
        }
        if isKnown == true { return }
        let made = GroupConnections(loop: loop, settings: settings)
        declaration.workerState.object = made
        lentConnections.object = made
    }

    /// Asks what an address leads to that a variable has named: a group of the configuration, or itself. Where that is not known
    /// the request is ended.
    func ask(_ address: AddressText, _ registry: UpstreamRegistry) {
        let host = address.host
        if let known = registry.declaration(
            named: host.span, port: address.port, hasNoPort: address.hasNoPort)
        {
            return ask(known)
        }
        if let only = address.addresses.first { return ask(only, host) }
        request.log(.error) {
            $0.append("no resolver defined to resolve ")
            $0.append(host)
        }
        end(.badGateway)
    }

    // MARK: - Ending

    /// Ends the request with a status: an error page if no head was, else the connection's end.
    ///
    /// - Parameter flushes: whether what is queued reaches the client before that.
    func end(_ status: Status, flushes: Bool = true) {
        stage = .done
        close()
        if flushes, response.isHeadSent { request.lendStream { $0.flush() } }
        engine.finish(request, code: status.rawValue)
    }

    /// Gives the server back and drops everything that is only good during an exchange.
    func close(keepsConnection: Bool = false) {
        releasePeer(keepsConnection: keepsConnection)
        if let left = heldBytes.take() { loop.largeBuffers.give(left) }
        if bodyFile != nil { bodyFile = nil }
        if spoolWriter != nil { dropWriter() }
    }

    override func cancel() {
        use &+= 1
        guard stage != .idle, stage != .done else { return }
        stage = .done
        close()
    }

    override func forget() {
        if stage != .idle {
            cancel()
            stage = .idle
            head.reset()
            headBytes.removeAll()
            trailers.removeAll()
        }
    }

    // MARK: - The client

    override func clientLeft() {
        switch stage {
        case .tunnelling: return clientEndedTunnel()
        case .idle, .readingRequest, .draining, .done: return
        case .connecting, .asking, .receiving: break
        }
        if settings.value.ignoresClientAbort { return }
        let action = action
        // Where a stream among others was broken off, that has been said.
        let isToldOf = request.flags.contains(.clientGone)
        if !isToldOf {
            request.log(.info, while: action) {
                $0.append("epoll_wait() reported that client prematurely closed connection, ")
                $0.append("so upstream connection is closed too")
            }
        }
        stage = .done
        close()
        engine.finish(request, code: Status.clientClosedRequest.rawValue)
    }

    override func outputDrained() { clientDrained() }

    override func tunnelReceived(_ bytes: Span<UInt8>) { passToUpstream(bytes) }

    override func appendLogContext(to line: Buffer) {
        guard !peerName.isEmpty, stage != .idle else { return }
        line.append(", upstream: \"")
        line.append(proto.scheme)
        line.append(peerName)
        if selection.current?.address.isUnix == true { line.append(ASCII.colon) }
        proto.appendURI(of: self, to: line)
        line.append(ASCII.quote)
    }

    /// Passes on what the answer's head asks a client for.
    func passChallenges(to headers: HeaderList) {
        let bytes = head.bytes
        for index in head.fields.indices where head.fields[index].name == .wwwAuthenticate {
            headers.append(.wwwAuthenticate, bytes.span(head.fields[index].valueRange))
        }
    }

    /// nginx's words for what is being done.
    var action: StaticString {
        switch stage {
        case .connecting where attempt.isSecuring: "SSL handshaking to upstream"
        case .idle, .readingRequest, .connecting: "connecting to upstream"
        case .asking:
            attempt.isSent || isStreamed && !head.bytes.isEmpty
                ? "reading response header from upstream" : "sending request to upstream"
        case .receiving: "reading upstream"
        case .tunnelling: "proxying upgraded connection"
        case .draining, .done: "sending to client"
        }
    }
}

/// The last date that was read, since answers that follow each other mostly bear the same.
final class LastDate {
    private let text = Buffer(capacity: 32)
    private var seconds = -1

    /// Seconds since the epoch, -1 for what is no date.
    func seconds(of value: Span<UInt8>) -> Int {
        let text = self.text
        if !text.isEmpty, value.equals(text.span) { return seconds }
        seconds = value.httpDate ?? -1
        text.removeAll()
        if value.count <= 32 { text.append(value) }
        return seconds
    }
}

/// Trailer fields of an answer: their bytes and places.
final class TrailerStore {
    let bytes = Buffer(capacity: 16)
    let fields = FieldTable()

    func removeAll() {
        bytes.removeAll()
        fields.removeAll()
    }
}
