import COpenSSL

@testable import ApusServer

/// What only tests do, or ask.
extension TLSConnection {
    /// Begins another handshake, as old clients do; false: this version of the protocol does not have it.
    func renegotiate() -> Bool {
        guard unsafe SSL_renegotiate(ssl) == 1 else {
            OpenSSLErrors.clear()
            return false
        }
        _ = unsafe SSL_do_handshake(ssl)
        OpenSSLErrors.clear()
        return true
    }

    /// Begins to use other keys, and asks the peer for the same or does not.
    func updateKeys(asking: Bool) -> Bool {
        unsafe SSL_key_update(ssl, asking ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1
    }

    /// The version that was agreed upon, as on the wire.
    var version: Int32 { unsafe SSL_version(ssl) }

    /// The peer has said that nothing follows.
    var hasHeardTheEnd: Bool { unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// The subject of the peer's certificate in OpenSSL's old form; nil without one.
    var peerName: String? {
        guard let certificate = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        defer { unsafe X509_free(certificate) }
        guard let text = unsafe X509_NAME_oneline(X509_get_subject_name(certificate), nil, 0) else {
            return nil
        }
        defer { unsafe CRYPTO_free(text, nil, 0) }
        return unsafe String(cString: text)
    }
}
