/// What a client's bytes begin with.
enum HTTP2Preface {
    static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Match {
        case none, whole
        /// Too little to tell.
        case part
    }

    static func match(_ bytes: Span<UInt8>) -> Match {
        let text = Self.text.bytes
        let count = min(bytes.count, text.count)
        guard bytes.extracting(0..<count).equals(text.extracting(0..<count)) else { return .none }
        return count == text.count ? .whole : .part
    }
}
