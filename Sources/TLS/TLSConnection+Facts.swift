import COpenSSL

/// What can be told of a connection, as nginx's variables tell it. Each method appends its text, and returns false if there is none.
extension TLSConnection {
    /// `TLSv1.3`.
    func appendProtocol(to out: Buffer) {
        if let text = unsafe SSL_get_version(ssl) { unsafe OpenSSLErrors.append(text, to: out) }
    }

    func appendCipher(to out: Buffer) {
        let cipher = unsafe SSL_get_current_cipher(ssl)
        if let text = unsafe SSL_CIPHER_get_name(cipher) { unsafe OpenSSLErrors.append(text, to: out) }
    }

    /// The ciphers that the client offered, with colons between them.
    func appendOfferedCiphers(to out: Buffer) -> Bool {
        let width = unsafe apus_ssl_cipher_width(ssl)
        var list: UnsafePointer<UInt8>?
        let count = unsafe apus_ssl_ciphers(ssl, &list)
        guard width > 0, let list = unsafe list, count >= width else { return false }
        for index in 0..<count / width {
            if index > 0 { out.append(ASCII.colon) }
            let code = unsafe list + index * width
            if let cipher = unsafe SSL_CIPHER_find(ssl, code),
                let name = unsafe SSL_CIPHER_get_name(cipher)
            {
                unsafe OpenSSLErrors.append(name, to: out)
            } else {
                out.append("0x")
                for place in 0..<width { out.append(hex: UInt64(unsafe code[place]), width: 2) }
            }
        }
        return true
    }

    /// The group of the key exchange.
    func appendCurve(to out: Buffer) -> Bool {
        let group = unsafe apus_ssl_group(ssl)
        if group == 0 { return false }
        appendGroup(Int32(truncatingIfNeeded: group), to: out)
        return true
    }

    /// The groups that the client offered.
    func appendOfferedCurves(to out: Buffer) -> Bool {
        let count = Int(unsafe apus_ssl_groups(ssl, nil))
        guard count > 0 else { return false }
        var groups = [Int32](repeating: 0, count: count)
        let filled = unsafe groups.withUnsafeMutableBufferPointer {
            Int(unsafe apus_ssl_groups(ssl, $0.baseAddress))
        }
        for index in 0..<min(count, filled) {
            if index > 0 { out.append(ASCII.colon) }
            appendGroup(groups[index], to: out)
        }
        return true
    }

    private func appendGroup(_ group: Int32, to out: Buffer) {
        // Groups that OpenSSL has no object for carry their number with this bit.
        let isUnknown = group & TLSEXT_nid_unknown != 0
        let name = unsafe isUnknown ? SSL_group_to_name(ssl, group) : OBJ_nid2sn(group)
        if let name = unsafe name { return unsafe OpenSSLErrors.append(name, to: out) }
        out.append("0x")
        out.append(hex: UInt64(group & 0xFFFF), width: 4)
    }

    /// The numbers of the signature algorithms that the client offered: OpenSSL's names for them are not those of the protocol.
    func appendOfferedSignatures(to out: Buffer) -> Bool {
        let count = unsafe SSL_get_sigalgs(ssl, -1, nil, nil, nil, nil, nil)
        guard count > 0 else { return false }
        for index in 0..<count {
            var signature: UInt8 = 0
            var digest: UInt8 = 0
            _ = unsafe SSL_get_sigalgs(ssl, index, nil, nil, nil, &signature, &digest)
            if index > 0 { out.append(ASCII.colon) }
            out.append("0x")
            out.append(hex: UInt64(digest) << 8 | UInt64(signature), width: 4)
        }
        return true
    }

    func appendSessionID(to out: Buffer) -> Bool {
        guard let session = unsafe SSL_get_session(ssl) else { return false }
        var count: UInt32 = 0
        guard let id = unsafe SSL_SESSION_get_id(session, &count), count > 0 else { return false }
        for index in 0..<Int(count) { out.append(hex: UInt64(unsafe id[index]), width: 2) }
        return true
    }

    var isSessionReused: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// A request is being served although the handshake is not over.
    var isEarly: Bool { unsafe SSL_is_init_finished(ssl) == 0 }

    func appendServerName(to out: Buffer) -> Bool {
        guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return false }
        unsafe OpenSSLErrors.append(name, to: out)
        return true
    }

    /// The protocol that was chosen, such as `h2`.
    func appendSelectedProtocol(to out: Buffer) -> Bool {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        guard count > 0 else { return false }
        unsafe out.append(
            Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: Int(count))))
        return true
    }

    /// Whether the client and the server have agreed upon a protocol.
    func hasSelected(_ name: StaticString) -> Bool {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        return unsafe Span<UInt8>(
            _unsafeBytes: UnsafeRawBufferPointer(start: start, count: Int(count))
        ).equals(name)
    }

    // MARK: - The peer's certificate

    /// The outcome of looking at the peer's certificate: OpenSSL's number, 0 if all is well or there is none.
    var verification: Int { unsafe SSL_get_verify_result(ssl) }

    /// OpenSSL's words for an outcome.
    static func appendText(ofVerification code: Int, to out: Buffer) {
        if let text = unsafe X509_verify_cert_error_string(code) {
            unsafe OpenSSLErrors.append(text, to: out)
        }
    }

    /// Whether an outcome only says that the authority is not known.
    static func isUntrustedAuthority(_ code: Int) -> Bool {
        switch Int32(truncatingIfNeeded: code) {
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, X509_V_ERR_CERT_UNTRUSTED,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            true
        default: false
        }
    }

    var hasPeerCertificate: Bool { unsafe SSL_get0_peer_certificate(ssl) != nil }

    /// The peer's certificate itself, or one of its fields.
    enum PeerField {
        case pem, subject, issuer, legacySubject, legacyIssuer, serial, fingerprint, validFrom, validUntil
        /// Whole days until the certificate ends.
        case daysLeft(now: Int)
    }

    func append(_ field: PeerField, to out: Buffer) -> Bool {
        guard let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return false }
        switch field {
        case .pem: return unsafe append(to: out) { unsafe PEM_write_bio_X509($0, certificate) == 1 }
        case .subject: return unsafe append(name: X509_get_subject_name(certificate), to: out)
        case .issuer: return unsafe append(name: X509_get_issuer_name(certificate), to: out)
        case .legacySubject: return unsafe append(line: X509_get_subject_name(certificate), to: out)
        case .legacyIssuer: return unsafe append(line: X509_get_issuer_name(certificate), to: out)
        case .serial:
            return unsafe append(to: out) {
                unsafe i2a_ASN1_INTEGER($0, X509_get_serialNumber(certificate)) > 0
            }
        case .fingerprint: return unsafe append(fingerprintOf: certificate, to: out)
        case .validFrom:
            return unsafe append(to: out) {
                unsafe ASN1_TIME_print($0, X509_get0_notBefore(certificate)) == 1
            }
        case .validUntil:
            return unsafe append(to: out) {
                unsafe ASN1_TIME_print($0, X509_get0_notAfter(certificate)) == 1
            }
        case .daysLeft(let now):
            var days: Int32 = 0
            var seconds: Int32 = 0
            let today = unsafe ASN1_TIME_set(nil, now)
            defer { unsafe ASN1_STRING_free(today) }
            guard unsafe ASN1_TIME_diff(&days, &seconds, today, X509_get0_notAfter(certificate)) == 1
            else { return false }
            out.append(decimal: max(Int(days), 0))
            return true
        }
    }

    /// Appends what is written to a BIO.
    @unsafe
    private func append(to out: Buffer, _ write: (OpaquePointer) -> Bool) -> Bool {
        guard let bio = unsafe BIO_new(BIO_s_mem()) else { return false }
        defer { unsafe BIO_free(bio) }
        guard unsafe write(bio) else {
            OpenSSLErrors.clear()
            return false
        }
        var data: UnsafeMutablePointer<CChar>?
        let count = unsafe apus_bio_data(bio, &data)
        unsafe out.append(Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(start: data, count: count)))
        return true
    }

    /// Appends a name as RFC 2253 writes it.
    @unsafe
    private func append(name: OpaquePointer?, to out: Buffer) -> Bool {
        unsafe append(to: out) {
            unsafe X509_NAME_print_ex($0, name, 0, UInt(APUS_NAME_RFC2253)) >= 0
        }
    }

    /// Appends a name as OpenSSL wrote it long ago: `/C=..../CN=...`.
    @unsafe
    private func append(line name: OpaquePointer?, to out: Buffer) -> Bool {
        guard let text = unsafe X509_NAME_oneline(name, nil, 0) else { return false }
        defer { unsafe CRYPTO_free(text, nil, 0) }
        unsafe OpenSSLErrors.append(text, to: out)
        return true
    }

    @unsafe
    private func append(fingerprintOf certificate: OpaquePointer, to out: Buffer) -> Bool {
        let start = out.count
        var count: UInt32 = 0
        _ = unsafe out.fill(minimum: Int(EVP_MAX_MD_SIZE)) { space in
            unsafe X509_digest(certificate, EVP_sha1(), space.baseAddress, &count) == 1 ? Int(count) : 0
        }
        let digest = Array(copying: out.span(start..<out.count))
        out.truncate(to: start)
        for byte in digest { out.append(hex: UInt64(byte), width: 2) }
        return !digest.isEmpty
    }
}
