/// What the directives of a TLS server set (`ssl_certificate` and its kin). The initial values are the defaults.
struct TLSServerSettings: Sendable {
    var protocols: TLSProtocols = [.tls12, .tls13]
    var ciphers: ByteString = "HIGH:!aNULL:!MD5"
    var prefersServerCiphers = false
    var curves: ByteString = "auto"
    var dhParameters = ByteString.empty
    var commands: [KeyValue] = []
    /// The plaintext of a record at most.
    var bufferSize = 16 * 1_024
    var takesEarlyData = false
    var rejectsHandshake = false

    // Certificates.
    var certificates: [Word] = []
    var keys: [Word] = []
    /// Of the keys' files; nil: there is no file of passwords.
    var passwords: TLSPasswords?
    /// Of certificates that variables name.
    var certificateCache: TLSCertificateCache?

    // Clients' certificates.
    var verification = ClientVerification.off
    var verificationDepth = 1
    var clientCertificates = ByteString.empty
    var trustedCertificates = ByteString.empty
    var revocations = ByteString.empty

    // What responders say of certificates.
    var stapling = false
    var staplingFile = ByteString.empty
    var staplingResponder = ByteString.empty
    var verifiesStaples = false
    var asksForStatus = StatusQuestions.off
    var statusResponder = ByteString.empty
    var statusCache: OCSPCache?

    // What this version of OpenSSL does not have.
    var compressesCertificates = false
    var helloKeys: [ByteString] = []

    // Sessions.
    var sessionTimeout = 300
    var usesTickets = true
    var sessionStorage = TLSSessionStorage()
    var ticketKeyFiles: [ByteString] = []

    enum StatusQuestions: Sendable {
        case off, on, leaf
    }

    enum ClientVerification: Sendable {
        case off, on, optional, optionalWithoutCA
    }
}

/// Versions of the protocol.
struct TLSProtocols: OptionSet, Sendable {
    let rawValue: UInt8
    init(rawValue: UInt8) { self.rawValue = rawValue }

    static let ssl2 = TLSProtocols(rawValue: 1)
    static let ssl3 = TLSProtocols(rawValue: 2)
    static let tls10 = TLSProtocols(rawValue: 4)
    static let tls11 = TLSProtocols(rawValue: 8)
    static let tls12 = TLSProtocols(rawValue: 16)
    static let tls13 = TLSProtocols(rawValue: 32)

    static let choices: [(String, TLSProtocols)] = [
        ("SSLv2", .ssl2), ("SSLv3", .ssl3), ("TLSv1", .tls10), ("TLSv1.1", .tls11), ("TLSv1.2", .tls12),
        ("TLSv1.3", .tls13),
    ]
}
