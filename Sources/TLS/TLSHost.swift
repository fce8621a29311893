import COpenSSL

/// What a TLS server asks of the layers above: which names it serves with what.
class TLSHost {
    /// What is to be done with a client that asks for a server.
    enum Choice {
        /// Go on, with another context or as begun.
        case proceed(TLSContext?)
        /// The name is none of ours, or not served by TLS.
        case reject
        case fail
    }

    /// Chooses by the name that a client sends, nil if it sends none.
    func choose(_ name: Span<UInt8>?, for connection: TLSConnection) -> Choice { .proceed(nil) }

    /// The protocols that are offered, in the form of the extension: lengths and names, the preferred first.
    func protocols(for connection: TLSConnection) -> StaticString { "\u{8}http/1.1" }

    /// Loads certificates whose names hold variables. False: there is none to go on with.
    func loadCertificates(
        _ certificates: TLSDynamicCertificates, for connection: TLSConnection
    ) -> Bool { false }

    /// Where what concerns a connection is logged, with its number.
    func log(of connection: TLSConnection) -> (log: ErrorLog, number: UInt64)? { nil }

    /// Writes a line about a connection.
    func log(_ level: LogLevel, about connection: TLSConnection, _ compose: (Buffer) -> Void) {}
}

/// A session of a client, to be resumed later.
@safe
final class TLSSession {
    let handle: OpaquePointer

    /// Takes over a reference.
    init(_ handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    deinit {
        unsafe SSL_SESSION_free(handle)
    }
}
