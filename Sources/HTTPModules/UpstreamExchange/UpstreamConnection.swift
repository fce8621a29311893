/// A connection to an upstream's peer. It belongs to one exchange at a time, or lies idle among its group's connections.
final class UpstreamConnection: Endpoint {
    /// Who uses it; nil while it is idle.
    let exchange: LentIfAny<UpstreamExchange>
    /// Where it lies while idle.
    fileprivate var place: KeepalivePool<UpstreamConnection>.Slot?
    /// Where it is kept when it is idle; nil if it is not.
    fileprivate let group: GroupConnections?
    /// Exchanges that used it, the present one included.
    private(set) var requests = 0
    let startedAt: Int
    /// What makes frames of requests (HTTP/2); nil: they are bytes that follow each other.
    private(set) var session: HTTP2ClientSession?
    /// The upstream was told whose connection it is: nobody else may use it.
    var isPersonal = false
    /// It has served an exchange before this one.
    var isReused: Bool { requests > 1 }

    init(loop: EventLoop, descriptor: Int32, group: GroupConnections?) {
        self.group = group
        exchange = LentIfAny(departed: loop.departed)
        startedAt = loop.now
        super.init(loop: loop, descriptor: descriptor)
    }

    func begin(for exchange: UpstreamExchange) {
        self.exchange.hold(exchange)
        requests += 1
    }

    /// The session, begun with the first request.
    func startSession() -> HTTP2ClientSession {
        if let session { return session }
        let made = HTTP2ClientSession(of: self)
        session = made
        flags.insert(.gathersOutput)
        return made
    }

    /// TLS on this connection, or nil.
    var tls: TLSConnection? { security as? TLSConnection }

    /// Age in milliseconds.
    var age: Int { loop.now - startedAt }

    /// Lies down among the idle ones of its group, when nothing is to be expected of it; false: there is no place, or it has
    /// served enough.
    func keep(peer: Int, tag: Int) -> Bool {
        guard let group else { return false }
        return group.keep(self, peer: peer, tag: tag)
    }

    fileprivate func drop() {
        guard let group else { return loop.close(self) }
        group.dropIdle(self)
    }

    // MARK: - What the loop tells

    override func received(_ bytes: Span<UInt8>) {
        if !exchange.isEmpty {
            exchange.lend { $0.received(bytes, on: self) }
        } else if session?.receiveIdle(bytes) != true {
            // An idle upstream has nothing to say, but about the connection itself: else whatever it sends ends it.
            return drop()
        }
        if session != nil, !isClosed { flushSession() }
    }

    private func flushSession() {
        if let session, session.wantsToSend { loop.flushLater(self) }
    }

    /// What a request may have queued at a time: more would only wait in memory instead of the kernel.
    private static let queueBound = 64 * 1_024

    override func gatherOutput() {
        session?.makeFrames(into: loop.output(of: self), bound: Self.queueBound)
    }

    override func moveInput() -> Int {
        let moved = exchange.lend { $0.moveBody(from: self) } ?? nil
        if let moved { return moved }
        // There is no body to be moved.
        flags.remove(.movesInput)
        return 0
    }

    override func peerEnded() {
        if exchange.lend({ $0.upstreamEnded() }) == nil { drop() }
    }

    override func connected() { exchange.lend { $0.connected() } }

    override func secured() { exchange.lend { $0.secured() } }

    override func securityFailed() {
        if exchange.lend({ $0.securityFailed() }) == nil { drop() }
    }

    override func failed(_ error: Errno) {
        if exchange.lend({ $0.connectionFailed(error) }) == nil { drop() }
    }

    override func drained() {
        if let session {
            if session.isFinished, exchange.isEmpty { return drop() }
            if session.wantsToSend { return loop.flushLater(self) }
        }
        exchange.lend { $0.upstreamDrained() }
    }

    override func outputBlocked() { exchange.lend { $0.upstreamBlocked() } }

    override func inputTimedOut() {
        if exchange.lend({ $0.readTimedOut() }) == nil { drop() }
    }

    override func outputTimedOut() { exchange.lend { $0.sendTimedOut() } }
}

/// A group's idle connections in one worker.
final class GroupConnections: UpstreamWorkerState {
    private let pool: KeepalivePool<UpstreamConnection>
    let loop: EventLoop
    let settings: KeepaliveSettings

    init(loop: EventLoop, settings: KeepaliveSettings) {
        self.loop = loop
        self.settings = settings
        pool = KeepalivePool(capacity: settings.connections)
    }

    /// An idle connection to a peer, if there is one. `tag` tells connections of differing settings apart.
    func take(peer: Int, tag: Int) -> UpstreamConnection? {
        guard pool.count > 0 else { return nil }
        guard let connection = pool.take(peer: peer, tag: settings.isLocal ? tag : 0) else {
            return nil
        }
        connection.place = nil
        loop.clearInputDeadline(connection)
        return connection
    }

    fileprivate func keep(_ connection: UpstreamConnection, peer: Int, tag: Int) -> Bool {
        guard settings.keeps(requests: connection.requests, age: connection.age) else {
            return false
        }
        let (place, evicted) = pool.keep(connection, peer: peer, tag: settings.isLocal ? tag : 0)
        connection.place = place
        loop.clearOutputDeadline(connection)
        loop.setInputDeadline(connection, in: settings.idleTimeout)
        loop.resumeReading(connection)
        if let evicted {
            evicted.place = nil
            loop.close(evicted)
        }
        return true
    }

    fileprivate func dropIdle(_ connection: UpstreamConnection) {
        if let place = connection.place { pool.remove(place) }
        connection.place = nil
        loop.close(connection)
    }
}

extension UpstreamConnection {
    /// Closes the idle connections of a worker that ends; those in use are closed after their exchange.
    static func closeIdle(on engine: RequestEngine) {
        engine.keepsUpstreams = false
        engine.loop.forEachEndpoint { endpoint in
            guard let connection = endpoint as? UpstreamConnection, connection.exchange.isEmpty
            else {
                return
            }
            connection.drop()
        }
    }
}
