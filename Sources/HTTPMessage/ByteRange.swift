public import Bytes

/// A range of a buffer's bytes, in half the room of `Range<Int>`: heads hold dozens of them.
public struct ByteRange: Hashable, Sendable {
    public var start: UInt32
    public var end: UInt32

    public init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    /// No bytes.
    public static let none = ByteRange(0, 0)

    public var isEmpty: Bool { start == end }
    public var count: Int { Int(end) - Int(start) }
    public var range: Range<Int> { Int(start)..<Int(end) }
}

extension Buffer {
    /// The bytes of a range within those in use.
    @_lifetime(borrow self)
    public func span(_ range: ByteRange) -> Span<UInt8> {
        span(range.range)
    }

    /// Appends a range of another buffer's bytes.
    public func append(_ other: Buffer, _ range: ByteRange) {
        append(other, range.range)
    }
}

extension Span where Element == UInt8 {
    /// The bytes of a range within the span.
    public subscript(range: ByteRange) -> Span<UInt8> {
        @_lifetime(copy self) get { extracting(range.range) }
    }
}
