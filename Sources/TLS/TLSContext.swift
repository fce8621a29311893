import COpenSSL

/// What connections of one kind have in common: certificates, protocols, sessions. Frozen with the configuration.
@safe
final class TLSContext: @unchecked Sendable {
    let handle: OpaquePointer
    /// The plaintext of a record at most.
    var recordLimit = 16 * 1_024
    var takesEarlyData = false
    /// How many tickets of TLS 1.3 a client gets.
    private(set) var ticketCount = 0
    /// Where sessions are remembered besides OpenSSL's own cache.
    var sessions: TLSSessionCache?
    /// nil: OpenSSL's own keys.
    var ticketKeys: TLSTicketKeys?
    /// The certificates in the order of the configuration.
    private(set) var certificates: [TLSCertificates] = []
    /// Whether one of them has a key that TLS 1.3 knows a signature for; true without certificates.
    var signsForTLS13: Bool { certificates.isEmpty || hasKeyForTLS13 }
    private var hasKeyForTLS13 = false
    /// Their names, for messages.
    private(set) var certificateNames: [ByteString] = []
    var staples: [TLSStaple] = []
    /// What is asked about clients' certificates; nil: nothing.
    var statusRules: TLSStatusRules?
    /// Those that depend on the connection.
    var dynamicCertificates: TLSDynamicCertificates?

    init() throws(ConfigurationError) {
        OpenSSLLibrary.prepare()
        guard let made = unsafe SSL_CTX_new(TLS_method()) else {
            throw Self.failure("SSL_CTX_new() failed")
        }
        unsafe handle = made
        _ = unsafe SSL_CTX_set_ex_data(handle, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        unsafe SSL_CTX_free(handle)
    }

    /// The context that a callback of OpenSSL is about.
    @unsafe
    static func of(_ handle: OpaquePointer?) -> TLSContext? {
        guard let handle = unsafe handle, let data = unsafe SSL_CTX_get_ex_data(handle, 0) else {
            return nil
        }
        return unsafe Unmanaged<TLSContext>.fromOpaque(data).takeUnretainedValue()
    }

    /// nginx's message without a place, with what OpenSSL says.
    static func failure(_ text: String) -> ConfigurationError {
        var error = ConfigurationError(text + OpenSSLErrors.text())
        error.isPlaceless = true
        return error
    }

    static let noRenegotiation = UInt64(APUS_NO_RENEGOTIATION)

    /// Connections send tickets themselves (`TLSConnection`), as many as OpenSSL would.
    func takeOverTickets() {
        ticketCount = unsafe SSL_CTX_get_num_tickets(handle)
        _ = unsafe SSL_CTX_set_num_tickets(handle, 0)
    }

    // MARK: - Protocols and ciphers

    /// The options that every context has, and the versions that are spoken.
    func setProtocols(_ protocols: TLSProtocols) {
        // SSLv2 is long gone.
        let refusals = [
            (TLSProtocols.ssl3, APUS_NO_SSL3), (.tls10, APUS_NO_TLS1), (.tls11, APUS_NO_TLS1_1),
            (.tls12, APUS_NO_TLS1_2), (.tls13, APUS_NO_TLS1_3),
        ]
        for (version, option) in refusals {
            if protocols.contains(version) {
                _ = unsafe SSL_CTX_clear_options(handle, UInt64(option))
            } else {
                _ = unsafe SSL_CTX_set_options(handle, UInt64(option))
            }
        }
        _ = unsafe apus_ctx_set_min_version(handle, 0)
        _ = unsafe apus_ctx_set_max_version(handle, TLS1_3_VERSION)
        // Workers could not share a table of replays, and a peer that leaves without a word is no error.
        _ = unsafe SSL_CTX_set_options(
            handle,
            UInt64(APUS_NO_COMPRESSION | APUS_NO_ANTI_REPLAY | APUS_IGNORE_UNEXPECTED_EOF))
        // Buffers are given back when they are empty; chains are those configured and no others.
        _ = unsafe apus_ctx_set_mode(handle, APUS_RELEASE_BUFFERS | APUS_NO_AUTO_CHAIN)
    }

    func setCiphers(_ list: ByteString, prefersOwn: Bool) throws(ConfigurationError) {
        if unsafe list.withCString({ unsafe SSL_CTX_set_cipher_list(handle, $0) }) == 0 {
            throw Self.failure("SSL_CTX_set_cipher_list(\"\(list)\") failed")
        }
        if prefersOwn { _ = unsafe SSL_CTX_set_options(handle, UInt64(APUS_SERVER_PREFERENCE)) }
    }

    func setCurves(_ list: ByteString) throws(ConfigurationError) {
        if list == "auto" { return }
        if unsafe list.withCString({ unsafe apus_ctx_set_groups(handle, $0) }) == 0 {
            throw Self.failure("SSL_CTX_set1_curves_list(\"\(list)\") failed")
        }
    }

    /// Parameters of Diffie-Hellman from a file.
    func setParameters(_ path: ByteString) throws(ConfigurationError) {
        guard let bio = unsafe path.withCString({ unsafe BIO_new_file($0, "r") }) else {
            throw Self.failure("BIO_new_file(\"\(path)\") failed")
        }
        defer { unsafe BIO_free(bio) }
        guard let key = unsafe PEM_read_bio_Parameters(bio, nil) else {
            throw Self.failure("PEM_read_bio_Parameters(\"\(path)\") failed")
        }
        if unsafe SSL_CTX_set0_tmp_dh_pkey(handle, key) != 1 {
            unsafe EVP_PKEY_free(key)
            throw Self.failure("SSL_CTX_set0_tmp_dh_pkey(\"\(path)\") failed")
        }
    }

    /// `ssl_conf_command`: OpenSSL's own configuration commands. Files start at `folder`.
    func run(_ commands: [KeyValue], relativeTo folder: ByteString) throws(ConfigurationError) {
        if commands.isEmpty { return }
        guard let context = unsafe SSL_CONF_CTX_new() else {
            throw Self.failure("SSL_CONF_CTX_new() failed")
        }
        defer { unsafe SSL_CONF_CTX_free(context) }
        _ = unsafe SSL_CONF_CTX_set_flags(
            context,
            UInt32(
                SSL_CONF_FLAG_FILE | SSL_CONF_FLAG_SERVER | SSL_CONF_FLAG_CLIENT
                    | SSL_CONF_FLAG_CERTIFICATE | SSL_CONF_FLAG_SHOW_ERRORS))
        unsafe SSL_CONF_CTX_set_ssl_ctx(context, handle)
        for command in commands {
            let type = unsafe command.key.withCString { unsafe SSL_CONF_cmd_value_type(context, $0) }
            var value = command.value
            if type == SSL_CONF_TYPE_FILE || type == SSL_CONF_TYPE_DIR,
                value.isEmpty || value[0] != ASCII.slash
            {
                value = folder + value
            }
            let code = unsafe command.key.withCString { key in
                unsafe value.withCString { unsafe SSL_CONF_cmd(context, key, $0) }
            }
            if code <= 0 {
                throw Self.failure("SSL_CONF_cmd(\"\(command.key)\", \"\(value)\") failed")
            }
        }
        if unsafe SSL_CONF_CTX_finish(context) != 1 { throw Self.failure("SSL_CONF_finish() failed") }
    }

    // MARK: - Certificates

    /// Adds a certificate with its chain and its key.
    func use(
        _ certificate: TLSSource, key: TLSSource, passwords: TLSPasswords?, _ cache: TLSObjectCache
    ) throws(ConfigurationError) {
        var isFresh = false
        while true {
            let chain: TLSCertificates
            do throws(TLSObjectError) {
                chain = try cache.certificates(certificate, isFresh: isFresh)
            } catch {
                throw Self.failure("cannot load certificate \"\(certificate.text)\": \(error.message)")
            }
            try use(chain, named: certificate)
            let pair: TLSKey
            do throws(TLSObjectError) {
                pair = try cache.key(key, passwords: passwords, isFresh: isFresh)
            } catch {
                throw Self.failure("cannot load certificate key \"\(key.text)\": \(error.message)")
            }
            if unsafe SSL_CTX_use_PrivateKey(handle, pair.handle) == 1 {
                certificates.append(chain)
                if pair.signsForTLS13 { hasKeyForTLS13 = true }
                certificateNames.append(ByteString(certificate.text))
                return
            }
            // One of the two may have been renewed while the other was taken from the cache.
            guard !isFresh, OpenSSLErrors.last == .keyMismatch else {
                throw Self.failure("SSL_CTX_use_PrivateKey(\"\(key.text)\") failed")
            }
            OpenSSLErrors.clear()
            isFresh = true
        }
    }

    private func use(_ chain: TLSCertificates, named source: TLSSource) throws(ConfigurationError) {
        if unsafe SSL_CTX_use_certificate(handle, chain.all[0]) == 0 {
            throw Self.failure("SSL_CTX_use_certificate(\"\(source.text)\") failed")
        }
        guard let stack = unsafe chain.makeChain() else {
            throw Self.failure("sk_X509_dup() failed")
        }
        if unsafe apus_ctx_set_chain(handle, stack) == 0 {
            unsafe apus_certificates_free(stack)
            throw Self.failure("SSL_CTX_set0_chain(\"\(source.text)\") failed")
        }
    }
}

extension OpenSSLErrors.Code {
    static let keyMismatch = OpenSSLErrors.Code(
        library: ERR_LIB_X509, reason: X509_R_KEY_VALUES_MISMATCH)
}

/// OpenSSL as a whole.
enum OpenSSLLibrary {
    /// `OpenSSL 3.0.19 27 Jan 2026`, as it runs.
    static var version: String {
        guard let text = unsafe OpenSSL_version(OPENSSL_VERSION) else { return "" }
        return unsafe String(cString: text)
    }

    /// As it was when this program was built.
    static var builtVersion: String {
        guard let text = unsafe apus_openssl_built_with() else { return "" }
        return unsafe String(cString: text)
    }

    /// Loads the library's configuration, the section `nginx` of it, before its first use.
    static func prepare() { _ = isPrepared }

    private static let isPrepared: Bool = {
        guard let settings = unsafe OPENSSL_INIT_new() else { return false }
        _ = unsafe OPENSSL_INIT_set_config_appname(settings, "nginx")
        let code = unsafe OPENSSL_init_ssl(UInt64(OPENSSL_INIT_LOAD_CONFIG), settings)
        unsafe OPENSSL_INIT_free(settings)
        // It may leave errors behind although it succeeds.
        OpenSSLErrors.clear()
        return code == 1
    }()
}
