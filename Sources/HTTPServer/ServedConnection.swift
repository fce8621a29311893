/// A client's connection that an engine serves, whatever protocol it speaks: what it is counted as, and how it ends.
class ServedConnection: ClientConnection {
    final let engine: Engine
    /// What the connection is counted as in `stub_status`.
    final var figure = Engine.Figure.none

    init(
        engine: Engine, descriptor: Int32, address: RawAddress, binding: ListenBinding,
        number: UInt64
    ) {
        self.engine = engine
        super.init(
            loop: engine.loop, descriptor: descriptor, address: address, binding: binding,
            number: number)
    }

    /// A proxy's header comes before TLS.
    final override func receivedPreamble(_ bytes: Span<UInt8>) -> Int {
        guard let end = takeProxyHeader(bytes) else {
            self.end()
            return bytes.count
        }
        if !awaitsProxyHeader { flags.remove(.preamble) }
        return end
    }

    /// The same connection in another protocol.
    init(replacing old: ServedConnection) {
        engine = old.engine
        super.init(replacing: old)
    }

    /// Closes the connection and whatever is under way.
    func end() {}

    /// The worker ends: closes the connection at once if no request is under way, else when its requests are answered.
    func shutDown() {}

    /// The worker waits no longer: breaks off what is under way.
    func cutOff() { end() }

    /// Whether it may be closed to make room for others, being counted as waiting. One that was only just accepted has a request
    /// on its way.
    var canMakeRoom: Bool { requestCount > 0 || loop.now - acceptedAt >= 1_000 }

    /// Ends at once, since another connection needs the place.
    func makeRoom() { end() }

    /// Tells the client that no more follows, and goes on reading for a while, so that what it still sends does not make the
    /// kernel throw away what it has not read yet. False: the connection has ended instead.
    final func beginLingering(for time: Int, timeout: Int) -> Bool {
        guard loop.shutdownSending(self) >= 0 else {
            end()
            return false
        }
        action = .closing
        engine.count(self, as: .writing)
        loop.setInputDeadline(self, in: min(time, timeout))
        loop.resumeReading(self)
        return true
    }
}
