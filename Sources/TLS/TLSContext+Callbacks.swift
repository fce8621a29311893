import COpenSSL

/// What OpenSSL asks during a server's handshake.
extension TLSContext {
    func installServerCallbacks() {
        unsafe SSL_CTX_set_client_hello_cb(handle, clientGreets, nil)
        _ = unsafe apus_ctx_set_name_callback(handle, nameIsTaken)
        unsafe SSL_CTX_set_alpn_select_cb(handle, selectProtocol, nil)
    }

    /// Certificates are chosen anew for each connection.
    func installCertificateCallback(_ certificates: TLSDynamicCertificates) {
        dynamicCertificates = certificates
        unsafe SSL_CTX_set_cert_cb(handle, chooseCertificate, nil)
    }
}

/// The client's first message: the server name in it selects whose certificates, protocols and rules hold. This is the earliest
/// moment, before a session could be resumed under the rules of another server.
private func clientGreets(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let host = connection.host else {
        return SSL_CLIENT_HELLO_ERROR
    }
    if connection.isNameSettled { return SSL_CLIENT_HELLO_SUCCESS }
    func refuse(_ description: Int32) -> Int32 {
        unsafe alert?.pointee = description
        return SSL_CLIENT_HELLO_ERROR
    }
    var start: UnsafePointer<UInt8>?
    var count = 0
    let choice: TLSHost.Choice
    if unsafe SSL_client_hello_get0_ext(
        ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 0
    {
        choice = host.choose(nil, for: connection)
    } else {
        let extensionBytes = unsafe Span<UInt8>(
            _unsafeBytes: UnsafeRawBufferPointer(start: start, count: count))
        switch ServerNameExtension.read(extensionBytes) {
        case .malformed: return refuse(SSL_AD_DECODE_ERROR)
        case .unusable: return refuse(SSL_AD_UNRECOGNIZED_NAME)
        case .name(let range): choice = host.choose(extensionBytes.extracting(range), for: connection)
        }
    }
    switch choice {
    case .proceed(let context):
        if let context, context !== connection.context { connection.adopt(context) }
        if !(context ?? connection.context).signsForTLS13 {
            _ = unsafe apus_ssl_set_max_version(ssl, TLS1_2_VERSION)
        }
        connection.isNameSettled = true
        return SSL_CLIENT_HELLO_SUCCESS
    case .reject:
        connection.isRejected = true
        return refuse(SSL_AD_UNRECOGNIZED_NAME)
    case .fail:
        return refuse(SSL_AD_INTERNAL_ERROR)
    }
}

/// The name that `clientGreets` has chosen by is acknowledged (RFC 6066 3).
///
/// That there is somebody to ask about names keeps OpenSSL from finding out in each handshake whether the certificates do for TLS 1.3,
/// which takes it 4,000 instructions on 11 KB of code and tables that nothing else touches. `signsForTLS13` knows.
private func nameIsTaken(
    _ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?, _ unused: UnsafeMutableRawPointer?
) -> Int32 { SSL_TLSEXT_ERR_OK }

/// The extension that names the server (RFC 6066 3).
enum ServerNameExtension {
    enum Reading: Equatable {
        case name(Range<Int>)
        case malformed
        /// A name that is too long, or has a NUL in it.
        case unusable
    }

    private static let longestName = 255

    static func read(_ bytes: Span<UInt8>) -> Reading {
        guard bytes.count >= 5, Int(bytes[0]) << 8 + Int(bytes[1]) + 2 == bytes.count,
            bytes[2] == 0, Int(bytes[3]) << 8 + Int(bytes[4]) + 5 == bytes.count
        else { return .malformed }
        let name = bytes.extracting(5..<bytes.count)
        if name.count > longestName || name.firstIndex(of: 0) != nil { return .unusable }
        return .name(5..<bytes.count)
    }
}

/// Chooses among the protocols that the client offers; none in common ends the handshake.
private func selectProtocol(
    _ ssl: OpaquePointer?, _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ selectedCount: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
    _ unused: UnsafeMutableRawPointer?
) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let host = connection.host,
        let selected = unsafe selected, let selectedCount = unsafe selectedCount
    else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let own = host.protocols(for: connection)
    var found: UnsafeMutablePointer<UInt8>?
    var count: UInt8 = 0
    let code = unsafe SSL_select_next_proto(
        &found, &count, own.utf8Start, UInt32(own.utf8CodeUnitCount), offered, offeredCount)
    guard code == OPENSSL_NPN_NEGOTIATED, let found = unsafe found else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    unsafe selected.pointee = UnsafePointer(found)
    unsafe selectedCount.pointee = count
    return SSL_TLSEXT_ERR_OK
}

/// Certificates whose names depend on the connection.
private func chooseCertificate(_ ssl: OpaquePointer?, _ unused: UnsafeMutableRawPointer?) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let host = connection.host,
        let certificates = unsafe TLSContext.of(SSL_get_SSL_CTX(ssl))?.dynamicCertificates
    else { return 0 }
    return host.loadCertificates(certificates, for: connection) ? 1 : 0
}

extension TLSConnection {
    /// Goes on with another server's certificates and rules. Of the context that OpenSSL is given it takes over certificates alone.
    func adopt(_ other: TLSContext) {
        setRecordLimit(other.recordLimit)
        guard unsafe SSL_set_SSL_CTX(ssl, other.handle) != nil else { return }
        unsafe SSL_set_verify(
            ssl, SSL_CTX_get_verify_mode(other.handle), SSL_CTX_get_verify_callback(other.handle))
        unsafe SSL_set_verify_depth(ssl, SSL_CTX_get_verify_depth(other.handle))
        let options = unsafe SSL_CTX_get_options(other.handle)
        _ = unsafe SSL_clear_options(ssl, SSL_get_options(ssl) & ~options)
        _ = unsafe SSL_set_options(ssl, options | TLSContext.noRenegotiation)
    }
}
