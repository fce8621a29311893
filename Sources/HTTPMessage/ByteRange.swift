/// A range of a buffer's bytes, in half the room of `Range<Int>`: heads hold dozens of them.
struct ByteRange: Hashable, Sendable {
    var start: UInt32
    var end: UInt32

    init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.end = UInt32(truncatingIfNeeded: end)
    }

    /// No bytes.
    static let none = ByteRange(0, 0)

    var isEmpty: Bool { start == end }
    var count: Int { Int(end) - Int(start) }
    var range: Range<Int> { Int(start)..<Int(end) }
}

extension Buffer {
    /// The bytes of a range within those in use.
    @_lifetime(borrow self)
    func span(_ range: ByteRange) -> Span<UInt8> {
        span(range.range)
    }

    /// Appends a range of another buffer's bytes.
    func append(_ other: Buffer, _ range: ByteRange) {
        append(other, range.range)
    }
}

extension Span where Element == UInt8 {
    /// The bytes of a range within the span.
    subscript(range: ByteRange) -> Span<UInt8> {
        @_lifetime(copy self) get { extracting(range.range) }
    }
}
