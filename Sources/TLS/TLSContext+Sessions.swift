import COpenSSL

/// Sessions that are resumed.
extension TLSContext {
    func setSessions(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) {
        _ = unsafe SSL_CTX_set_timeout(handle, settings.sessionTimeout)
        try identifySessions(settings, surroundings.sessionName)
        _ = unsafe apus_ctx_set_session_mode(
            handle, Int(SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR | SSL_SESS_CACHE_NO_INTERNAL_STORE))
        _ = unsafe apus_ctx_set_session_count(handle, 1)
        if !settings.usesTickets { _ = unsafe SSL_CTX_set_options(handle, UInt64(APUS_NO_TICKET)) }
    }

    func takeEarlyData() {
        takesEarlyData = true
        _ = unsafe SSL_CTX_set_max_early_data(handle, 16 * 1_024)
    }

    /// A session is good only for servers with the same certificates that ask for the same clients' certificates: what tells such
    /// servers apart is hashed into an identity.
    private func identifySessions(
        _ settings: TLSServerSettings, _ name: ByteString
    ) throws(ConfigurationError) {
        let identity = Buffer(capacity: 256)
        identity.append(name)
        for chain in certificates { append(digestOf: chain, to: identity) }
        if certificates.isEmpty {
            for certificate in settings.certificates { identity.append(certificate.value) }
        }
        if let list = unsafe SSL_CTX_get_client_CA_list(handle) {
            for index in 0..<(unsafe apus_names_count(list)) {
                unsafe append(nameDigest: apus_names_at(list, index), to: identity)
            }
        }
        let digest = Buffer(capacity: 20)
        var sum = SHA1()
        sum.update(identity.span)
        sum.finish(into: digest)
        let code = unsafe digest.span.withUnsafeBytes {
            unsafe SSL_CTX_set_session_id_context(handle, $0.baseAddress, UInt32($0.count))
        }
        if code == 0 { throw Self.failure("SSL_CTX_set_session_id_context() failed") }
    }

    private func append(digestOf chain: TLSCertificates, to identity: Buffer) {
        _ = unsafe identity.fill(minimum: Int(EVP_MAX_MD_SIZE)) { space in
            var count: UInt32 = 0
            let code = unsafe X509_digest(chain.all[0], EVP_sha1(), space.baseAddress, &count)
            return code == 1 ? Int(count) : 0
        }
    }

    @unsafe
    private func append(nameDigest name: OpaquePointer?, to identity: Buffer) {
        _ = unsafe identity.fill(minimum: Int(EVP_MAX_MD_SIZE)) { space in
            var count: UInt32 = 0
            let code = unsafe X509_NAME_digest(name, EVP_sha1(), space.baseAddress, &count)
            return code == 1 ? Int(count) : 0
        }
    }
}
