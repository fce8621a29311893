import COpenSSL

/// Whose certificates are trusted.
extension TLSContext {
    /// Clients are asked for a certificate. Whatever they send lets the handshake go on: what follows from it is for the request to
    /// be told.
    func askForCertificates() {
        unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, acceptWhateverIsFound)
    }

    func setVerificationDepth(_ depth: Int) {
        unsafe SSL_CTX_set_verify(handle, SSL_CTX_get_verify_mode(handle), acceptWhateverIsFound)
        unsafe SSL_CTX_set_verify_depth(handle, Int32(clamping: depth))
    }

    /// Trusts the authorities in a file; with `namesThem` clients are told their names.
    func trust(
        _ source: TLSSource, _ cache: TLSObjectCache, namesThem: Bool = false
    ) throws(ConfigurationError) {
        let authorities: TLSCertificates
        do throws(TLSObjectError) {
            authorities = try cache.authorities(source)
        } catch {
            throw Self.failure("cannot load certificate \"\(source.text)\": \(error.message)")
        }
        let store = unsafe SSL_CTX_get_cert_store(handle)
        for unsafe certificate in unsafe authorities.all {
            if unsafe X509_STORE_add_cert(store, certificate) != 1 {
                throw Self.failure("X509_STORE_add_cert(\"\(source.text)\") failed")
            }
        }
        if namesThem { try name(authorities) }
    }

    /// The list of names that clients are sent, each once.
    private func name(_ authorities: TLSCertificates) throws(ConfigurationError) {
        guard let list = unsafe apus_names_new() else { throw Self.failure("sk_X509_NAME_new() failed") }
        for unsafe certificate in unsafe authorities.all {
            guard let name = unsafe X509_get_subject_name(certificate) else { continue }
            let isKnown = unsafe (0..<apus_names_count(list)).contains {
                unsafe X509_NAME_cmp(apus_names_at(list, $0), name) == 0
            }
            if isKnown { continue }
            guard let copy = unsafe X509_NAME_dup(name) else { continue }
            if unsafe apus_names_push(list, copy) == 0 { unsafe X509_NAME_free(copy) }
        }
        unsafe SSL_CTX_set_client_CA_list(handle, list)
    }

    /// Certificates in the lists of a file are not trusted any more.
    func revoke(_ source: TLSSource, _ cache: TLSObjectCache) throws(ConfigurationError) {
        let lists: TLSRevocations
        do throws(TLSObjectError) {
            lists = try cache.revocations(source)
        } catch {
            throw Self.failure("cannot load CRL \"\(source.text)\": \(error.message)")
        }
        let store = unsafe SSL_CTX_get_cert_store(handle)
        for unsafe list in unsafe lists.all {
            if unsafe X509_STORE_add_crl(store, list) != 1 {
                throw Self.failure("X509_STORE_add_crl(\"\(source.text)\") failed")
            }
        }
        _ = unsafe X509_STORE_set_flags(
            store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    }
}

/// OpenSSL notes what is wrong; who uses the connection looks at it.
private func acceptWhateverIsFound(_ isFine: Int32, _ store: OpaquePointer?) -> Int32 { 1 }
