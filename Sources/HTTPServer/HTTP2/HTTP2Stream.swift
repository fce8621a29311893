/// One stream of an HTTP/2 connection: a request and its answer. Pooled together with the request, as in HTTP/1.
final class HTTP2Stream: ClientStream {
    /// The connection; changed when the pooled stream serves another.
    var connection: HTTP2Connection { lentConnection.lend(as: HTTP2Connection.self) { $0 } }
    private let lentConnection: Lent<ClientConnection>
    @inline(__always)
    func lendConnection<Result>(_ use: (HTTP2Connection) -> Result) -> Result {
        lentConnection.lend(as: HTTP2Connection.self, use)
    }
    let request: Request
    let head: RequestHead
    let loop: EventLoop
    let engine: Engine
    private(set) var id: Int32 = 0
    private(set) var handle: Int32 = -1
    private var serverIsKnown = false
    private(set) var isServed = false
    /// The client has broken the stream off, or it was broken off from here: nobody reads the answer.
    var isGone = false
    /// The stream was broken off by the client or by the protocol.
    var isClosed = false
    var hasInputEnded = false

    /// What came of the body and is not wanted yet.
    var input: Buffer?
    var readsBody = false

    let body = HTTP2Body()
    var headIsDue = false
    var headIsSent = false
    /// The head says that there is no body.
    var endsWithHead = false
    /// The frame that ends the answer is queued.
    var endIsQueued = false
    /// Nothing was offered when there was room: the session has to be told when there is.
    var isDeferred = false
    /// Bytes queued for this stream since the connection has sent all that was queued.
    var unsent = 0
    private var sentBytes = 0
    /// `limit_rate` holds the body back.
    var isHeldBack = false
    var isTimedOut = false
    /// The read of a part of a file that the body waits for; 0: none.
    var fileTask = 0
    /// The answer cannot be completed.
    var hasFailed = false

    // The connection's lists that the stream is in.
    var isQueued = false
    var isWaiting = false
    var isReceiver = false
    var figure = Engine.Figure.none

    /// Made when it is needed first, then kept with the stream.
    private(set) var timer: HTTP2StreamTimer?

    init(connection: HTTP2Connection, server: VirtualServer) {
        loop = connection.loop
        engine = connection.engine
        lentConnection = Lent(connection, departed: loop.departed)
        request = Request(engine: connection.engine, connection: lentConnection, server: server)
        head = request.head
        super.init()
        request.stream = self
    }

    deinit {
        if let timer { loop.close(timer) }
    }

    /// Gives the request up, so that both can be freed.
    func detach() { request.breakCircles() }

    /// Ready for another request of `connection`.
    func reset(connection: HTTP2Connection, id: Int32, handle: Int32) {
        lentConnection.object = connection
        self.id = id
        self.handle = handle
        serverIsKnown = connection.binding.servers.isSingle
        isServed = false
        isGone = false
        isClosed = false
        hasInputEnded = false
        readsBody = false
        headIsDue = false
        headIsSent = false
        endsWithHead = false
        endIsQueued = false
        isDeferred = false
        unsent = 0
        sentBytes = 0
        isHeldBack = false
        isTimedOut = false
        hasFailed = false
        fileTask = 0
    }

    /// Gives back what the pooled stream must not keep.
    func release() {
        body.removeAll(releasing: loop)
        if let left = input.take() { loop.largeBuffers.give(left) }
        isQueued = false
        isWaiting = false
        isReceiver = false
        fileTask = 0
        handle = -1
        if timer != nil { clearTimer() }
    }

    private func clearTimer() {
        guard let timer else { return }
        loop.clearInputDeadline(timer)
        loop.clearOutputDeadline(timer)
    }

    var deadlines: HTTP2StreamTimer {
        if let timer { return timer }
        let made = HTTP2StreamTimer(stream: self)
        timer = made
        return made
    }

    // MARK: - The head

    func takeFields(
        _ block: Span<UInt8>, _ position: inout Int, _ session: HTTP2ServerSession, _ reader: HTTP2HeadReader
    ) {
        take(block, &position, session, reader, head)
    }

    private func take(
        _ block: Span<UInt8>, _ position: inout Int, _ session: HTTP2ServerSession, _ reader: HTTP2HeadReader,
        _ head: RequestHead
    ) {
        var limits = request.routing.lendServer { $0.limits }
        while session.nextField(block, &position, into: head.bytes) {
            reader.take(session.decoder.field, into: head, limits: limits)
            guard reader.hostIsNew, !serverIsKnown else { continue }
            selectServer()
            limits = request.routing.lendServer { $0.limits }
        }
    }

    private func selectServer() {
        serverIsKnown = true
        let request = self.request
        let host = request.head.host
        let server = connection.binding.servers.server(for: host.span, captures: request)
        request.routing.select(server)
    }

    /// The head is not complete: it has to be soon.
    func awaitHead() {
        guard !isServed, deadlines.inputDeadline == .max else { return }
        loop.setInputDeadline(deadlines, in: request.server.settings.value.headerTimeout)
    }

    func headEnded(_ reader: HTTP2HeadReader, size: Int, endsStream: Bool) {
        isServed = true
        if timer != nil { clearTimer() }
        engine.count(self, as: .writing)
        hasInputEnded = endsStream
        reader.finish(head, endsStream: endsStream, size: size)
        if lendConnection({ connection in !request.routing.lendServer { connection.admits($0) } }) {
            return engine.refuse(request, .fieldBlock(.protocolDisabled))
        }
        if let fault = reader.fault { return engine.refuse(request, fault) }
        engine.start(request)
    }

    // MARK: - The answer

    override func writeHead(of request: Request) { queueHead() }
    override func writeInterim(_ request: Request) { queueInterimHead() }
    override func writeBody(of request: Request) { queueBody() }
    override func writeBody(of request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        queueBody(bytes, isLast: isLast)
    }
    override func flush() { loop.flush(connection) }
    override func continueSoon() { connection.callSoon(self) }

    override var queuedOutput: Int { body.count + unsent }

    override var pendingOutput: Int {
        guard let pipeline = request.pipeline as? Pipeline else { return queuedOutput }
        return queuedOutput + pipeline.waitingCount
    }

    // MARK: - The body

    override func startReadingBody(of request: Request) {
        readsBody = true
        if !hasInputEnded {
            // What is buffered may come as fast as it can; what is passed on as it comes, only as fast as it is taken.
            let settings = request.core
            let size =
                request.body.isStreamed ? settings.value.bodyBufferSize : HTTP2Server.largestWindow
            connection.session.setWindow(handle, to: size)
            loop.flushLater(connection)
            loop.setInputDeadline(deadlines, in: settings.value.bodyTimeout)
        }
        drainInput()
    }

    override func pauseReadingBody(_ isPaused: Bool) {
        readsBody = !isPaused
        if isPaused {
            if let timer { loop.clearInputDeadline(timer) }
        } else {
            drainInput()
        }
    }

    override func bodyEnded() {
        readsBody = false
        if let timer { loop.clearInputDeadline(timer) }
    }

    // MARK: - The end

    override func finish(_ request: Request) {
        lendConnection { connection in
            if !isClosed, !hasInputEnded { connection.session.reset(handle, .noError) }
            leave(connection)
        }
    }

    override func abort(_ request: Request) {
        lendConnection { connection in
            if !isClosed { connection.session.reset(handle, isTimedOut ? .protocolError : .internalError) }
            leave(connection)
        }
    }

    private func leave(_ connection: HTTP2Connection) {
        guard handle >= 0 else { return }
        connection.session.forget(handle)
        connection.finished(self)
    }

    // MARK: - Counting

    override var bytesSent: Int { sentBytes }

    func count(_ size: Int, ofHead: Bool) {
        sentBytes += size
        unsent += size
        if ofHead { request.response.headSize += size }
        if !isQueued { lendConnection { $0.noteQueued(self) } }
    }

    func holdBack(for milliseconds: Int) {
        isHeldBack = true
        loop.setOutputDeadline(deadlines, in: milliseconds)
    }

    func setSendDeadline() {
        guard !isHeldBack, deadlines.outputDeadline == .max else { return }
        loop.setOutputDeadline(deadlines, in: request.core.value.sendTimeout)
    }

    func clearSendDeadline() {
        if let timer, !isHeldBack { loop.clearOutputDeadline(timer) }
    }
}

/// The deadlines of a stream. It stays registered with the loop while the stream is in the pool.
final class HTTP2StreamTimer: Endpoint {
    private unowned let stream: HTTP2Stream

    init(stream: HTTP2Stream) {
        self.stream = stream
        super.init(loop: stream.loop, descriptor: -1)
        loop.addTimer(self)
    }

    override func inputTimedOut() { stream.inputTimedOut() }
    override func outputTimedOut() { stream.outputTimedOut() }
    override func fileWasRead(_ task: Int, upTo end: Int) { stream.fileWasRead(task, upTo: end) }
}

/// As its stream's request, for messages about its reads.
extension HTTP2StreamTimer: LogContext {
    var connectionNumber: UInt64 { stream.request.connectionNumber }
    func appendContext(to line: Buffer) { stream.request.appendContext(to: line) }
}
