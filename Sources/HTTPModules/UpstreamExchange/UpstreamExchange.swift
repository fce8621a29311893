/// Which servers a request is for.
enum UpstreamTarget {
    /// A group of the configuration.
    case group(UpstreamDeclaration)
    /// An address that a variable gave, with its name.
    case address(SocketAddress, ByteString)
}

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
    var stage = Stage.idle
    var settings: Box<UpstreamSettings>
    /// What is spoken with the upstream.
    var proto: UpstreamProtocol

    /// The servers, and which were tried.
    var selection: PeerSelection?
    var connections: GroupConnections?
    /// Shown by the log: the server's address, or the group's name when there was none.
    var peerName = ByteString.empty
    /// Moment of the first try.
    var firstTryAt = 0

    /// The try under way.
    var connection: UpstreamConnection?
    var attempt = Attempt()

    /// The request as it is sent; the client's body follows unless it is part of it.
    let requestBytes = Buffer(capacity: 1_024)
    /// The body is passed on as it comes.
    var isStreamed = false

    /// The answer's head, and what is done with its body.
    let head = ResponseHead()
    let trailers = TrailerStore()
    var intake = Intake()
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
        /// Bytes that `proxy_limit_rate` holds back.
        var held: Buffer?
        var file: OpenFile?
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
        self.settings = settings
        self.proto = proto
    }

    /// The request's exchange, ready for another use, with what is spoken in it: both are kept with the request object.
    ///
    /// - Parameter speaker: takes what was spoken in it last, if that will do, or makes something new.
    private static func take<P: UpstreamProtocol>(
        for request: Request, _ settings: Box<UpstreamSettings>, _ speaker: (UpstreamProtocol?) -> P
    ) -> (UpstreamExchange, P) {
        guard let known = request.exchange as? UpstreamExchange else {
            let proto = speaker(nil)
            return (UpstreamExchange(request: request, settings: settings, proto: proto), proto)
        }
        known.cancel()
        return (known, speaker(known.proto))
    }

    /// Passes a request on with what `speaker` gives, unless `prepare` finds, and logs, that it makes no sense.
    static func pass<P: UpstreamProtocol>(
        _ request: Request, _ settings: Box<UpstreamSettings>, streams: Bool, _ speaker: (UpstreamProtocol?) -> P,
        prepare: (P) -> Bool
    ) -> Verdict {
        let (exchange, proto) = take(for: request, settings, speaker)
        guard prepare(proto) else { return .answer(.internalServerError) }
        exchange.start(settings: settings, proto: proto, streams: streams)
        return .done
    }

    // MARK: - Beginning

    /// Takes the request over: reads its body as far as that is wanted, then asks an upstream.
    func start(settings: Box<UpstreamSettings>, proto: UpstreamProtocol, streams: Bool) {
        // A reference is only counted where it changes.
        if self.settings !== settings { self.settings = settings }
        if self.proto !== proto { self.proto = proto }
        if proto.exchange !== self { proto.exchange = self }
        use &+= 1
        request.producer = self
        if request.exchange !== self { request.exchange = self }
        stage = .readingRequest
        peerName = .empty
        isStreamed = false
        if !request.attempts.isEmpty {
            // An earlier location of this request has asked upstreams too: the lists of the variables are told apart.
            request.attempts.append(UpstreamAttempt(address: .empty))
        }
        let requestHead = request.head
        guard requestHead.contentLength > 0 || requestHead.isChunked, proto.wantsBody else { return begin() }
        guard streams else { return engine.readBody(request) }
        isStreamed = true
        request.body.isStreamed = true
        let current = use
        engine.readBody(request)
        if use == current, stage == .readingRequest { begin() }
    }

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
        guard proto.appendRequest(of: self, to: requestBytes) else {
            return end(.internalServerError)
        }
        guard let target = proto.target(of: self) else { return }
        firstTryAt = loop.now
        switch target {
        case .group(let declaration):
            select(from: declaration.group, key(for: declaration.group))
            connections = connections(of: declaration)
        case .address(let address, let name):
            let server = UpstreamServer(name: name, addresses: [address])
            let group = UpstreamGroup(name: name, servers: [server], keepalive: .none)
            select(from: group, .none)
            connections = nil
        }
        selection?.limitTries(to: settings.value.retryTries)
        tryNextPeer()
    }

    private func select(from group: UpstreamGroup, _ key: HashedKey) {
        if let selection {
            selection.begin(group: group, key: key)
        } else {
            selection = PeerSelection(group: group, key: key)
        }
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

    private func connections(of declaration: UpstreamDeclaration) -> GroupConnections? {
        let keepalive = declaration.group.keepalive
        if keepalive.connections == 0 { return nil }
        if let known = declaration.workerState as? GroupConnections, known.loop === loop {
            return known
        }
        let made = GroupConnections(loop: loop, settings: keepalive)
        declaration.workerState = made
        return made
    }

    /// Where an address leads that a variable has named: to a group of the configuration, or to itself. Nil: the request was ended.
    func target(for address: AddressText, _ registry: UpstreamRegistry) -> UpstreamTarget? {
        let host = address.host
        if let known = registry.declaration(
            named: host.span, port: address.port, hasNoPort: address.hasNoPort)
        {
            return .group(known)
        }
        if let only = address.addresses.first { return .address(only, host) }
        request.log(.error) {
            $0.append("no resolver defined to resolve ")
            $0.append(host)
        }
        end(.badGateway)
        return nil
    }

    // MARK: - Ending

    /// Ends the request with a status: an error page if no head was, else the connection's end.
    ///
    /// - Parameter flushes: whether what is queued reaches the client before that.
    func end(_ status: Status, flushes: Bool = true) {
        stage = .done
        close()
        let engine = engine
        let request = request
        if flushes, request.response.isHeadSent { request.stream.flush() }
        engine.finish(request, code: status.rawValue)
    }

    /// Gives the server back and drops everything that is only good during an exchange.
    func close(keepsConnection: Bool = false) {
        releasePeer(keepsConnection: keepsConnection)
        if let held = intake.held { loop.largeBuffers.give(held) }
        intake.held = nil
        intake.file = nil
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
            head.bytes.removeAll()
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
        if selection?.current?.address.isUnix == true { line.append(ASCII.colon) }
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
