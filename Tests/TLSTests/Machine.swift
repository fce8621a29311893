import Testing

@testable import ApusServer
@testable import Simulation

/// A side of a TLS connection without any socket: the test carries the bytes.
final class Machine {
    let loop: EventLoop
    let endpoint: Endpoint
    let tls: TLSConnection
    /// All plaintext that was opened.
    private(set) var plaintext: [UInt8] = []
    private(set) var events: [EndpointSecurity.Opening] = []
    private let sessions = TLSClientSessions()
    private let sessionKey: TLSClientSessions.Key

    init(
        _ context: TLSContext, _ role: TLSConnection.Role, host: TLSHost? = TestHost(),
        asking name: ByteString = .empty, session: TLSSession? = nil
    ) throws {
        sessionKey = .init(context: context, address: SocketAddress(ipv4: 1, port: 1), name: name)
        loop = try EventLoop(kernel: SimulatedKernel())
        endpoint = Endpoint(loop: loop, descriptor: -1)
        tls = try #require(
            TLSConnection(context, role, host: role == .server ? host : nil, endpoint: endpoint))
        endpoint.security = tls
        if !name.isEmpty { #expect(tls.ask(for: name)) }
        if role == .client {
            context.keepClientSessions()
            if let session { sessions.keep(session, for: sessionKey) }
            tls.useSessions(sessions, key: sessionKey)
        }
        #expect(tls.begin())
    }

    /// What is to be sent.
    func takeSealed() -> [UInt8] {
        guard let sealed = tls.sealed else { return [] }
        let bytes = Array(copying: sealed.span(tls.sealedStart..<sealed.count))
        tls.discardSealed()
        return bytes
    }

    /// Opens bytes as the loop does; false after a failure.
    @discardableResult
    func open(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while true {
            let opened = Buffer(capacity: 20_000)
            let outcome = tls.open(bytes.span, from: &position, into: opened)
            plaintext += Array(copying: opened.span)
            events.append(outcome)
            switch outcome {
            case .established: continue
            case .failed: return false
            case .more, .plain, .held, .ended: return true
            }
        }
    }

    func seal(_ bytes: [UInt8]) -> [UInt8] {
        let isSealed = tls.seal(bytes.span)
        #expect(isSealed)
        return takeSealed()
    }

    /// The last session that the server gave.
    var session: TLSSession? { sessions.session(for: sessionKey) }

    var hasEnded: Bool { events.contains { if case .ended = $0 { true } else { false } } }
    var message: String { tls.failure.map { ByteString($0.message.span).text } ?? "" }
}

/// Both sides.
struct MachinePair {
    let client: Machine
    let server: Machine

    init(
        _ server: TLSContext? = nil, client: TLSContext? = nil, host: TLSHost? = TestHost(),
        session: TLSSession? = nil
    ) throws {
        self.server = try Machine(server ?? TestContext.server(), .server, host: host)
        self.client = try Machine(client ?? TestContext.client(), .client, session: session)
    }

    /// Carries bytes to and fro until nothing is to be carried, `step` at a time.
    func settle(step: Int = .max) {
        while true {
            let up = client.takeSealed()
            let down = server.takeSealed()
            if up.isEmpty, down.isEmpty { return }
            for piece in up.pieces(of: step) { server.open(piece) }
            for piece in down.pieces(of: step) { client.open(piece) }
        }
    }
}

extension MachinePair {
    /// Handshake, and a request, for which the client gets its tickets.
    func ask() {
        settle()
        server.open(client.seal([1]))
        settle()
    }
}

/// What a server decides in tests: it knows one name.
final class TestHost: TLSHost {
    var contexts: [String: TLSContext] = [:]
    var asked: [String?] = []
    var rejects = false

    override func choose(_ name: Span<UInt8>?, for connection: TLSConnection) -> Choice {
        var text: String?
        if let name { text = ByteString(name).text }
        asked.append(text)
        if rejects { return .reject }
        return .proceed(text.flatMap { contexts[$0] })
    }

    override func protocols(for connection: TLSConnection) -> StaticString { "\u{2}h2\u{8}http/1.1" }
}

enum TestContext {
    static func server(
        _ change: (inout TLSServerSettings) -> Void = { _ in }
    ) throws -> TLSContext {
        var settings = TLSServerSettings()
        settings.certificates = [word("data:" + TestCertificate.ecdsa)]
        settings.keys = [word("data:" + TestCertificate.ecdsaKey)]
        change(&settings)
        return try #require(try TLSContext.server(settings, surroundings()))
    }

    static func client(_ protocols: TLSProtocols = [.tls12, .tls13]) throws -> TLSContext {
        let context = try TLSContext()
        context.setProtocols(protocols)
        return context
    }

    static func surroundings() -> TLSContext.Surroundings {
        TLSContext.Surroundings(
            objects: TLSObjectCache(), folder: "/", registry: VariableRegistry(), sessionName: "HTTP",
            evaluation: Evaluation(prefix: "/", configurationPrefix: "/"),
            errorLog: ErrorLog(environment: LogEnvironment(program: "nginx")))
    }

    static func word(_ text: String) -> Word {
        Word(value: ByteString(text), position: Position(file: 0, line: 1, column: 1))
    }
}

extension [UInt8] {
    func pieces(of step: Int) -> [[UInt8]] {
        guard step < count else { return [self] }
        return stride(from: 0, to: count, by: step).map { Array(self[$0..<Swift.min($0 + step, count)]) }
    }

    init(text: String) { self = Array(text.utf8) }
}
