package import Bytes

/// What a request's `Connection` fields ask for.
package enum ConnectionWish: UInt8, Sendable {
    case unspecified, close, keepAlive
}

/// A request's head: ranges into `bytes`, which hold it as received. One object is reused for all requests of a connection.
///
/// HTTP/2 and HTTP/3 write their pseudo-headers and fields into `bytes` and fill in the same properties.
package final class RequestHead {
    /// The bytes that all ranges point into; the parser reads from here.
    package let bytes: Buffer

    package var method = Method.other
    package var methodName = ByteRange.none
    package var version = Version.http09
    /// The whole request line without its line end; what `$request` shows.
    package var requestLine = ByteRange.none
    /// The protocol as sent, such as `HTTP/1.1`; empty in HTTP/0.9.
    package var protocolName = ByteRange.none

    /// The request target as sent, without the scheme and host of an absolute form: nginx's `$request_uri`.
    package var target = ByteRange.none
    /// The target up to the `?`, still encoded.
    package var path = ByteRange.none
    /// The bytes after the first `?`; when the path needs normalising, the normaliser finds the arguments.
    package var arguments = ByteRange.none
    /// What follows the last dot of the path's last segment; only set when the path needs no normalising.
    package var pathExtension = ByteRange.none
    /// The path holds `//`, `/.` or `#`.
    package var isComplex = false
    /// The path holds `%`.
    package var isQuoted = false
    /// The path holds `+`.
    package var hasPlus = false
    /// An absolute form without a path, such as `http://example.com?a`: the path is `/`, which the target lacks.
    package var isPathEmpty = false

    /// The scheme of an absolute-form target.
    package var scheme = ByteRange.none
    /// Host and port of an absolute-form or authority-form target, as sent.
    package var authority = ByteRange.none
    package var hasAuthority = false

    /// The fields; those with invalid names are left out when they are ignored.
    package var fields = FieldTable()
    /// Lines left out because of an invalid name; nginx logs them.
    package var ignoredLines: [ByteRange] = []
    /// The number of bytes of the head, without leading empty lines, with the final one.
    package var length = 0

    /// The host that selects the server, in lower case, without port and final dot: from the request line, else from `Host`.
    package let host = Buffer(capacity: 64)
    /// The port given with the host, or 0.
    package var port: UInt16 = 0
    /// The value of `Content-Length`, or -1.
    package var contentLength = -1
    package var isChunked = false
    package var connection = ConnectionWish.unspecified
    /// `Expect: 100-continue` was sent.
    package var expectsContinue = false

    package init(bytes: Buffer = Buffer(capacity: 1024)) {
        self.bytes = bytes
    }

    /// Whether the path has to pass the normaliser; else `path` is the normalised path already.
    package var needsNormalising: Bool { isComplex || isQuoted || isPathEmpty }

    /// Forgets the request; leaves `bytes` alone.
    package func reset() {
        method = .other
        methodName = .none
        version = .http09
        requestLine = .none
        protocolName = .none
        target = .none
        path = .none
        arguments = .none
        pathExtension = .none
        isComplex = false
        isQuoted = false
        hasPlus = false
        isPathEmpty = false
        scheme = .none
        authority = .none
        hasAuthority = false
        fields.removeAll()
        ignoredLines.removeAll(keepingCapacity: true)
        length = 0
        host.removeAll()
        port = 0
        contentLength = -1
        isChunked = false
        connection = .unspecified
        expectsContinue = false
    }
}
