public import Bytes

/// The head of an upstream's answer: ranges into `bytes`. Reused over answers.
public final class ResponseHead {
    /// The bytes that all ranges point into; the parser reads from here.
    public let bytes: Buffer
    public var version = Version.http11
    public var status = Status(rawValue: 0)
    /// The status line after the version, such as `404 Not Found`.
    public var statusLine = ByteRange.none
    public let fields = FieldTable()
    /// The number of bytes of the head.
    public var length = 0
    /// The value of `Content-Length`, or -1.
    public var contentLength = -1
    public var isChunked = false
    /// HTTP/1.0, or `Connection: close`.
    public var closes = false

    public init(bytes: Buffer = Buffer(capacity: 4096)) {
        self.bytes = bytes
    }

    /// Forgets the answer; leaves `bytes` alone.
    public func reset() {
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
