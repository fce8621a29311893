/// A client's HTTP/2 connection: many requests at a time, each on a stream. It takes the place of the HTTP/1 connection that the
/// client's preface was read on.
///
/// What streams have to say is noted, and made into frames when the loop is about to send: one write a turn for all of them.
final class HTTP2Connection: ServedConnection {
    /// The machine.
    let session: HTTP2ServerSession
    /// Streams under way.
    private(set) var openCount = 0
    /// Streams of which something was queued since the last time that all was sent, by their handles.
    private let queued = List<Int32>()
    /// Those of them that are being told that it was.
    private let told = List<Int32>()
    /// Streams that go on in the loop's next turn.
    private let waiting = List<HTTP2Stream>()
    private let continuing = List<HTTP2Stream>()
    /// Streams that have input to pass on when all that came is read.
    private let receivers = List<HTTP2Stream>()
    private var wantsGoAway = false
    /// The last server that was found to speak HTTP/2.
    private var admitting: ObjectIdentifier?
    private var isLingering = false

    /// What all streams of a connection may have queued at a time: more would only wait in memory instead of the kernel.
    static let queueBound = 64 * 1_024

    override init(replacing old: ServedConnection) {
        let server = old.server
        let settings = server.root.settings(HTTP2.slot)
        var limits = HTTP2Limits()
        limits.streams = settings.value.streams
        limits.window = settings.value.prereadSize
        limits.field = server.limits.largeBufferSize
        limits.head = server.limits.largeBufferSize * server.limits.largeBufferCount
        self.settings = server.root.core
        session = HTTP2ServerSession(limits: limits, departed: old.loop.departed)
        super.init(replacing: old)
        session.connection.object = self
        flags.insert(.gathersOutput)
        action = .multiplexing
    }

    /// What holds for the connection as a whole: the first server's, or that of the one whose name the handshake was for.
    let settings: Box<CoreSettings>

    // MARK: - Beginning

    /// The connection has taken its place. `bytes` are those that have come; they begin with the preface.
    func begin(_ bytes: Span<UInt8>) {
        engine.count(self, as: .waiting)
        if engine.isShuttingDown { session.terminate(.noError) }
        received(bytes)
        // What the server has to say does not wait for the client.
        if !isClosed { loop.flushLater(self) }
    }

    /// A stream begins: nil refuses it.
    func beginStream(_ id: Int32, _ handle: Int32, endsStream: Bool) -> HTTP2Stream? {
        let limits = session.limits
        guard openCount < limits.streams else {
            log(.info) { line in
                line.append("concurrent streams exceeded ")
                line.append(decimal: self.openCount)
            }
            return nil
        }
        if !session.settingsAreAcknowledged, !endsStream, limits.window < 65_535 {
            // It does not know yet that it must not send so much.
            log(.info) { $0.append("client sent stream with data before settings were acknowledged") }
            return nil
        }
        openCount += 1
        let stream = engine.takeStream(for: self, id: id, handle: handle)
        loop.clearInputDeadline(self)
        engine.count(self, as: .none)
        if settings.value.keepaliveTimeout == 0 || requestCount >= settings.value.keepaliveRequests
            || loop.now - acceptedAt > settings.value.keepaliveTime
        {
            wantsGoAway = true
        }
        return stream
    }

    /// Whether a server may be asked by HTTP/2 on this socket.
    func admits(_ server: VirtualServer) -> Bool {
        if binding.hasHTTP2 || admitting == ObjectIdentifier(server) { return true }
        guard server.root.settings(HTTP2.slot).value.isOn else { return false }
        admitting = ObjectIdentifier(server)
        return true
    }

    // MARK: - Input

    override func received(_ bytes: Span<UInt8>) {
        guard !isLingering else { return }
        session.receive(bytes, second: loop.now / 1_000)
        guard !isClosed else { return }
        passOnInput()
        guard !isClosed else { return }
        if wantsGoAway { session.endGracefully() }
        // A head that has begun has to come to its end.
        if session.current >= 0 { session.streams[Int(session.current)]?.awaitHead() }
        settle()
        guard hasOutput || session.wantsToSend || session.isFinished else { return }
        // At once, not at the end of the turn: the streams that this completes serve the next connection while the processor has
        // them in its cache. It is one write for a connection and turn all the same.
        loop.flush(self)
    }

    /// The stream has taken in what it passes on when all that came is read.
    func receives(_ stream: HTTP2Stream) {
        guard !stream.isReceiver else { return }
        stream.isReceiver = true
        receivers.append(stream)
    }

    private func passOnInput() {
        guard !receivers.isEmpty else { return }
        for index in receivers.indices {
            let stream = receivers[index]
            guard stream.isReceiver else { continue }
            stream.isReceiver = false
            if !isClosed { stream.drainInput() }
        }
        receivers.removeAll(keepingUpTo: 256)
    }

    /// An idle connection is kept for a while.
    private func settle() {
        guard openCount == 0, !isClosed, !isLingering, inputDeadline == .max else { return }
        engine.count(self, as: .waiting)
        loop.setInputDeadline(self, in: settings.value.keepaliveTimeout)
    }

    override func peerEnded() {
        if openCount > 0 { log(.info) { $0.append("client prematurely closed connection") } }
        end()
    }

    override func securityFailed() {
        if let failure = tls?.failure { log(failure) }
        peerEnded()
    }

    override func failed(_ error: Errno) {
        let streams = session.streams
        for index in streams.indices { streams[index]?.connectionFailed(error) }
        end()
    }

    override func inputTimedOut() {
        guard !isLingering else { return end() }
        session.terminate(.noError)
        loop.flush(self)
    }

    // MARK: - Output

    /// The stream has something to send.
    func sends(_ stream: HTTP2Stream) {
        session.schedule(stream.handle)
        loop.flushLater(self)
    }

    /// Something of the stream was queued.
    func noteQueued(_ stream: HTTP2Stream) {
        guard !stream.isQueued else { return }
        stream.isQueued = true
        queued.append(stream.handle)
    }

    override func gatherOutput() {
        guard !isLingering, !session.isOver else { return }
        session.makeFrames(into: loop.output(of: self), bound: Self.queueBound)
    }

    override func drained() {
        loop.clearOutputDeadline(self)
        tellQueued()
        guard !isClosed else { return }
        if session.isFinished { return closeGently() }
        if session.wantsToSend { loop.flushLater(self) }
        settle()
    }

    /// All that was queued has left: streams whose answers it completes are over.
    private func tellQueued() {
        // A stream that is told may have more sent, and be through with that before it returns.
        guard told.isEmpty else { return }
        let list = told
        while !queued.isEmpty, !hasOutput, !isClosed {
            list.swap(with: queued)
            for index in list.indices {
                if !isClosed { session.streams.lend(Int(list[index])) { $0.drained() } }
            }
            list.removeAll(keepingUpTo: 1_024)
        }
    }

    override func outputBlocked() {
        if !isLingering { loop.setOutputDeadline(self, in: settings.value.sendTimeout) }
    }

    override func outputTimedOut() {
        log(.info, errno: .timedOut) { $0.append("client timed out") }
        end()
    }

    override func fileEnded(at offset: Int) {}

    /// The stream goes on in the loop's next turn.
    func callSoon(_ stream: HTTP2Stream) {
        guard !stream.isWaiting else { return }
        stream.isWaiting = true
        waiting.append(stream)
        loop.callSoon(self)
    }

    override func called() {
        let list = continuing
        list.swap(with: waiting)
        for index in list.indices {
            list[index].isWaiting = false
            if !isClosed { list[index].called() }
        }
        list.removeAll(keepingUpTo: 64)
    }

    // MARK: - The end

    /// A stream's request is over.
    func finished(_ stream: HTTP2Stream) {
        guard let own = session.streams.take(Int(stream.handle)), own === stream else { preconditionFailure("a stream ends once") }
        openCount -= 1
        if stream.isQueued { forgetQueued(stream.handle) }
        if stream.isWaiting { waiting.remove(stream) }
        engine.giveBack(own)
        guard !isClosed else { return }
        settle()
        if session.wantsToSend || session.isFinished { loop.flushLater(self) }
    }

    private func forgetQueued(_ handle: Int32) {
        for index in queued.indices where queued[index] == handle { return queued.remove(at: index) }
    }

    override func shutDown() {
        guard !isLingering else { return }
        if openCount == 0 { session.terminate(.noError) } else { session.endGracefully() }
        loop.flushLater(self)
    }

    override func makeRoom() {
        guard openCount == 0 else { return }
        session.terminate(.noError)
        loop.flush(self)
        end()
    }

    /// Nothing will come or go any more.
    private func closeGently() {
        if session.error != .noError {
            log(.info) { line in
                line.append(self.session.reason)
                line.append(", HTTP/2 ends with ")
                line.append(self.session.error.text)
            }
        }
        abandonStreams()
        guard !isClosed else { return }
        guard settings.value.lingeringClose != .off, !hasPeerEnded else { return end() }
        isLingering = true
        session.close()
        _ = beginLingering(
            for: settings.value.lingeringTime, timeout: settings.value.lingeringTimeout)
    }

    private func abandonStreams() {
        let streams = session.streams
        for index in streams.indices { streams[index]?.connectionEnded() }
    }

    override func end() {
        guard !isClosed else { return }
        abandonStreams()
        guard !isClosed else { return }
        if !session.isOver { session.close() }
        session.connection.object = nil
        engine.connectionEnded(self)
        loop.close(self)
    }
}

extension List where Element == HTTP2Stream {
    fileprivate func remove(_ stream: HTTP2Stream) {
        for index in indices where self[index] === stream { return remove(at: index) }
    }
}
