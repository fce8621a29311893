package import Bytes
package import Configuration
package import EventLoop
public import Expression
package import HTTPMessage

/// A request on its way through the phases to its answer. Pooled: one object serves many requests, one after the other.
///
/// It is made of parts, each with one concern; modules keep their own state in `states`.
public final class Request: VariableScope {
    package let engine: RequestEngine
    /// Who asked.
    package var connection: ClientConnection
    /// How the answer gets there.
    package var stream: ClientStream
    package let head = RequestHead()
    package let routing: Routing
    package let response = Response()
    package let body = RequestBody()
    /// What is on its way through the body filters; a producer fills it and calls `sendBody`.
    package var outgoing = BodyChain()
    /// Who makes the answer over time, if somebody does.
    package var producer: Producer?
    /// The last exchange with an upstream, which the `$upstream_` variables read. It stays with the object for its memory's sake.
    package var exchange: Producer?
    /// What was being done, for the error log's " while ..."; see `log`.
    var logAction: StaticString = ""
    /// The state of modules for this request, by the index of their settings.
    package var states: [AnyObject?] = []
    /// Tries of upstreams, for the `$upstream_` variables.
    package var attempts: [UpstreamAttempt] = []
    package var timing = Timing()
    /// The stages of the response pipeline: those that this response needs, owned by the engine.
    package var pipeline: AnyObject?
    package var flags: Flags = []
    /// Bytes per second, 0 for no limit; set by `limit_rate`, X-Accel-Limit-Rate or `set $limit_rate`.
    package var limitRate = 0
    package var limitRateAfter = 0
    /// Bytes sent in answer, head included, and of the body alone.
    package var bytesSent = 0
    package var bodyBytesSent = 0
    /// How often a phase handler was asked in vain; for logging only.
    package var number: UInt64 = 0

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The connection stays open after this request, as far as it depends on the request.
        package static let keepAlive = Flags(rawValue: 1)
        /// A phase handler waits.
        package static let waiting = Flags(rawValue: 2)
        /// The client has gone, or the connection failed.
        package static let clientGone = Flags(rawValue: 4)
        /// The answer is complete as far as the modules go.
        package static let finished = Flags(rawValue: 8)
        /// The head was malformed: there is no method, path or header to rely on.
        package static let malformed = Flags(rawValue: 16)
        /// `limit_rate` was set for this request.
        package static let hasLimitRate = Flags(rawValue: 32)
        /// An `error_page` redirect is being served.
        package static let isErrorPage = Flags(rawValue: 64)
        /// The log phase has run.
        package static let logged = Flags(rawValue: 128)
        /// The connection is closed gently, reading what the client still sends.
        package static let lingers = Flags(rawValue: 256)
        /// The log must not tell of missing files.
        package static let isTimedOut = Flags(rawValue: 512)
    }

    /// Moments of one request.
    package struct Timing: Sendable {
        /// `loop.now` at the first byte.
        package var start = 0
        /// UTC milliseconds at the first byte.
        package var wallStart = 0
        package init() {}
    }

    package init(
        engine: RequestEngine, connection: ClientConnection, stream: ClientStream,
        server: VirtualServer
    ) {
        self.engine = engine
        self.connection = connection
        self.stream = stream
        routing = Routing(server: server, location: server.root)
        super.init(registry: connection.cycle.registry)
    }

    /// Makes the object ready for another request; buffers keep their memory.
    package func reset(
        connection: ClientConnection, stream: ClientStream, server: VirtualServer
    ) {
        self.connection = connection
        self.stream = stream
        resetVariables(registry: connection.cycle.registry)
        head.reset()
        head.bytes.removeAll()
        routing.reset(server: server)
        response.reset()
        body.reset()
        outgoing.removeAll()
        producer = nil
        exchange?.forget()
        if !states.isEmpty { states.removeAll(keepingCapacity: true) }
        if !attempts.isEmpty { attempts.removeAll(keepingCapacity: true) }
        pipeline = nil
        flags = []
        limitRate = 0
        limitRateAfter = 0
        bytesSent = 0
        bodyBytesSent = 0
        timing.start = connection.loop.now
        timing.wallStart = connection.loop.wallMilliseconds
    }

    // MARK: - Shorthands

    package var location: Location { routing.location }
    package var server: VirtualServer { routing.server }
    package var core: Box<CoreSettings> { routing.location.core }
    package var method: Method { head.method }
    package var cycle: HTTPCycle { connection.cycle }

    /// The value of the first header field of a well-known name, or nil.
    package func header(_ name: FieldName) -> ByteRange? {
        head.fields.firstValue(of: name)
    }

    /// What a module keeps for this request, or nil.
    package func state<S: AnyObject>(_ index: SettingsIndex, as type: S.Type) -> S? {
        guard index.rawValue < states.count else { return nil }
        return states[index.rawValue] as? S
    }

    package func setState(_ index: SettingsIndex, _ state: AnyObject?) {
        while states.count <= index.rawValue { states.append(nil) }
        states[index.rawValue] = state
    }

    // MARK: - Answering

    package func sendHead() { engine.sendHead(self) }

    /// Sends a piece of the body; `last` completes it.
    package func send(_ piece: Piece, last: Bool, flush: Bool = false) {
        outgoing.append(piece)
        outgoing.isLast = last
        outgoing.flush = flush
        engine.sendBody(self)
    }

    /// Completes the body without further bytes.
    package func sendLast() {
        outgoing.isLast = true
        engine.sendBody(self)
    }

    package func finish(_ status: Status) { engine.finish(self, code: status.rawValue) }
    package func resume() { engine.resume(self) }

    /// A short answer in one piece: sets length and type, sends head and body.
    package func answer(_ status: Status, type: ByteString, body: Buffer) {
        response.status = status
        response.setContentType(type)
        response.contentLength = body.count
        sendHead()
        if body.isEmpty || response.isHeadOnly {
            sendLast()
        } else {
            send(.shared(body, 0..<body.count), last: true)
        }
    }
}

/// One try of an upstream, for variables and the log.
package struct UpstreamAttempt: Sendable {
    package var address: ByteString
    package var status: UInt16 = 0
    /// Milliseconds; -1 for not reached.
    package var connectTime = -1
    package var headerTime = -1
    package var responseTime = -1
    package var bytesReceived = 0
    package var bytesSent = 0
    package var responseLength = 0

    package init(address: ByteString) {
        self.address = address
    }
}
