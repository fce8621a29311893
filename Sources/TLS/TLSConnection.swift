import COpenSSL

/// TLS on one connection, as server or as client: OpenSSL's machine between the loop and the endpoint.
@safe
final class TLSConnection: EndpointSecurity {
    enum Role: Sendable {
        case server, client
    }

    private enum Phase {
        /// Nothing has come yet.
        case waiting
        case handshaking
        /// A client's data come before its handshake is over, by `ssl_early_data`.
        case early
        case open
    }

    /// Why the connection cannot go on, for the error log.
    struct Failure {
        let level: LogLevel
        let message: Buffer
    }

    let ssl: OpaquePointer
    let role: Role
    /// The context that the connection began with: its session cache and ticket keys hold, whatever context a name selects.
    let context: TLSContext
    /// Who decides what is left to decide; nil for clients.
    let host: TLSHost?
    private var phase = Phase.waiting
    private(set) var failure: Failure?
    /// What the handshake was refused for, when it was the host's wish.
    var isRejected = false
    /// A server name was looked at and taken.
    var isNameSettled = false
    /// The bytes being opened; valid while `open` runs.
    private var input: UnsafeRawPointer?
    private var inputCount = 0
    /// Early data that were read to see whether there are any.
    private var firstEarly: Buffer?
    private var sizing = RecordSizing()
    /// The name that a client takes its server by.
    var serverName = ByteString.empty
    /// Where a client keeps the sessions that the server gives it, and for whom.
    var clientSessions: TLSClientSessions?
    var sessionKey: TLSClientSessions.Key?
    /// The questions about the client's certificate, where they are asked.
    var statusCheck: TLSStatusCheck?
    /// Tickets of TLS 1.3 that the client gets when it has shown by its first data that it stays: they travel with the answer, where
    /// they cost neither a packet nor a call of their own, and whoever only says hello is not given any.
    private var owedTickets = 0
    /// Of a connection whose records the kernel seals: what OpenSSL writes now.
    var openRecord: OpenRecord?
    /// The peer has asked for other keys, which the kernel cannot be given.
    var isKeyUpdateRefused = false
    /// TLS 1.3's session has been given the time that is left to it.
    var isSessionTimeSet = false

    /// Nil if OpenSSL has no memory.
    init?(_ context: TLSContext, _ role: Role, host: TLSHost?, endpoint: Endpoint) {
        guard let made = unsafe SSL_new(context.handle) else { return nil }
        unsafe ssl = made
        self.context = context
        self.role = role
        self.host = host
        super.init(loop: endpoint.loop, endpoint: endpoint)
        sizing.limit = context.recordLimit
        guard let bio = unsafe TLSBytes.make(for: self) else { return nil }
        unsafe SSL_set_bio(ssl, bio, bio)
        _ = unsafe apus_ssl_set_app_data(ssl, Unmanaged.passUnretained(self).toOpaque())
        switch role {
        case .client: unsafe SSL_set_connect_state(ssl)
        case .server:
            unsafe SSL_set_accept_state(ssl)
            _ = unsafe SSL_set_options(ssl, TLSContext.noRenegotiation)
        }
    }

    deinit {
        // Without this OpenSSL would forget the session because the peer has not said that it leaves.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
    }

    /// The connection that a callback of OpenSSL is about.
    @unsafe
    static func of(_ ssl: OpaquePointer?) -> TLSConnection? {
        guard let ssl = unsafe ssl, let data = unsafe apus_ssl_app_data(ssl) else { return nil }
        return unsafe Unmanaged<TLSConnection>.fromOpaque(data).takeUnretainedValue()
    }

    /// Another context's limit holds from now on.
    func setRecordLimit(_ limit: Int) { sizing.limit = limit }

    // MARK: - The handshake

    override func begin() -> Bool {
        guard role == .client else { return true }
        phase = .handshaking
        return stepHandshake() != .failed
    }

    private func stepHandshake() -> Opening {
        let code = unsafe SSL_do_handshake(ssl)
        if code == 1 {
            phase = .open
            return established()
        }
        return handshakeFailed(code, "SSL_do_handshake() failed")
    }

    /// Plaintext may flow, unless the client's certificate has to be asked about first.
    private func established() -> Opening {
        if role == .server, unsafe SSL_version(ssl) == TLS1_3_VERSION {
            // Whoever came with a ticket gets one for it.
            owedTickets = isSessionReused ? min(context.ticketCount, 1) : context.ticketCount
        }
        switch role == .server ? beginStatusCheck() : .known {
        case .known:
            isEstablished = true
            return .established
        case .pending:
            isEstablished = true
            return .held
        case .failed:
            fail("X509_verify_cert() failed", isExpected: true)
            return .failed
        }
    }

    /// The outcome of the questions about the client's certificate is there.
    func statusKnown() { loop.resumeInput(of: self) }

    override func ended() {
        statusCheck?.cancel()
        statusCheck = nil
    }

    private func handshakeFailed(_ code: Int32, _ text: StaticString) -> Opening {
        let error = unsafe SSL_get_error(ssl, code)
        if error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE { return .more }
        if error == SSL_ERROR_ZERO_RETURN || OpenSSLErrors.isEmpty {
            fail("peer closed connection in SSL handshake", isExpected: true)
        } else if isRejected {
            OpenSSLErrors.clear()
            fail("handshake rejected", isExpected: true)
        } else {
            fail(text, isExpected: error == SSL_ERROR_SSL && OpenSSLErrors.isPeersFault)
        }
        return .failed
    }

    /// Notes a failure with what OpenSSL says about it. Those that are the peer's fault are no news about a client.
    private func fail(_ text: StaticString, isExpected: Bool) {
        let message = Buffer(capacity: 256)
        message.append(text)
        OpenSSLErrors.append(to: message)
        let level: LogLevel = isExpected ? (role == .server ? .info : .error) : .crit
        failure = Failure(level: level, message: message)
    }

    override func inputEnded() -> Bool {
        if isEstablished { return true }
        fail(
            phase == .waiting ? "client closed connection" : "peer closed connection in SSL handshake",
            isExpected: true)
        return false
    }

    // MARK: - Opening

    override func open(
        _ bytes: Span<UInt8>, from position: inout Int, into plaintext: Buffer
    ) -> Opening {
        if phase == .waiting {
            guard position < bytes.count else { return .more }
            // A record of a handshake, or SSLv2's greeting.
            guard bytes[position] & 0x80 != 0 || bytes[position] == 0x16 else { return .plain }
            phase = context.takesEarlyData ? .early : .handshaking
        }
        return unsafe bytes.withUnsafeBytes { whole in
            unsafe input = whole.baseAddress.map { unsafe $0 + position }
            inputCount = whole.count - position
            defer {
                unsafe input = nil
                inputCount = 0
            }
            let outcome: Opening
            switch phase {
            case .waiting, .handshaking: outcome = stepHandshake()
            case .early: outcome = readEarly(into: plaintext)
            case .open: outcome = read(into: plaintext)
            }
            position = whole.count - inputCount
            return outcome
        }
    }

    /// The largest plaintext of a record.
    private static let largestRecord = 16 * 1_024

    private func read(into plaintext: Buffer) -> Opening {
        let outcome = readRecords(into: plaintext)
        guard isSealedByKernel, unsafe isKeyUpdateRefused || SSL_get_key_update_type(ssl) != SSL_KEY_UPDATE_NONE
        else { return outcome }
        // OpenSSL answers when it writes next, and nothing is to be answered before it has.
        if !isKeyUpdateRefused { refuseKeyUpdate() }
        plaintext.removeAll()
        OpenSSLErrors.clear()
        fail("peer asked for other keys than the kernel seals with", isExpected: true)
        return .failed
    }

    private func readRecords(into plaintext: Buffer) -> Opening {
        while true {
            var code: Int32 = 0
            _ = unsafe plaintext.fill(minimum: Self.largestRecord) { space in
                var count = 0
                code = unsafe SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                return code == 1 ? count : 0
            }
            if code == 1 {
                if owedTickets > 0 { sendTickets() }
                // A record that is not complete would only be asked for in vain.
                if inputCount == 0, unsafe SSL_pending(ssl) == 0 { return .more }
                continue
            }
            switch unsafe SSL_get_error(ssl, code) {
            case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .more
            case SSL_ERROR_ZERO_RETURN: return .ended
            case SSL_ERROR_SSL:
                fail("SSL_read() failed", isExpected: OpenSSLErrors.isPeersFault)
                return .failed
            default:
                if OpenSSLErrors.isEmpty { return .ended }
                fail("SSL_read() failed", isExpected: false)
                return .failed
            }
        }
    }

    private func sendTickets() {
        while owedTickets > 0 {
            owedTickets -= 1
            _ = unsafe SSL_new_session_ticket(ssl)
        }
        // Without tickets the client can only not resume.
        if unsafe SSL_do_handshake(ssl) != 1 { OpenSSLErrors.clear() }
    }

    /// Data of a client that did not wait for the handshake's end.
    private func readEarly(into plaintext: Buffer) -> Opening {
        if let first = firstEarly {
            firstEarly = nil
            holdsPlaintext = false
            plaintext.append(first)
        }
        while true {
            var code: Int32 = 0
            let target = isEstablished ? plaintext : Buffer(capacity: Self.largestRecord)
            _ = unsafe target.fill(minimum: Self.largestRecord) { space in
                var count = 0
                code = unsafe SSL_read_early_data(ssl, space.baseAddress, space.count, &count)
                return code == SSL_READ_EARLY_DATA_SUCCESS ? count : 0
            }
            switch code {
            case SSL_READ_EARLY_DATA_SUCCESS:
                if isEstablished { continue }
                firstEarly = target
                holdsPlaintext = true
                return established()
            case SSL_READ_EARLY_DATA_FINISH:
                guard isEstablished else {
                    phase = .handshaking
                    return stepHandshake()
                }
                phase = .open
                return read(into: plaintext)
            default:
                return handshakeFailed(0, "SSL_read_early_data() failed")
            }
        }
    }

    // MARK: - Sealing

    override func seal(_ bytes: Span<UInt8>) -> Bool {
        // OpenSSL would hand the bytes on as they are.
        if isSealedByKernel { return false }
        var position = 0
        let isEarly = unsafe context.takesEarlyData && SSL_is_init_finished(ssl) == 0
        _ = sink(for: bytes.count + 512 + bytes.count / 32)
        while position < bytes.count {
            let part = sizing.next(of: bytes.count - position, now: loop.now)
            let isSealed = unsafe bytes.extracting(position..<position + part).withUnsafeBytes {
                var count = 0
                if isEarly {
                    return unsafe SSL_write_early_data(ssl, $0.baseAddress, $0.count, &count) == 1
                }
                return unsafe SSL_write_ex(ssl, $0.baseAddress, $0.count, &count) == 1
            }
            guard isSealed else {
                fail("SSL_write() failed", isExpected: OpenSSLErrors.isPeersFault)
                return false
            }
            position += part
        }
        return true
    }

    override func sealEnd() {
        guard unsafe SSL_in_init(ssl) == 0 else { return }
        // The peer's answer is not waited for.
        unsafe SSL_set_shutdown(ssl, SSL_get_shutdown(ssl) | SSL_RECEIVED_SHUTDOWN)
        if unsafe SSL_shutdown(ssl) < 0 { OpenSSLErrors.clear() }
    }

    // MARK: - What OpenSSL reads and writes

    /// Copies what is there of the input, at most `count` bytes.
    @unsafe
    func takeInput(_ space: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let part = min(count, inputCount)
        guard part > 0, let input = unsafe input else { return 0 }
        unsafe space.copyMemory(from: input, byteCount: part)
        unsafe self.input = input + part
        inputCount -= part
        return part
    }

    /// Takes what OpenSSL writes. False: it must not be sent.
    @unsafe
    func takeSealed(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if isSealedByKernel { return unsafe takeRecord(Span<UInt8>(_unsafeBytes: bytes)) }
        unsafe sink(for: bytes.count).append(Span<UInt8>(_unsafeBytes: bytes))
        return true
    }
}

/// How large records are: small on a connection that has been silent, since a client can use the first bytes of a record only when
/// it has all of it; full ones once data flow.
struct RecordSizing {
    /// `ssl_buffer_size`.
    var limit = 16 * 1_024
    private var smallSent = 0
    private var lastSeal = Int.min

    /// The plaintext of a record that fits into a packet of 1,460 bytes whatever the cipher.
    private static let smallSize = 1_369
    /// So much is sent in small records: what a sender has on its way at first, ten packets.
    private static let smallTotal = 10 * smallSize
    /// After a silence of so many milliseconds it begins anew.
    private static let silence = 1_000
    /// What fits into so many packets is sent as one record all the same.
    private static let wholeSize = 3 * smallSize

    /// How much of `count` bytes is sealed next.
    mutating func next(of count: Int, now: Int) -> Int {
        if lastSeal < now - Self.silence { smallSent = 0 }
        lastSeal = now
        if smallSent >= Self.smallTotal { return min(count, limit) }
        let size = count <= Self.wholeSize ? count : Self.smallSize
        smallSent += size
        return min(size, limit)
    }
}
