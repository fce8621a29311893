import COpenSSL

/// Sessions that are resumed.
extension TLSContext {
    func setSessions(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) {
        _ = unsafe SSL_CTX_set_timeout(handle, settings.sessionTimeout)
        try identifySessions(settings, surroundings.sessionName)
        store(in: settings.sessionStorage)
        unsafe SSL_CTX_set_info_callback(handle, handshakeProgresses)
        if !settings.usesTickets { _ = unsafe SSL_CTX_set_options(handle, UInt64(APUS_NO_TICKET)) }
        if !settings.ticketKeyFiles.isEmpty {
            var keys: [TLSTicketKey] = []
            for path in settings.ticketKeyFiles { keys.append(try TLSTicketKeys.read(surroundings.path(path))) }
            useTickets(TLSTicketKeys(files: keys))
        } else if let sessions {
            useTickets(TLSTicketKeys(shared: sessions))
        }
    }

    private func store(in storage: TLSSessionStorage) {
        let builtin = storage.builtin ?? .none
        switch builtin {
        case .off:
            _ = unsafe apus_ctx_set_session_mode(handle, Int(SSL_SESS_CACHE_OFF))
            return
        case .none:
            // Some clients do without what they want to do when they are told that sessions cannot be resumed.
            _ = unsafe apus_ctx_set_session_mode(
                handle,
                Int(SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_AUTO_CLEAR | SSL_SESS_CACHE_NO_INTERNAL_STORE))
            _ = unsafe apus_ctx_set_session_count(handle, 1)
            return
        case .sessions(let count):
            _ = unsafe apus_ctx_set_session_mode(handle, Int(SSL_SESS_CACHE_SERVER))
            if let count { _ = unsafe apus_ctx_set_session_count(handle, count) }
        case .unused:
            let internalUse = storage.shared == nil ? 0 : SSL_SESS_CACHE_NO_INTERNAL
            _ = unsafe apus_ctx_set_session_mode(handle, Int(SSL_SESS_CACHE_SERVER | internalUse))
        }
        guard let shared = storage.shared else { return }
        sessions = shared
        unsafe SSL_CTX_sess_set_new_cb(handle, rememberSession)
        unsafe SSL_CTX_sess_set_get_cb(handle, recallSession)
        unsafe SSL_CTX_sess_set_remove_cb(handle, forgetSession)
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

/// Lets `body` see the id of a session.
@unsafe
private func withID<R>(of session: OpaquePointer?, _ body: (Span<UInt8>) -> R) -> R {
    var count: UInt32 = 0
    let start = unsafe SSL_SESSION_get_id(session, &count)
    return unsafe body(
        Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(start: start, count: Int(count))))
}

/// A session was made: remembers it. The answer says that no reference to it is kept.
private func rememberSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let cache = connection.context.sessions else {
        return 0
    }
    // With TLS 1.3 the client keeps its ticket; OpenSSL only tells that there is a session.
    if unsafe SSL_version(ssl) == TLS1_3_VERSION, unsafe SSL_get_options(ssl) & UInt64(APUS_NO_TICKET) == 0 {
        return 0
    }
    let count = Int(unsafe i2d_SSL_SESSION(session, nil))
    guard count > 0, count <= TLSSessionCache.longestSession else { return 0 }
    let bytes = connection.loop.largeBuffers.take()
    _ = unsafe bytes.fill(minimum: count) { space in
        var end = unsafe space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return Int(unsafe i2d_SSL_SESSION(session, &end))
    }
    let lifetime = unsafe SSL_CTX_get_timeout(connection.context.handle)
    unsafe withID(of: session) {
        cache.store(bytes.span, id: $0, now: connection.loop.wallSeconds, lifetime: lifetime)
    }
    bytes.wipe()
    connection.loop.largeBuffers.give(bytes)
    return 0
}

/// A client names a session: recalls it.
private func recallSession(
    _ ssl: OpaquePointer?, _ id: UnsafePointer<UInt8>?, _ count: Int32,
    _ isShared: UnsafeMutablePointer<Int32>?
) -> OpaquePointer? {
    unsafe isShared?.pointee = 0
    guard let connection = unsafe TLSConnection.of(ssl), let cache = connection.context.sessions else {
        return nil
    }
    let name = unsafe Span<UInt8>(
        _unsafeBytes: UnsafeRawBufferPointer(start: id, count: Int(count)))
    let bytes = connection.loop.largeBuffers.take()
    defer {
        bytes.wipe()
        connection.loop.largeBuffers.give(bytes)
    }
    guard cache.find(name, now: connection.loop.wallSeconds, into: bytes) else { return nil }
    return unsafe bytes.span.withUnsafeBytes { raw in
        var start = unsafe raw.baseAddress?.assumingMemoryBound(to: UInt8.self)
        return unsafe d2i_SSL_SESSION(nil, &start, raw.count)
    }
}

/// A session is not to be resumed any more.
private func forgetSession(_ context: OpaquePointer?, _ session: OpaquePointer?) {
    guard let cache = unsafe TLSContext.of(context)?.sessions else { return }
    unsafe withID(of: session) { cache.remove($0) }
}

/// With TLS 1.3 OpenSSL counts a session's time anew whenever it is resumed, so that it could go on for ever, past the end of a
/// client's certificate. Here the time that is left is what a resumed session gets.
private func handshakeProgresses(_ ssl: OpaquePointer?, _ place: Int32, _ unused: Int32) {
    guard place & SSL_CB_ACCEPT_LOOP == SSL_CB_ACCEPT_LOOP, unsafe SSL_version(ssl) == TLS1_3_VERSION,
        let session = unsafe SSL_get_session(ssl), let connection = unsafe TLSConnection.of(ssl),
        !connection.isSessionTimeSet
    else { return }
    connection.isSessionTimeSet = true
    let now = connection.loop.wallSeconds
    let age = now - Int(unsafe SSL_SESSION_get_time(session))
    let configured = Int(unsafe SSL_CTX_get_timeout(connection.context.handle))
    let limit = min(Int(unsafe SSL_SESSION_get_timeout(session)), configured)
    if age >= limit {
        // Another identity: it is not resumed.
        _ = unsafe SSL_SESSION_set1_id_context(session, "", 0)
    } else {
        _ = unsafe SSL_SESSION_set_time(session, now)
        _ = unsafe SSL_SESSION_set_timeout(session, limit - age)
    }
}

extension TLSConnection {
    /// The session is not to be resumed: what was shown in it does not suffice.
    func forgetSession() {
        guard let session = unsafe SSL_get_session(ssl) else { return }
        _ = unsafe SSL_CTX_remove_session(context.handle, session)
        if let cache = context.sessions { unsafe withID(of: session) { cache.remove($0) } }
    }
}
