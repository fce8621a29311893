/// Checks TLS without any socket. The first byte chooses what is fuzzed and how it is torn; the rest is
/// - what a client says, from its first byte on, to a server, or a server to a client;
/// - or changes to a handshake and to the data that follow it, each a place and a byte to put there, or to put in between.
///
/// Torn anywhere the same bytes tell the same. Plaintext that was changed on its way is never handed out, nor any before the
/// handshake is over. Traps if something does not hold.
public func fuzzTLS(_ input: [UInt8]) {
    guard let options = input.first else { return }
    let rest = Array(input.dropFirst())
    let version: TLSProtocols = options & 2 == 0 ? .tls13 : .tls12
    let step = Int(options >> 4) + 1
    if options & 1 == 0 {
        let role: TLSConnection.Role = options & 4 == 0 ? .server : .client
        let whole = FuzzedPeer(role, version)
        let torn = FuzzedPeer(role, version)
        whole.open(rest)
        torn.open(rest, step: step)
        require(whole.outcome == torn.outcome && whole.plaintext.isEmpty && torn.plaintext.isEmpty)
        require((whole.failure == nil) == (torn.failure == nil))
        return
    }
    let conversation = FuzzedConversation(version, changes: rest, changesClient: options & 4 == 0)
    conversation.run(step: options & 8 == 0 ? .max : step * 50)
}

/// One side of a connection.
private final class FuzzedPeer {
    enum Outcome {
        case more, plain, ended, failed
    }

    let tls: TLSConnection
    private let endpoint: Endpoint
    private let opened = FuzzedWorld.shared.opened
    private(set) var outcome = Outcome.more
    private(set) var plaintext: [UInt8] = []
    var failure: TLSConnection.Failure? { tls.failure }

    init(_ role: TLSConnection.Role, _ version: TLSProtocols) {
        let world = FuzzedWorld.shared
        endpoint = Endpoint(loop: world.loop, descriptor: -1)
        let context = role == .server ? world.server : version == .tls12 ? world.oldClient : world.client
        guard let made = TLSConnection(context, role, host: role == .server ? world.host : nil, endpoint: endpoint)
        else { preconditionFailure("no memory") }
        tls = made
        endpoint.security = made
        require(tls.begin())
    }

    func open(_ bytes: [UInt8], step: Int = .max) {
        var start = 0
        while start < bytes.count, outcome == .more {
            let end = min(start + min(step, bytes.count), bytes.count)
            openPart(bytes.span.extracting(start..<end))
            start = end
        }
        require(tls.unsentCount <= bytes.count * 64 + 32_768)
    }

    private func openPart(_ bytes: Span<UInt8>) {
        let count = bytes.count
        let opened = self.opened
        var position = 0
        while outcome == .more {
            opened.removeAll()
            let wasEstablished = tls.isEstablished
            let opening = tls.open(bytes, from: &position, into: opened)
            require(position <= count && (wasEstablished || opened.isEmpty))
            plaintext += Array(copying: opened.span)
            switch opening {
            case .established: require(tls.isEstablished)
            case .more: return require(position == count)
            case .plain:
                require(position == 0 && !tls.isEstablished)
                outcome = .plain
            case .ended: outcome = .ended
            case .failed, .held: outcome = .failed
            }
        }
    }

    func takeSealed() -> [UInt8] {
        guard let sealed = tls.sealed else { return [] }
        let bytes = Array(copying: sealed.span(tls.sealedStart..<sealed.count))
        tls.discardSealed()
        return bytes
    }
}

/// A client and a server, and somebody in between.
private final class FuzzedConversation {
    private let client: FuzzedPeer
    private let server: FuzzedPeer
    private let changes: [UInt8]
    private let changesClient: Bool
    private var next = 0
    /// Bytes of the changed direction so far.
    private var passed = 0
    private var saysClient = false
    private var saysServer = false
    private static let said: [UInt8] = (0..<6_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    init(_ version: TLSProtocols, changes: [UInt8], changesClient: Bool) {
        client = FuzzedPeer(.client, version)
        server = FuzzedPeer(.server, version)
        self.changes = changes
        self.changesClient = changesClient
    }

    func run(step: Int) {
        while true {
            say(client, &saysClient)
            say(server, &saysServer)
            let up = pass(client.takeSealed(), isChanged: changesClient)
            let down = pass(server.takeSealed(), isChanged: !changesClient)
            if up.isEmpty, down.isEmpty { break }
            server.open(up, step: step)
            client.open(down, step: step)
        }
        for end in [client, server] { require(Self.said.starts(with: end.plaintext)) }
        if next == 0 { require(client.plaintext == Self.said && server.plaintext == Self.said) }
    }

    private func say(_ end: FuzzedPeer, _ has: inout Bool) {
        guard !has, end.tls.isEstablished, end.outcome == .more else { return }
        has = true
        require(end.tls.seal(Self.said.span))
    }

    /// Three bytes are a change: how far behind the last one, of what kind, and the byte.
    private func pass(_ bytes: [UInt8], isChanged: Bool) -> [UInt8] {
        guard isChanged, !bytes.isEmpty else { return bytes }
        var bytes = bytes
        var position = 0
        while next + 2 < changes.count {
            position += Int(changes[next]) * (changes[next + 1] & 64 == 0 ? 1 : 64)
            guard position < bytes.count else { break }
            switch changes[next + 1] & 3 {
            case 0: bytes[position] ^= changes[next + 2]
            case 1: bytes.insert(changes[next + 2], at: position)
            case 2: bytes.remove(at: position)
            default: bytes.removeSubrange(position..<min(bytes.count, position + Int(changes[next + 2])))
            }
            next += 3
            if bytes.isEmpty { break }
        }
        return bytes
    }
}

/// What all connections have in common.
private final class FuzzedWorld: @unchecked Sendable {
    static let shared = FuzzedWorld()

    let loop: EventLoop
    let server: TLSContext
    let client: TLSContext
    let oldClient: TLSContext
    let host = FuzzedHost()
    let opened = Buffer()

    private init() {
        do {
            loop = try EventLoop(kernel: Kernel())
            var settings = TLSServerSettings()
            settings.certificates = [Self.word(FuzzedCertificate.certificate)]
            settings.keys = [Self.word(FuzzedCertificate.key)]
            let made = try TLSContext.server(
                settings,
                TLSContext.Surroundings(
                    objects: TLSObjectCache(), folder: "/", registry: VariableRegistry(), sessionName: "HTTP",
                    evaluation: Evaluation(prefix: "/", configurationPrefix: "/"),
                    errorLog: ErrorLog(environment: LogEnvironment(program: "nginx"))))
            guard let made else { preconditionFailure("no certificate") }
            server = made
            client = try TLSContext()
            client.setProtocols([.tls12, .tls13])
            oldClient = try TLSContext()
            oldClient.setProtocols(.tls12)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private static func word(_ text: StaticString) -> Word {
        Word(value: ByteString("data:\(text)"), position: Position(file: 0, line: 1, column: 1))
    }
}

private final class FuzzedHost: TLSHost {
    override func protocols(for connection: TLSConnection) -> StaticString { "\u{2}h2\u{8}http/1.1" }
}

/// Good for a hundred years and trusted by nobody.
enum FuzzedCertificate {
    static let certificate: StaticString = """
        -----BEGIN CERTIFICATE-----
        MIIBozCCAUqgAwIBAgIUCVWDfGj9/ej7yjqPsMf56CASHhIwCgYIKoZIzj0EAwIw
        FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODE0NDYyMloYDzIxMjYxMTA0
        MTQ0NjIyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
        PQMBBwNCAAS1IhehKgBOp7AhHs/VeRy4UL69p9dkZUTQNxV4lMEHslxtNW1MuS2g
        KG5pMEH4GeY3gD/zFCsV8hwsOFPv18Zro3gwdjAdBgNVHQ4EFgQU0L7a8RUE/wQO
        l5Wld929lOqb6KswHwYDVR0jBBgwFoAU0L7a8RUE/wQOl5Wld929lOqb6KswDwYD
        VR0TAQH/BAUwAwEB/zAjBgNVHREEHDAagglsb2NhbGhvc3SCDSouZXhhbXBsZS5j
        b20wCgYIKoZIzj0EAwIDRwAwRAIgO4GGb1wdvW8wCj+Jxi1FX3UNrSru4Yt4Tq+6
        l5m1IxMCIBAzebV7IFkvh6CQUNNi/ww2eFFoObS/i8ppGWeY0UVe
        -----END CERTIFICATE-----
        """
    static let key: StaticString = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggsM255ay/Lgx6fJ7
        Q5nHquG/3fhFdcamWUW128i3R6ihRANCAAS1IhehKgBOp7AhHs/VeRy4UL69p9dk
        ZUTQNxV4lMEHslxtNW1MuS2gKG5pMEH4GeY3gD/zFCsV8hwsOFPv18Zr
        -----END PRIVATE KEY-----
        """
}
