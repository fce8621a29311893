import Bytes

/// Takes the chunked coding (RFC 9112 7.1) off a body, however torn.
package struct ChunkedDecoder: Sendable {
    package enum Event: Equatable, Sendable {
        /// All bytes were looked at.
        case needMore
        /// This range of the span is body data; call again with `start` at its end.
        case data(Range<Int>)
        /// The body ended before this index.
        case end(Int)
        case invalid
    }

    package init() {}

    /// - Parameter start: the index of the first byte not yet decoded.
    package mutating func decode(_ bytes: Span<UInt8>, from start: Int = 0) -> Event { .invalid }
}
