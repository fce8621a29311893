import COpenSSL

/// What only clients do.
extension TLSConnection {
    /// Asks for a server by its name. False: it cannot be asked for.
    func ask(for name: ByteString) -> Bool {
        unsafe name.withCString { unsafe apus_ssl_set_host_name(ssl, $0) } == 1
    }
}
