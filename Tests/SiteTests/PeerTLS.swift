@testable import ApusServer
@testable import Simulation

/// TLS at the end of a connection that a script plays.
final class PeerTLS: PeerProtection {
    private let endpoint: Endpoint
    private let tls: TLSConnection
    /// What the script wanted to send before the handshake was over.
    private var early: [UInt8] = []

    /// - Parameter protocols: what is spoken, in the form of the extension.
    init?(_ context: TLSContext, _ role: TLSConnection.Role, on loop: EventLoop, protocols: StaticString? = nil) {
        endpoint = Endpoint(loop: loop, descriptor: -1)
        guard
            let made = TLSConnection(
                context, role, host: role == .server ? PeerHost(protocols) : nil, endpoint: endpoint)
        else { return nil }
        tls = made
        if role == .client, let protocols { made.offer(protocols) }
    }

    override func begin() -> [UInt8] {
        _ = tls.begin()
        return takeSealed()
    }

    private func takeSealed() -> [UInt8] {
        guard let sealed = tls.sealed else { return [] }
        let bytes = Array(copying: sealed.span(tls.sealedStart..<sealed.count))
        tls.discardSealed()
        return bytes
    }

    override func open(_ bytes: [UInt8]) -> (plaintext: [UInt8], reply: [UInt8]) {
        var plaintext: [UInt8] = []
        var position = 0
        loop: while true {
            let opened = Buffer(capacity: 20_000)
            let outcome = tls.open(bytes.span, from: &position, into: opened)
            plaintext += Array(copying: opened.span)
            switch outcome {
            case .established:
                _ = tls.seal(early.span)
                early = []
            case .failed, .more, .plain, .held, .ended: break loop
            }
        }
        return (plaintext, takeSealed())
    }

    override func seal(_ bytes: [UInt8]) -> [UInt8] {
        guard tls.isEstablished else {
            early += bytes
            return []
        }
        _ = tls.seal(bytes.span)
        return takeSealed()
    }

    override func end() -> [UInt8] {
        tls.sealEnd()
        return takeSealed()
    }
}

/// A server that speaks one protocol.
private final class PeerHost: TLSHost {
    private let spoken: StaticString

    init(_ protocols: StaticString?) { spoken = protocols ?? "\u{8}http/1.1" }

    override func protocols(for connection: TLSConnection) -> StaticString { spoken }
}

/// For a and b, good for a hundred years and trusted by nobody.
enum SiteCertificate {
    static let directives = """
        ssl_certificate "data:\(certificate)";
        ssl_certificate_key "data:\(key)";
        """

    static func client() throws -> TLSContext {
        let context = try TLSContext()
        context.setProtocols([.tls12, .tls13])
        return context
    }

    static func server() throws -> TLSContext {
        var settings = TLSServerSettings()
        settings.certificates = [word("data:" + certificate)]
        settings.keys = [word("data:" + key)]
        let surroundings = TLSContext.Surroundings(
            objects: TLSObjectCache(), folder: "/", registry: VariableRegistry(), sessionName: "HTTP",
            evaluation: Evaluation(prefix: "/", configurationPrefix: "/"),
            errorLog: ErrorLog(environment: LogEnvironment(program: "nginx")))
        guard let context = try TLSContext.server(settings, surroundings) else {
            preconditionFailure("a certificate is there, so a context is made")
        }
        return context
    }

    private static func word(_ text: String) -> Word {
        Word(value: ByteString(text), position: Position(file: 0, line: 1, column: 1))
    }

    private static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBgDCCASagAwIBAgIUFUdk6RnSr1aDZlVKRZa1ru9cL+owCgYIKoZIzj0EAwIw
        DDEKMAgGA1UEAwwBYTAgFw0yNjExMjgxNjE0NTFaGA8yMTI2MTEwNDE2MTQ1MVow
        DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKe7gqVFxmf5
        VX9d2vxXj90z9KRayrkw/ggmuWkqrX2pClkukv4iJhaidcLJd8oL9HRp88ytad31
        AzWz82ODiE6jZDBiMB0GA1UdDgQWBBRwuv1h81tsUmCHkEUMHwbqw687xjAfBgNV
        HSMEGDAWgBRwuv1h81tsUmCHkEUMHwbqw687xjAPBgNVHRMBAf8EBTADAQH/MA8G
        A1UdEQQIMAaCAWGCAWIwCgYIKoZIzj0EAwIDSAAwRQIhAPjkJaUsZTiJtjyjPKNR
        Pb2MVVyj4PWC6zaVZAi2j4NlAiBIht9o3Pp6aLixEqFal0JEx1GmkaxWt6yz5qwk
        Ws+Q5w==
        -----END CERTIFICATE-----
        """
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgn3s5KuIUtXt9dWhQ
        oFLTdYHzoJoH0lyvSqI3RZ0TEcmhRANCAASnu4KlRcZn+VV/Xdr8V4/dM/SkWsq5
        MP4IJrlpKq19qQpZLpL+IiYWonXCyXfKC/R0afPMrWnd9QM1s/Njg4hO
        -----END PRIVATE KEY-----
        """
}
