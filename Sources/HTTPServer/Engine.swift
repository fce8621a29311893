/// One worker's side of HTTP: pools requests, counts connections, and carries requests through phases and pipeline.
final class Engine: RequestEngine {
    struct Accepted {
        var descriptor: Int32
        var address: RawAddress
    }

    /// What `stub_status` counts a connection as.
    enum Figure: UInt8 {
        case none, reading, writing, waiting
    }

    /// Old requests are finished, new ones are not waited for.
    var isShuttingDown = false
    private let idleStreams = List<HTTP1Stream>()
    /// What TLS handshakes ask.
    private(set) lazy var serverNames = ServerNames(engine: self)
    let idleHTTP2Streams = List<HTTP2Stream>()
    /// Live client connections of this worker.
    private(set) var connectionCount = 0
    /// Those of them that wait for a request.
    private(set) var idleCount = 0
    /// The second in which idle ones were last closed to make room.
    var lastReuse = -1
    /// At most so many, listening sockets and upstreams not counted: `worker_connections`.
    let connectionLimit: Int
    /// The head lines that only change with the second, for each form of `server_tokens`.
    let commonLines = CommonLines()
    let recentHeads = RecentHeads()

    /// What requests with subrequests have still to do.
    let wishes: RequestWishes

    private let counters: ConnectionCounters
    private var unpublished = Unpublished()
    private var readsPublished = (count: 0, bytes: 0)
    /// Milliseconds that a shutdown waits for requests; 0: as long as they take.
    private let shutdownTimeout: Int
    private let shutdownTimer: ShutdownTimer
    private lazy var memory = MemoryReturn(loop: loop) { [unowned self] in emptyPools() }

    /// Clients for which everything is logged: `debug_connection`.
    private let debuggedClients: TrustedPeers

    init(
        loop: EventLoop, counters: ConnectionCounters, connectionLimit: Int, shutdownTimeout: Int,
        debuggedClients: TrustedPeers = TrustedPeers()
    ) {
        self.debuggedClients = debuggedClients
        self.counters = counters
        self.connectionLimit = connectionLimit
        self.shutdownTimeout = shutdownTimeout
        shutdownTimer = ShutdownTimer(loop: loop)
        wishes = RequestWishes(loop: loop)
        super.init(loop: loop)
        wishes.engine = self
        shutdownTimer.engine = self
        loop.endOfTurn.append { [unowned self] in publishFigures() }
    }

    // MARK: - What modules ask for

    override func sendHead(_ request: Request) { passHead(request) }
    override func sendBody(_ request: Request) { passBody(request) }
    override func sendBody(
        _ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool
    ) {
        passBody(request, bytes: bytes, isLast: isLast, flush: flush)
    }
    override func finish(_ request: Request, code: UInt16) { end(request, code: code) }
    override func resume(_ request: Request) {
        request.arrival = loop.moment
        run(request)
    }

    override func redirect(_ request: Request) { routeAgain(request) }
    override func redirect(_ request: Request, toName name: Span<UInt8>) {
        route(request, toName: name)
    }
    override func enter(_ location: Location, _ request: Request) {
        request.routing.location = location
        applyLocation(request)
    }
    override func startSubrequest(
        of parent: Request, path: Span<UInt8>, arguments: Span<UInt8>, _ kind: SubrequestKind,
        observer: SubrequestObserver?
    ) -> Request? {
        makeSubrequest(of: parent, path: path, arguments: arguments, kind, observer)
    }
    override func cloneRequest(_ parent: Request, observer: SubrequestObserver?) -> Request? {
        makeClone(of: parent, observer)
    }
    override func passOn(_ main: Request) { passOnward(main) }
    override func wish(_ wish: Kinship.Wishes, for request: Request) {
        wishes.add(wish, for: request)
    }
    override func readBody(_ request: Request) { beginBody(request) }
    override func abort(_ request: Request) { breakOff(request) }

    // MARK: - Connections

    /// Takes an accepted socket over.
    func accept(_ accepted: Accepted, on binding: ListenBinding) {
        counters.add(1, to: .accepted)
        makeRoom(binding.cycle.errorLog)
        guard connectionCount < connectionLimit else {
            binding.cycle.errorLog.write(.alert, connection: 0) {
                $0.append(decimal: connectionLimit)
                $0.append(" worker_connections are not enough")
            }
            loop.kernel.close(accepted.descriptor)
            return
        }
        // As in nginx, connections are numbered over all workers.
        let number = UInt64(counters.add(1, to: .handled))
        let connection = HTTP1Connection(
            engine: self, descriptor: accepted.descriptor, address: accepted.address,
            binding: binding, number: number)
        if !debuggedClients.isEmpty { connection.isDebugged = debuggedClients.contains(connection.address) }
        do throws(Errno) {
            try loop.addAccepted(connection, isDeferred: binding.isDeferred)
        } catch {
            binding.cycle.errorLog.write(.alert, connection: number, errno: error) {
                $0.append(loop.source.watchingCall)
                $0.append(" failed")
            }
            loop.close(connection)
            return
        }
        connectionCount += 1
        counters.add(1, to: .active)
        count(connection, as: .waiting)
        let timeout = binding.headerTimeout
        loop.setInputDeadline(connection, in: timeout)
        if binding.isSecure { protect(connection) }
        loop.receiveAccepted(connection)
    }

    func connectionEnded(_ connection: ServedConnection) {
        connectionCount -= 1
        memory.note()
        counters.add(-1, to: .active)
        count(connection, as: .none)
        if isShuttingDown, connectionCount == 0 { loop.stopWhenDelivered() }
    }

    func count(_ connection: ServedConnection, as figure: Figure) {
        guard connection.figure != figure else { return }
        unpublished.change(connection.figure, by: -1)
        if connection.figure == .waiting { idleCount -= 1 }
        if figure == .waiting { idleCount += 1 }
        connection.figure = figure
        unpublished.change(figure, by: 1)
    }

    /// Streams of HTTP/2 are counted one by one, as in nginx.
    func count(_ stream: HTTP2Stream, as figure: Figure) {
        guard stream.figure != figure else { return }
        unpublished.change(stream.figure, by: -1)
        stream.figure = figure
        unpublished.change(figure, by: 1)
    }

    /// Adds what has changed since the last time to the figures that all workers share: once a turn, since a request changes
    /// four of them.
    override func publishFigures() {
        for figures in memoryFigures { figures.publish(to: counters) }
        if let reads = loop.fileReads, reads.count > readsPublished.count { publish(reads) }
        guard unpublished != Unpublished() else { return }
        counters.add(unpublished.requests, to: .requests)
        counters.add(unpublished.reading, to: .reading)
        counters.add(unpublished.writing, to: .writing)
        counters.add(unpublished.waiting, to: .waiting)
        unpublished = Unpublished()
    }

    private func publish(_ reads: FileReads) {
        counters.add(reads.count - readsPublished.count, to: .reads)
        counters.add(reads.bytes - readsPublished.bytes, to: .readBytes)
        readsPublished = (reads.count, reads.bytes)
    }

    /// The worker ends.
    func withdrawFigures() {
        for figures in memoryFigures { figures.withdraw(from: counters) }
    }

    private struct Unpublished: Equatable {
        var requests = 0
        var reading = 0
        var writing = 0
        var waiting = 0

        mutating func change(_ figure: Figure, by amount: Int) {
            switch figure {
            case .none: break
            case .reading: reading += amount
            case .writing: writing += amount
            case .waiting: waiting += amount
            }
        }
    }

    /// Closes idle connections now and the others after their requests.
    func shutDown() {
        isShuttingDown = true
        Proxy.shutDown(self)
        loop.forEachEndpoint { ($0 as? ServedConnection)?.shutDown() }
        if connectionCount == 0 { loop.stopWhenDelivered() }
        guard shutdownTimeout > 0, !loop.shouldStop else { return }
        loop.addTimer(shutdownTimer)
        loop.setInputDeadline(shutdownTimer, in: shutdownTimeout)
    }

    /// `worker_shutdown_timeout` is over: requests under way are broken off, and logged.
    fileprivate func cutOff() {
        loop.forEachEndpoint { ($0 as? ServedConnection)?.cutOff() }
        loop.shouldStop = true
    }

    // MARK: - The pool

    /// Streams that are kept for later at most.
    private static let idleBound = 512

    /// A stream with its request, for the head whose first bytes have come.
    func takeStream(for connection: HTTP1Connection) -> HTTP1Stream {
        let stream = idleStreams.popLast() ?? HTTP1Stream(connection: connection, server: connection.server)
        begin(stream, on: connection)
        return stream
    }

    @inline(never)
    private func begin(_ stream: HTTP1Stream, on connection: HTTP1Connection) {
        stream.reset(connection: connection)
        begin(stream.request, on: connection)
    }

    /// Likewise for a stream of HTTP/2.
    func takeStream(for connection: HTTP2Connection, id: Int32, handle: Int32) -> HTTP2Stream {
        let stream =
            idleHTTP2Streams.popLast()
            ?? HTTP2Stream(connection: connection, server: connection.server)
        stream.reset(connection: connection, id: id, handle: handle)
        begin(stream.request, on: connection)
        count(stream, as: .reading)
        return stream
    }

    func giveBack(_ stream: consuming HTTP2Stream) {
        release(stream.request)
        stream.release()
        count(stream, as: .none)
        if idleHTTP2Streams.count < Self.idleBound {
            idleHTTP2Streams.append(stream)
        } else {
            stream.detach()
            memory.note()
            // It may be at work further up.
            loop.departed.append(stream)
        }
    }

    /// Makes a pooled request ready for one that begins to come in.
    @inline(never)
    private func begin(_ request: Request, on connection: ServedConnection) {
        connection.requestCount += 1
        unpublished.requests += 1
        request.reset()
    }

    @inline(never)
    private func release(_ stream: HTTP1Stream) {
        release(stream.request)
        stream.release()
    }

    /// Drops what a request holds beyond itself, before it returns to its pool.
    @inline(never)
    func release(_ request: Request) {
        if let producer = request.producer.take() { producer.cancel() }
        request.kinship?.family.dissolve()
        request.admission.releasePlaces()
        request.releaseResources()
    }

    /// What was taken for the beginning of a request was none.
    func takeBack(_ stream: HTTP1Stream) {
        unpublished.requests -= 1
        giveBack(stream)
    }

    func giveBack(_ stream: consuming HTTP1Stream) {
        release(stream)
        guard idleStreams.count >= Self.idleBound else { return idleStreams.append(stream) }
        stream.detach()
        memory.note()
    }

    /// A request was freed that no pool takes.
    func noteFreed() { memory.note() }

    private func emptyPools() {
        while let stream = idleStreams.popLast() { stream.detach() }
        while let stream = idleHTTP2Streams.popLast() { stream.detach() }
        RequestPause.emptyPool(of: self)
        for empty in poolEmptiers { empty() }
        loop.emptyPools()
    }
}

/// Ends a shutdown that takes too long: the loop stops, and the process takes its connections with it.
private final class ShutdownTimer: Endpoint {
    /// It owns this.
    unowned var engine: Engine?

    init(loop: EventLoop) {
        super.init(loop: loop, descriptor: -1)
    }

    override func inputTimedOut() {
        engine?.cutOff()
    }
}

/// Lines that many answers share: `Date`, made once a second, and the last few of `Last-Modified`.
final class CommonLines {
    private let dateLine = Buffer(capacity: 64)
    private let date = Buffer(capacity: 32)
    private var second = -1
    /// What `Server` says without and with the version, and the line with `Date` behind it.
    private let products = List<Buffer>(capacity: 2)
    private let openings = List<Buffer>(capacity: 2)
    private let openingSeconds = List<Int>(capacity: 2)
    private let modifiedLines = (0..<16).map { _ in Buffer(capacity: 64) }
    private let modifiedSeconds = List<Int>(capacity: 16)

    init() {
        for _ in modifiedLines { modifiedSeconds.append(-1) }
        for _ in 0..<2 {
            products.append(Buffer(capacity: 64))
            openings.append(Buffer(capacity: 128))
            openingSeconds.append(-1)
        }
    }

    func appendLastModified(_ seconds: Int, to output: Buffer) {
        let place = seconds & 15
        let line = modifiedLines[place]
        if modifiedSeconds[place] != seconds {
            modifiedSeconds[place] = seconds
            line.removeAll()
            line.append("Last-Modified: ")
            line.append(httpDate: seconds)
            line.append("\r\n")
        }
        output.append(line)
    }

    /// Both lines as they are where nobody has set either. False: the location's name of the server depends on the request.
    func appendServerAndDate(of request: Request, at seconds: Int, to output: Buffer) -> Bool {
        guard let place = place(of: request, at: seconds) else { return false }
        openings.lend(place) { output.append($0) }
        return true
    }

    /// The value of `Server` alone. False: as above.
    func appendServer(of request: Request, at seconds: Int, to output: Buffer) -> Bool {
        guard let place = place(of: request, at: seconds) else { return false }
        products.lend(place) { output.append($0) }
        return true
    }

    /// Where the texts stand that hold for the request; nil: nowhere.
    func place(of request: Request, at seconds: Int) -> Int? {
        let place: Int? = request.lendLocation {
            switch $0.core.value.serverTokens {
            case .off: 0
            case .on, .build: 1
            case .text: nil
            }
        }
        if let place, openingSeconds[place] != seconds { make(place, request, seconds) }
        return place
    }

    private func make(_ place: Int, _ request: Request, _ seconds: Int) {
        openingSeconds[place] = seconds
        let product = products[place]
        product.removeAll()
        request.appendProduct(to: product)
        let lines = openings[place]
        lines.removeAll()
        lines.append("Server: ")
        lines.append(product)
        lines.append("\r\n")
        appendDate(at: seconds, to: lines)
    }

    func appendDate(at seconds: Int, to output: Buffer) {
        if seconds != second { makeDate(seconds) }
        output.append(dateLine)
    }

    /// The value alone.
    func appendDateValue(at seconds: Int, to output: Buffer) {
        if seconds != second { makeDate(seconds) }
        output.append(date)
    }

    private func makeDate(_ seconds: Int) {
        second = seconds
        date.removeAll()
        date.append(httpDate: seconds)
        dateLine.removeAll()
        dateLine.append("Date: ")
        dateLine.append(date)
        dateLine.append("\r\n")
    }
}
