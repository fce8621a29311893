import COpenSSL

/// A question about one certificate to its authority's responder (RFC 6960), and the reading of the answer. Does no I/O.
@safe
final class OCSPQuery {
    /// What a responder says of a certificate.
    enum Standing: Int32, Sendable {
        case good = 0
        case revoked, unknown

        /// OpenSSL's word.
        var text: StaticString {
            switch self {
            case .good: "good"
            case .revoked: "revoked"
            case .unknown: "unknown"
            }
        }
    }

    struct Answer {
        let status: Standing
        /// The second up to which it is good; `Int.max` if it does not say.
        let expiry: Int
    }

    /// Why an answer is not taken, for the error log.
    struct Refusal: Error {
        let message: String
    }

    private let certificate: OpaquePointer
    private let issuer: OpaquePointer
    /// Certificates that may have signed the answer.
    private let chain: OpaquePointer?
    /// Whose authorities are trusted.
    private let context: TLSContext
    private let flags: UInt

    /// References of its own are taken. `chain` may be nil.
    @unsafe
    init(
        _ certificate: OpaquePointer, issuer: OpaquePointer, chain: OpaquePointer?,
        context: TLSContext, flags: UInt
    ) {
        _ = unsafe X509_up_ref(certificate)
        _ = unsafe X509_up_ref(issuer)
        unsafe self.certificate = certificate
        unsafe self.issuer = issuer
        unsafe self.chain = chain.flatMap { unsafe X509_chain_up_ref($0) }
        self.context = context
        self.flags = flags
    }

    deinit {
        unsafe X509_free(certificate)
        unsafe X509_free(issuer)
        if let chain = unsafe chain { unsafe apus_certificates_free(chain) }
    }

    /// Tells the certificate from all others: digests of its authority's name and key, and its number. Nil: it cannot be told.
    func makeKey() -> ByteString? {
        let key = Buffer(capacity: 64)
        let isDigested = unsafe append(to: key) {
            unsafe X509_NAME_digest(X509_get_subject_name(issuer), EVP_sha1(), $0, $1)
        }
        guard isDigested else { return nil }
        guard unsafe append(to: key, { unsafe X509_pubkey_digest(issuer, EVP_sha1(), $0, $1) }) else {
            return nil
        }
        let number = unsafe X509_get0_serialNumber(certificate)
        let count = Int(unsafe ASN1_STRING_length(number))
        guard count <= 20, let start = unsafe ASN1_STRING_get0_data(number) else { return nil }
        unsafe key.append(Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: count)))
        key.append(repeating: 0, count: 20 - count)
        return ByteString(key.span)
    }

    @unsafe
    private func append(
        to key: Buffer, _ digest: (UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>) -> Int32
    ) -> Bool {
        var isDone = false
        _ = unsafe key.fill(minimum: Int(EVP_MAX_MD_SIZE)) { space in
            var count: UInt32 = 0
            isDone = unsafe digest(space.baseAddress?.assumingMemoryBound(to: UInt8.self), &count) == 1
            return isDone ? Int(count) : 0
        }
        return isDone
    }

    /// Appends the question in binary form; false: OpenSSL could not make it.
    func appendQuestion(to out: Buffer) -> Bool {
        guard let request = unsafe OCSP_REQUEST_new() else { return false }
        defer { unsafe OCSP_REQUEST_free(request) }
        guard let id = unsafe OCSP_cert_to_id(nil, certificate, issuer) else { return false }
        if unsafe OCSP_request_add0_id(request, id) == nil {
            unsafe OCSP_CERTID_free(id)
            return false
        }
        let count = Int(unsafe i2d_OCSP_REQUEST(request, nil))
        guard count > 0 else { return false }
        _ = unsafe out.fill(minimum: count) { space in
            var end = unsafe space.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return Int(unsafe i2d_OCSP_REQUEST(request, &end))
        }
        return true
    }

    /// Reads an answer and verifies who made it, and when.
    func read(_ bytes: Span<UInt8>, now: Int) throws(Refusal) -> Answer {
        let response = unsafe bytes.withUnsafeBytes { raw in
            var start = unsafe raw.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return unsafe d2i_OCSP_RESPONSE(nil, &start, raw.count)
        }
        guard let response = unsafe response else { throw refusal("d2i_OCSP_RESPONSE() failed") }
        defer { unsafe OCSP_RESPONSE_free(response) }
        let outcome = unsafe OCSP_response_status(response)
        guard outcome == OCSP_RESPONSE_STATUS_SUCCESSFUL else {
            let text = unsafe OCSP_response_status_str(Int(outcome)).map { unsafe String(cString: $0) } ?? ""
            throw refusal("OCSP response not successful (\(outcome): \(text))")
        }
        guard let basic = unsafe OCSP_response_get1_basic(response) else {
            throw refusal("OCSP_response_get1_basic() failed")
        }
        defer { unsafe OCSP_BASICRESP_free(basic) }
        let store = unsafe SSL_CTX_get_cert_store(context.handle)
        guard unsafe OCSP_basic_verify(basic, chain, store, flags) == 1 else {
            throw refusal("OCSP_basic_verify() failed")
        }
        return try unsafe find(in: basic, now: now)
    }

    @unsafe
    private func find(in basic: OpaquePointer, now: Int) throws(Refusal) -> Answer {
        guard let id = unsafe OCSP_cert_to_id(nil, certificate, issuer) else {
            throw refusal("OCSP_cert_to_id() failed")
        }
        defer { unsafe OCSP_CERTID_free(id) }
        var status: Int32 = 0
        var since: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        var until: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>?
        guard unsafe OCSP_resp_find_status(basic, id, &status, nil, nil, &since, &until) == 1 else {
            throw refusal("certificate status not found in the OCSP response")
        }
        // Clocks may differ by five minutes.
        guard unsafe OCSP_check_validity(since, until, 300, -1) == 1 else {
            throw refusal("OCSP_check_validity() failed")
        }
        var expiry = Int.max
        if let until = unsafe until {
            guard let seconds = unsafe Self.seconds(until, now: now) else {
                throw refusal("invalid nextUpdate time in certificate status")
            }
            expiry = seconds
        }
        return Answer(status: Standing(rawValue: status) ?? .unknown, expiry: expiry)
    }

    @unsafe
    private static func seconds(_ time: UnsafeMutablePointer<ASN1_GENERALIZEDTIME>, now: Int) -> Int? {
        var days: Int32 = 0
        var seconds: Int32 = 0
        let present = unsafe ASN1_TIME_set(nil, now)
        defer { unsafe ASN1_STRING_free(present) }
        guard unsafe ASN1_TIME_diff(&days, &seconds, present, time) == 1 else { return nil }
        return now + Int(days) * 86_400 + Int(seconds)
    }

    private func refusal(_ text: String) -> Refusal { Refusal(message: text + OpenSSLErrors.text()) }

    /// The first responder that a certificate names.
    @unsafe
    static func responder(of certificate: OpaquePointer) -> ByteString? {
        guard let texts = unsafe apus_ocsp_responders(certificate) else { return nil }
        defer { unsafe apus_texts_free(texts) }
        guard let text = unsafe apus_text_at(texts, 0) else { return nil }
        return ByteString(unsafe String(cString: text))
    }
}

/// Where a responder is.
struct OCSPResponder: Sendable {
    let host: ByteString
    let uri: ByteString
    let port: UInt16
    /// Those known from the configuration, or because the host is an address.
    let addresses: [SocketAddress]

    /// Reads a URL, which has to begin with `http://`; `resolves` looks names up at once, as a configuration does.
    init(_ url: ByteString, resolves: Bool) throws(AddressError) {
        guard url.count > 7, url.span.extracting(0..<7).equalsIgnoringCase("http://") else {
            throw AddressError("invalid URL prefix")
        }
        let address = try AddressText(
            url.slice(7..<url.count), .init(allowsURI: true, resolves: resolves, defaultPort: 80))
        host = address.host
        port = address.port
        addresses = address.addresses
        uri = address.uri.isEmpty ? "/" : address.uri
    }
}
