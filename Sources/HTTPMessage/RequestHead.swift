/// What a request's `Connection` fields ask for.
enum ConnectionWish: UInt8, Sendable {
    case unspecified, close, keepAlive
}

/// A request's head: ranges into `bytes`, which hold it as received. One object is reused for all requests of a connection.
///
/// HTTP/2 and HTTP/3 write their pseudo-headers and fields into `bytes` and fill in the same properties.
final class RequestHead {
    /// The bytes that all ranges point into; the parser reads from here.
    let bytes: Buffer
    /// The fields; those with invalid names are left out when they are ignored.
    let fields: FieldTable
    /// The host that selects the server, in lower case, without port and final dot: from the request line, else from `Host`.
    let host: Buffer

    /// All that is reset for the next request, in one place.
    private struct State {
        var method = Method.other
        var methodName = ByteRange.none
        /// Until a line is read that says otherwise: errors in it are answered with a head.
        var version = Version.http10
        var requestLine = ByteRange.none
        var protocolName = ByteRange.none
        var target = ByteRange.none
        var path = ByteRange.none
        var arguments = ByteRange.none
        var pathExtension = ByteRange.none
        var isComplex = false
        var isQuoted = false
        var hasPlus = false
        var isPathEmpty = false
        var scheme = ByteRange.none
        var authority = ByteRange.none
        var hasAuthority = false
        var length = 0
        var port: UInt16 = 0
        var contentLength = -1
        var isChunked = false
        var connection = ConnectionWish.unspecified
        var expectsContinue = false
    }

    // The last host as sent, and what it was read as: requests that follow each other mostly name the same.
    let lastHost = Buffer(capacity: 64)
    let lastHostName = Buffer(capacity: 64)
    private(set) var lastPort: UInt16 = 0

    /// Remembers how `text` was read, for the requests that come next.
    func keepHost(_ text: Span<UInt8>) {
        guard text.count <= 256 else { return }
        lastHost.removeAll()
        lastHost.append(text)
        lastHostName.removeAll()
        lastHostName.append(host)
        lastPort = port
    }

    // One value, so that forgetting a request is one assignment.
    private var state = State()
    /// Lines left out because of an invalid name; nginx logs them.
    let ignoredLines = List<ByteRange>()

    var method: Method {
        get { state.method }
        set { state.method = newValue }
    }
    var methodName: ByteRange {
        get { state.methodName }
        set { state.methodName = newValue }
    }
    var version: Version {
        get { state.version }
        set { state.version = newValue }
    }
    /// The whole request line without its line end; what `$request` shows.
    var requestLine: ByteRange {
        get { state.requestLine }
        set { state.requestLine = newValue }
    }
    /// The protocol as sent, such as `HTTP/1.1`; empty in HTTP/0.9.
    var protocolName: ByteRange {
        get { state.protocolName }
        set { state.protocolName = newValue }
    }

    /// The request target as sent, without the scheme and host of an absolute form: nginx's `$request_uri`.
    var target: ByteRange {
        get { state.target }
        set { state.target = newValue }
    }
    /// The target up to the `?`, still encoded.
    var path: ByteRange {
        get { state.path }
        set { state.path = newValue }
    }
    /// The bytes after the first `?`; when the path needs normalising, the normaliser finds the arguments.
    var arguments: ByteRange {
        get { state.arguments }
        set { state.arguments = newValue }
    }
    /// What follows the last dot of the path's last segment; only set when the path needs no normalising.
    var pathExtension: ByteRange {
        get { state.pathExtension }
        set { state.pathExtension = newValue }
    }
    /// The path holds `//`, `/.` or `#`.
    var isComplex: Bool {
        get { state.isComplex }
        set { state.isComplex = newValue }
    }
    /// The path holds `%`.
    var isQuoted: Bool {
        get { state.isQuoted }
        set { state.isQuoted = newValue }
    }
    /// The path holds `+`.
    var hasPlus: Bool {
        get { state.hasPlus }
        set { state.hasPlus = newValue }
    }
    /// An absolute form without a path, such as `http://example.com?a`: the path is `/`, which the target lacks.
    var isPathEmpty: Bool {
        get { state.isPathEmpty }
        set { state.isPathEmpty = newValue }
    }

    /// The scheme of an absolute-form target.
    var scheme: ByteRange {
        get { state.scheme }
        set { state.scheme = newValue }
    }
    /// Host and port of an absolute-form or authority-form target, as sent.
    var authority: ByteRange {
        get { state.authority }
        set { state.authority = newValue }
    }
    var hasAuthority: Bool {
        get { state.hasAuthority }
        set { state.hasAuthority = newValue }
    }

    /// The number of bytes of the head, without leading empty lines, with the final one; of one that is refused, those of the
    /// lines that were read.
    var length: Int {
        get { state.length }
        set { state.length = newValue }
    }

    /// The port given with the host, or 0.
    var port: UInt16 {
        get { state.port }
        set { state.port = newValue }
    }
    /// The value of `Content-Length`, or -1.
    var contentLength: Int {
        get { state.contentLength }
        set { state.contentLength = newValue }
    }
    var isChunked: Bool {
        get { state.isChunked }
        set { state.isChunked = newValue }
    }
    var connection: ConnectionWish {
        get { state.connection }
        set { state.connection = newValue }
    }
    /// `Expect: 100-continue` was sent.
    var expectsContinue: Bool {
        get { state.expectsContinue }
        set { state.expectsContinue = newValue }
    }

    init(bytes: Buffer = Buffer(capacity: 1024)) {
        self.bytes = bytes
        fields = FieldTable()
        host = Buffer(capacity: 64)
    }

    /// The head of a subrequest: what the client sent, to which only a method of its own is added.
    init(sharing other: RequestHead) {
        bytes = other.bytes
        fields = other.fields
        host = other.host
        state = other.state
    }

    /// Whether the path has to pass the normaliser; else `path` is the normalised path already.
    var needsNormalising: Bool { isComplex || isQuoted || isPathEmpty }

    /// Replaces the method, as an error page does: `$request_method` shows the new one.
    func setMethod(_ method: Method) {
        self.method = method
        let start = bytes.count
        bytes.append(method.name)
        methodName = ByteRange(start, bytes.count)
    }

    /// Takes over the method of the head whose bytes this one shares.
    func setMethod(sharedWith other: RequestHead) {
        method = other.method
        methodName = other.methodName
    }

    /// The head is refused: no body follows it that could be found, and of its first line what has come is all there is.
    func giveUp() {
        contentLength = -1
        isChunked = false
        expectsContinue = false
        if requestLine.isEmpty { requestLine = firstLine }
    }

    /// What has come of the first line that is not empty.
    var firstLine: ByteRange {
        var start = 0
        while start < bytes.count, bytes[start] == ASCII.cr || bytes[start] == ASCII.lf { start += 1 }
        var end = start
        while end < bytes.count, bytes[end] != ASCII.cr, bytes[end] != ASCII.lf { end += 1 }
        return ByteRange(start, end)
    }

    /// Forgets the request; leaves `bytes` alone.
    func reset() {
        state = State()
        fields.removeAll()
        host.removeAll()
        ignoredLines.removeAll()
    }

    /// Notes a line that is left out because of an invalid name.
    func ignoreLine(_ range: ByteRange) {
        ignoredLines.append(range)
    }
}
