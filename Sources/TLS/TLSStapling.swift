import COpenSSL

/// The answer of a responder about one of our certificates, which is shown with it. It is the file's, or it is asked for when the
/// first client wants it, and again before it gets old. Each worker has its own.
final class TLSStaple: @unchecked Sendable {
    let certificates: TLSCertificates
    /// As the configuration names the certificate.
    private let name: ByteString
    private let issuer: TLSCertificate?
    private let responder: OCSPResponder?
    private let verifies: Bool
    private let errorLog: ErrorLog
    private var response: ByteString
    /// The second up to which the response is good.
    private var expiry: Int
    /// The second from which on another one is asked for.
    private var refreshAt = 0
    private var exchange: OCSPExchange?

    private static let retry = 300
    private static let longestRefresh = 3_600

    init(
        _ certificates: TLSCertificates, name: ByteString, response: ByteString, errorLog: ErrorLog
    ) {
        self.certificates = certificates
        self.name = name
        self.response = response
        self.errorLog = errorLog
        expiry = .max
        issuer = nil
        responder = nil
        verifies = false
    }

    init(
        _ certificates: TLSCertificates, name: ByteString, issuer: TLSCertificate,
        responder: OCSPResponder, verifies: Bool, errorLog: ErrorLog
    ) {
        self.certificates = certificates
        self.name = name
        self.issuer = issuer
        self.responder = responder
        self.verifies = verifies
        self.errorLog = errorLog
        response = .empty
        expiry = 0
    }

    /// The response, if there is one that is good now; asks for another if it is time.
    func current(_ loop: EventLoop, _ context: TLSContext) -> ByteString? {
        let now = loop.wallSeconds
        let isGood = !response.isEmpty && expiry >= now
        let shown = isGood ? response : nil
        refresh(loop, context, now)
        return shown
    }

    private func refresh(_ loop: EventLoop, _ context: TLSContext, _ now: Int) {
        guard let issuer, let responder, exchange == nil, refreshAt < now else { return }
        let flags = verifies ? OCSP_TRUSTOTHER : OCSP_NOVERIFY
        let chain = unsafe certificates.makeChain()
        defer { if let chain = unsafe chain { unsafe apus_certificates_free(chain) } }
        let query = unsafe OCSPQuery(
            certificates.all[0], issuer: issuer.handle, chain: chain, context: context,
            flags: UInt(flags))
        let made = OCSPExchange(
            query, responder, loop: loop, errorLog: errorLog, certificate: name
        ) { [unowned self, unowned loop] answer, bytes in
            took(answer, bytes, now: loop.wallSeconds)
        }
        exchange = made
        made.start()
    }

    private func took(_ answer: OCSPQuery.Answer?, _ bytes: ByteString, now: Int) {
        exchange = nil
        refreshAt = now + Self.retry
        guard let answer else { return }
        guard answer.status == .good else {
            errorLog.write(.error, connection: 0) {
                $0.append("certificate status \"")
                $0.append(answer.status.text)
                $0.append("\" in the OCSP response while requesting certificate status, certificate: \"")
                $0.append(name)
                $0.append(ASCII.quote)
            }
            return
        }
        response = bytes
        expiry = answer.expiry
        // Before the response gets old, but not more often than every five minutes, and at least every hour.
        let early = answer.expiry == .max ? Int.max : answer.expiry - Self.retry
        refreshAt = max(min(early, now + Self.longestRefresh), now + Self.retry)
    }
}

/// A certificate with a reference of its own.
@safe
final class TLSCertificate: @unchecked Sendable {
    let handle: OpaquePointer

    /// Takes over a reference.
    @unsafe
    init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        unsafe X509_free(handle)
    }
}

extension TLSContext {
    /// `ssl_stapling`: answers about the certificates are shown with them.
    func staple(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) {
        for (chain, name) in zip(certificates, certificateNames) {
            if !settings.staplingFile.isEmpty {
                let response = try Self.readResponse(surroundings.path(settings.staplingFile))
                staples.append(
                    TLSStaple(chain, name: name, response: response, errorLog: surroundings.errorLog))
                continue
            }
            guard let issuer = try issuer(of: chain, name, surroundings),
                let responder = responder(of: chain, name, settings.staplingResponder, surroundings)
            else { continue }
            staples.append(
                TLSStaple(
                    chain, name: name, issuer: issuer, responder: responder,
                    verifies: settings.verifiesStaples, errorLog: surroundings.errorLog))
        }
        _ = unsafe apus_ctx_set_status_callback(handle, showStaple)
    }

    private static func readResponse(_ path: ByteString) throws(ConfigurationError) -> ByteString {
        guard let bio = unsafe path.withCString({ unsafe BIO_new_file($0, "rb") }) else {
            throw failure("BIO_new_file(\"\(path)\") failed")
        }
        defer { unsafe BIO_free(bio) }
        let response = unsafe ASN1_item_d2i_bio(OCSP_RESPONSE_it(), bio, nil)
        guard let response = unsafe response.map({ OpaquePointer($0) }) else {
            throw failure("d2i_OCSP_RESPONSE_bio(\"\(path)\") failed")
        }
        defer { unsafe OCSP_RESPONSE_free(response) }
        let count = Int(unsafe apus_write_response(response, nil))
        guard count > 0 else { throw failure("i2d_OCSP_RESPONSE(\"\(path)\") failed") }
        let bytes = Buffer(capacity: count)
        _ = unsafe bytes.fill(minimum: count) { space in
            var end = unsafe space.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return Int(unsafe apus_write_response(response, &end))
        }
        return ByteString(bytes.span)
    }

    /// Who has signed a certificate: one of its chain, or of those that are trusted.
    private func issuer(
        of chain: TLSCertificates, _ name: ByteString, _ surroundings: Surroundings
    ) throws(ConfigurationError) -> TLSCertificate? {
        for unsafe candidate in unsafe chain.all.dropFirst()
        where unsafe X509_check_issued(candidate, chain.all[0]) == X509_V_OK {
            _ = unsafe X509_up_ref(candidate)
            return unsafe TLSCertificate(candidate)
        }
        guard let search = unsafe X509_STORE_CTX_new() else {
            throw Self.failure("X509_STORE_CTX_new() failed")
        }
        defer { unsafe X509_STORE_CTX_free(search) }
        guard unsafe X509_STORE_CTX_init(search, SSL_CTX_get_cert_store(handle), nil, nil) == 1 else {
            throw Self.failure("X509_STORE_CTX_init() failed")
        }
        var found: OpaquePointer?
        let code = unsafe X509_STORE_CTX_get1_issuer(&found, search, chain.all[0])
        if code < 0 { throw Self.failure("X509_STORE_CTX_get1_issuer() failed") }
        OpenSSLErrors.clear()
        if code > 0, let found = unsafe found { return unsafe TLSCertificate(found) }
        surroundings.warn(
            "\"ssl_stapling\" ignored, issuer certificate not found for certificate \"\(name)\"")
        return nil
    }

    private func responder(
        of chain: TLSCertificates, _ name: ByteString, _ configured: ByteString,
        _ surroundings: Surroundings
    ) -> OCSPResponder? {
        let url = unsafe configured.isEmpty ? OCSPQuery.responder(of: chain.all[0]) : configured
        guard let url else {
            surroundings.warn(
                "\"ssl_stapling\" ignored, no OCSP responder URL in the certificate \"\(name)\"")
            return nil
        }
        do throws(AddressError) {
            return try OCSPResponder(url, resolves: true)
        } catch {
            surroundings.warn(
                "\"ssl_stapling\" ignored, \(error.message) in OCSP responder \"\(url)\" "
                    + "in the certificate \"\(name)\"")
            return nil
        }
    }
}

/// A client asks for the status of the certificate that it is shown.
private func showStaple(_ ssl: OpaquePointer?, _ unused: UnsafeMutableRawPointer?) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl),
        let certificate = unsafe SSL_get_certificate(ssl),
        let context = unsafe TLSContext.of(SSL_get_SSL_CTX(ssl)),
        let staple = context.staples.first(where: { unsafe $0.certificates.all[0] == certificate }),
        let response = staple.current(connection.loop, context)
    else { return SSL_TLSEXT_ERR_NOACK }
    // OpenSSL frees what it is given.
    guard let copy = unsafe CRYPTO_malloc(response.count, nil, 0) else { return SSL_TLSEXT_ERR_NOACK }
    unsafe response.bytes.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        unsafe copy.copyMemory(from: start, byteCount: bytes.count)
    }
    _ = unsafe apus_ssl_set_status_response(
        ssl, copy.assumingMemoryBound(to: UInt8.self), response.count)
    return SSL_TLSEXT_ERR_OK
}
