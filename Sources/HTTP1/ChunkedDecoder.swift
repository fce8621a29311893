/// Takes the chunked coding (RFC 9112 7.1) off a body, however torn, as strictly as nginx: lines end in CR LF, no blanks
/// before a size, sizes that fit a file offset.
struct ChunkedDecoder: Sendable {
    enum Event: Equatable, Sendable {
        /// All bytes were looked at.
        case needMore
        /// This range of the span is body data; call again with `start` at its end.
        case data(Range<Int>)
        /// The body ended before this index; with `keepsTrailers` the trailer begins there.
        case end(Int)
        case invalid
    }

    private enum State: UInt8 {
        case chunkStart, size, sizeExtension, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case lastExtension, lastLineFeed
        case trailerStart, trailerLineFeed, trailer, trailerLineEnd
        case ended
    }

    private var state = State.chunkStart
    private var size: UInt64 = 0
    private let keepsTrailers: Bool
    /// Bytes of trailers skipped so far, for callers that limit them.
    private(set) var trailerLength = 0

    /// - Parameter keepsTrailers: stop behind the last chunk's line and leave the trailer to `TrailerParser`.
    init(keepsTrailers: Bool = false) {
        self.keepsTrailers = keepsTrailers
    }

    /// What is left of the current chunk's data.
    var remaining: Int { state == .data ? Int(size) : 0 }
    var isAtEnd: Bool { state == .ended }

    /// Decodes from `start`, the index of the first byte not yet decoded, to the next thing of note.
    mutating func decode(_ bytes: Span<UInt8>, from start: Int = 0) -> Event {
        var cursor = start
        if state == .ended { return .end(cursor) }
        while cursor < bytes.count {
            let byte = bytes[cursor]
            let isValid: Bool
            switch state {
            case .data:
                let available = min(Int(size), bytes.count - cursor)
                size -= UInt64(available)
                if size == 0 { state = .dataReturn }
                return .data(cursor..<cursor + available)
            case .chunkStart, .size:
                isValid = readSize(byte)
            case .trailerStart, .trailerLineFeed, .trailer, .trailerLineEnd:
                trailerLength += 1
                isValid = readTrailer(byte)
            default:
                isValid = readLineEnd(byte)
            }
            if !isValid { return .invalid }
            cursor += 1
            if state == .ended { return .end(cursor) }
        }
        return .needMore
    }

    private mutating func readSize(_ byte: UInt8) -> Bool {
        if let digit = byte.hexValue {
            if state == .chunkStart {
                size = UInt64(digit)
                state = .size
                return true
            }
            guard size <= UInt64(Int64.max) / 16 else { return false }
            size = size * 16 + UInt64(digit)
            return true
        }
        guard state == .size, size <= UInt64(Int64.max) - 9 else { return false }
        switch byte {
        case ASCII.cr:
            state = size == 0 ? .lastLineFeed : .sizeLineFeed
        case ASCII.semicolon, ASCII.space, ASCII.tab:
            state = size == 0 ? .lastExtension : .sizeExtension
        default:
            return false
        }
        return true
    }

    private mutating func readLineEnd(_ byte: UInt8) -> Bool {
        switch state {
        case .sizeExtension, .lastExtension:
            if byte == ASCII.cr {
                state = state == .sizeExtension ? .sizeLineFeed : .lastLineFeed
            }
            return byte != ASCII.lf
        case .sizeLineFeed:
            state = .data
            return byte == ASCII.lf
        case .dataReturn:
            state = .dataLineFeed
            return byte == ASCII.cr
        case .dataLineFeed:
            state = .chunkStart
            return byte == ASCII.lf
        default:
            state = keepsTrailers ? .ended : .trailerStart
            return byte == ASCII.lf
        }
    }

    private mutating func readTrailer(_ byte: UInt8) -> Bool {
        switch state {
        case .trailerStart:
            state = byte == ASCII.cr ? .trailerLineFeed : .trailer
            return byte != ASCII.lf
        case .trailerLineFeed:
            state = .ended
            return byte == ASCII.lf
        case .trailer:
            if byte == ASCII.cr { state = .trailerLineEnd }
            return byte != ASCII.lf
        default:
            state = .trailerStart
            return byte == ASCII.lf
        }
    }
}
