/// Where the body of an HTTP/1 answer ends (RFC 9112 6.3).
struct BodyFraming: Sendable {
    enum Event: Equatable {
        /// All bytes were looked at; more are to come.
        case needMore
        /// This range of the span is data of the body; call again with `start` at its end.
        case data(Range<Int>)
        /// The body has ended before this index; what follows should not be there.
        case end(Int)
        case invalid
    }

    private enum Kind {
        case none
        /// Bytes still to come.
        case length(Int)
        case untilClose
        case chunked
    }

    private var kind: Kind
    private var decoder: ChunkedDecoder

    /// No body at all.
    static let none = BodyFraming(kind: .none)

    /// A trailer follows the end.
    let keepsTrailers: Bool

    private init(kind: Kind, keepsTrailers: Bool = false) {
        self.kind = kind
        self.keepsTrailers = keepsTrailers
        decoder = ChunkedDecoder(keepsTrailers: keepsTrailers)
    }

    static func length(_ count: Int) -> BodyFraming {
        BodyFraming(kind: count == 0 ? .none : .length(count))
    }

    static let untilClose = BodyFraming(kind: .untilClose)

    /// With `keepsTrailers` the end is that of the last chunk's line; a trailer follows.
    static func chunked(keepsTrailers: Bool) -> BodyFraming {
        BodyFraming(kind: .chunked, keepsTrailers: keepsTrailers)
    }

    /// No (further) byte of the body is to come.
    var isComplete: Bool {
        switch kind {
        case .none: true
        case .length(let rest): rest == 0
        case .untilClose: false
        case .chunked: decoder.isAtEnd
        }
    }

    /// The connection's end is the body's.
    var endsAtClose: Bool { if case .untilClose = kind { true } else { false } }

    var isChunked: Bool { if case .chunked = kind { true } else { false } }

    /// Bytes still to come, where that is known, and nothing stands between them.
    var plainRest: Int { if case .length(let rest) = kind { rest } else { 0 } }

    /// So many of them have come.
    mutating func skip(_ count: Int) {
        precondition(count <= plainRest, "more than the body")
        kind = .length(plainRest - count)
    }

    mutating func next(_ bytes: Span<UInt8>, from start: Int) -> Event {
        switch kind {
        case .none: return .end(start)
        case .untilClose:
            return start < bytes.count ? .data(start..<bytes.count) : .needMore
        case .length(let rest):
            if rest == 0 { return .end(start) }
            let count = min(rest, bytes.count - start)
            if count == 0 { return .needMore }
            kind = .length(rest - count)
            return .data(start..<start + count)
        case .chunked:
            switch decoder.decode(bytes, from: start) {
            case .needMore: return .needMore
            case .data(let range): return .data(range)
            case .end(let index): return .end(index)
            case .invalid: return .invalid
            }
        }
    }
}
