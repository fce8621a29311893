package import Bytes

/// The head of an upstream's answer: ranges into `bytes`. Reused over answers.
package final class ResponseHead {
    /// The bytes that all ranges point into; the parser reads from here.
    package let bytes: Buffer
    package var version = Version.http11
    package var status = Status(rawValue: 0)
    /// The status line after the version, such as `404 Not Found`.
    package var statusLine = ByteRange.none
    package let fields = FieldTable()
    /// The number of bytes of the head.
    package var length = 0
    /// The value of `Content-Length`, or -1.
    package var contentLength = -1
    package var isChunked = false
    /// HTTP/1.0, or `Connection: close`.
    package var closes = false

    package init(bytes: Buffer = Buffer(capacity: 4096)) {
        self.bytes = bytes
    }

    /// Forgets the answer; leaves `bytes` alone.
    package func reset() {
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
