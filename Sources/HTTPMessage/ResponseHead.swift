/// The head of an upstream's answer: ranges into `bytes`. Reused over answers.
final class ResponseHead {
    /// The bytes that all ranges point into; the parser reads from here.
    let bytes: Buffer
    var version = Version.http11
    var status = Status(rawValue: 0)
    /// The status line after the version, such as `404 Not Found`.
    var statusLine = ByteRange.none
    let fields = FieldTable()
    /// The number of bytes of the head.
    var length = 0
    /// The value of `Content-Length`, or -1.
    var contentLength = -1
    var isChunked = false
    /// HTTP/1.0, or `Connection: close`.
    var closes = false

    init(bytes: Buffer = Buffer(capacity: 4096)) {
        self.bytes = bytes
    }

    /// Forgets the answer; leaves `bytes` alone.
    func reset() {
        version = .http11
        status = Status(rawValue: 0)
        statusLine = .none
        fields.removeAll()
        length = 0
        contentLength = -1
        isChunked = false
        closes = false
    }
}
