import COpenSSL

/// `ssl_ocsp`: clients' certificates are asked about before their requests are served.
final class TLSStatusRules: Sendable {
    /// Only the client's own certificate, not those of its authorities.
    let onlyLeaf: Bool
    /// Asked instead of those that the certificates name.
    let responder: OCSPResponder?
    let cache: OCSPCache?

    init(onlyLeaf: Bool, responder: OCSPResponder?, cache: OCSPCache?) {
        self.onlyLeaf = onlyLeaf
        self.responder = responder
        self.cache = cache
    }
}

/// Answers of responders in a zone that all workers and reloads share.
final class OCSPCache: @unchecked Sendable {
    private struct Record: BitwiseCopyable {
        var status: Int32
        /// The second up to which it is good.
        var expiry: Int
    }

    private let table: SharedTable<Record>
    /// Answers that do not say how long they are good.
    private static let standardLifetime = 3_600

    init(in zone: Zone) {
        table = SharedTable(in: zone, keyCapacity: 60)
    }

    func find(_ key: ByteString, now: Int) -> OCSPQuery.Standing? {
        table.withLock { table in
            guard let slot = table.find(key.span), let record = table.record(slot) else { return nil }
            guard record.expiry > now else {
                table.remove(slot)
                return nil
            }
            return OCSPQuery.Standing(rawValue: record.status)
        }
    }

    func store(_ answer: OCSPQuery.Answer, for key: ByteString, now: Int) {
        let expiry = answer.expiry == .max ? now + Self.standardLifetime : answer.expiry
        guard expiry >= now else { return }
        let record = Record(status: answer.status.rawValue, expiry: expiry)
        table.withLock { table in
            let (slot, isNew) = table.findOrInsert(key.span, record)
            if !isNew { _ = table.update(slot) { $0 = record } }
        }
    }
}

/// The questions about one client's certificates, one after the other.
@safe
final class TLSStatusCheck {
    enum Outcome {
        case pending
        case good
        /// No answer, or none that can be trusted.
        case failed
        case bad(OCSPQuery.Standing)
    }

    private(set) var outcome = Outcome.pending
    private unowned let connection: TLSConnection
    private let context: TLSContext
    private let rules: TLSStatusRules
    /// The client's certificate, then those of its authorities.
    private let chain: OpaquePointer
    private let count: Int
    private var next = 0
    private var exchange: OCSPExchange?
    /// The connection waits for the outcome.
    private var isAwaited = false

    /// Takes over the chain.
    @unsafe
    init(_ connection: TLSConnection, _ context: TLSContext, _ rules: TLSStatusRules, chain: OpaquePointer) {
        self.connection = connection
        self.context = context
        self.rules = rules
        unsafe self.chain = chain
        count = Int(unsafe apus_certificates_count(chain))
    }

    deinit {
        unsafe apus_certificates_free(chain)
    }

    /// Begins; true if the outcome is still to come, which `TLSConnection.statusKnown` tells.
    func start() -> Bool {
        askNext()
        guard case .pending = outcome else { return false }
        isAwaited = true
        return true
    }

    func cancel() {
        exchange?.cancel()
        exchange = nil
    }

    private func end(_ outcome: Outcome) {
        self.outcome = outcome
        if isAwaited { connection.statusKnown() }
    }

    private func askNext() {
        while true {
            if next >= count - 1 || rules.onlyLeaf && next == 1 { return end(.good) }
            guard let certificate = unsafe apus_certificates_at(chain, Int32(next)),
                let issuer = unsafe apus_certificates_at(chain, Int32(next + 1)),
                let responder = unsafe responder(of: certificate)
            else { return end(.failed) }
            next += 1
            let query = unsafe OCSPQuery(
                certificate, issuer: issuer, chain: chain, context: context, flags: 0)
            guard let cache = rules.cache else { return ask(query, responder, nil) }
            guard let key = query.makeKey() else { return end(.failed) }
            guard let known = cache.find(key, now: connection.loop.wallSeconds) else {
                return ask(query, responder, key)
            }
            if known != .good { return end(.bad(known)) }
        }
    }

    private func ask(_ query: OCSPQuery, _ responder: OCSPResponder, _ key: ByteString?) {
        let place = connection.host?.log(of: connection)
        guard let place else { return end(.failed) }
        let made = OCSPExchange(
            query, responder, loop: connection.loop, errorLog: place.log, connection: place.number
        ) { [unowned self] answer, _ in
            exchange = nil
            took(answer, key)
        }
        exchange = made
        made.start()
    }

    private func took(_ answer: OCSPQuery.Answer?, _ key: ByteString?) {
        guard let answer else { return end(.failed) }
        if let key { rules.cache?.store(answer, for: key, now: connection.loop.wallSeconds) }
        if answer.status != .good { return end(.bad(answer.status)) }
        askNext()
    }

    /// The configured responder, or the one that a certificate names; nil, and logged: there is none.
    @unsafe
    private func responder(of certificate: OpaquePointer) -> OCSPResponder? {
        if let configured = rules.responder { return configured }
        guard let url = unsafe OCSPQuery.responder(of: certificate) else {
            connection.host?.log(.error, about: connection) {
                $0.append("no OCSP responder URL in certificate")
            }
            return nil
        }
        do throws(AddressError) {
            return try OCSPResponder(url, resolves: false)
        } catch {
            connection.host?.log(.error, about: connection) { line in
                line.append(error.message)
                line.append(" in OCSP responder \"")
                line.append(url)
                line.append("\" in certificate")
            }
            return nil
        }
    }
}

extension TLSConnection {
    enum StatusStart {
        /// There is nothing to wait for.
        case known
        case pending
        case failed
    }

    /// Asks about the client's certificate, if that is to be done.
    func beginStatusCheck() -> StatusStart {
        guard let own = unsafe TLSContext.of(SSL_get_SSL_CTX(ssl)), let rules = own.statusRules,
            verification == 0, let certificate = unsafe SSL_get0_peer_certificate(ssl)
        else { return .known }
        guard let chain = unsafe verifiedChain(of: certificate, own) else { return .failed }
        let check = unsafe TLSStatusCheck(self, own, rules, chain: chain)
        statusCheck = check
        return check.start() ? .pending : .known
    }

    /// The chain that was verified, with a reference of its own. A session that is resumed has to be verified anew for it.
    @unsafe
    private func verifiedChain(of certificate: OpaquePointer, _ context: TLSContext) -> OpaquePointer? {
        if let known = unsafe SSL_get0_verified_chain(ssl) { return unsafe X509_chain_up_ref(known) }
        guard let store = unsafe X509_STORE_CTX_new() else { return nil }
        defer { unsafe X509_STORE_CTX_free(store) }
        guard
            unsafe X509_STORE_CTX_init(
                store, SSL_CTX_get_cert_store(context.handle), certificate,
                SSL_get_peer_cert_chain(ssl)) == 1,
            unsafe X509_verify_cert(store) > 0
        else { return nil }
        return unsafe X509_STORE_CTX_get1_chain(store)
    }

    /// What is wrong with the client's certificate by its responder's word, or nil.
    var statusComplaint: StaticString? {
        guard let outcome = statusCheck?.outcome else { return nil }
        switch outcome {
        case .good: return nil
        case .failed, .pending: return "certificate status request failed"
        case .bad(.revoked): return "certificate revoked"
        case .bad: return "certificate status unknown"
        }
    }
}
