import COpenSSL

/// What only clients do.
extension TLSConnection {
    /// Tells the server its name. False: it cannot be told.
    func ask(for name: ByteString) -> Bool {
        unsafe name.withCString { unsafe apus_ssl_set_host_name(ssl, $0) } == 1
    }

    /// Offers protocols, in the form of the extension.
    func offer(_ protocols: StaticString) {
        _ = unsafe SSL_set_alpn_protos(ssl, protocols.utf8Start, UInt32(protocols.utf8CodeUnitCount))
    }

    /// Resumes a session that the server gave for this key, if there is one, and keeps those that it gives.
    func useSessions(_ sessions: TLSClientSessions, key: TLSClientSessions.Key) {
        clientSessions = sessions
        sessionKey = key
        if let known = sessions.session(for: key), unsafe SSL_set_session(ssl, known.handle) == 0 {
            OpenSSLErrors.clear()
        }
    }

    /// Whether the server's certificate is for this name.
    func isPeerNamed(_ name: ByteString) -> Bool {
        guard !name.isEmpty, let certificate = unsafe SSL_get0_peer_certificate(ssl) else { return false }
        return unsafe name.withCString {
            unsafe X509_check_host(certificate, $0, name.count, 0, nil) == 1
        }
    }
}

extension TLSContext {
    /// Sessions are kept by whoever makes the connections: OpenSSL does not know which server is which.
    func keepClientSessions() {
        _ = unsafe apus_ctx_set_session_mode(
            handle, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
        unsafe SSL_CTX_sess_set_new_cb(handle, takeSession)
    }
}

/// A server has given a session; the answer says whether the reference to it is kept.
private func takeSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let sessions = connection.clientSessions,
        let key = connection.sessionKey, let session = unsafe session
    else { return 0 }
    sessions.keep(unsafe TLSSession(session), for: key)
    return 1
}

/// The sessions that servers have given to a worker's connections.
final class TLSClientSessions {
    /// Whom a session is good for: the same server, asked for by the same name, under the same rules.
    struct Key: Hashable {
        let context: ObjectIdentifier
        let address: SocketAddress
        let name: ByteString

        init(context: TLSContext, address: SocketAddress, name: ByteString) {
            self.context = ObjectIdentifier(context)
            self.address = address
            self.name = name
        }
    }

    private static let bound = 1_024
    private var sessions: [Key: TLSSession] = [:]

    func session(for key: Key) -> TLSSession? { sessions[key] }

    func keep(_ session: TLSSession, for key: Key) {
        // Names may come from clients: the memory for them is bounded.
        if sessions.count >= Self.bound, sessions[key] == nil { sessions.removeAll() }
        sessions[key] = session
    }
}
