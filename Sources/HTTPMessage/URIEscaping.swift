/// The purposes for which bytes are escaped as `%XX`, each with its own set of bytes, as nginx has them.
enum URIEscaping: UInt8, Sendable, CaseIterable {
    /// For the path of a URI.
    case path
    /// For the arguments of a URI.
    case arguments
    /// For one component of a URI: all but letters, digits and `-._~`.
    case component
    /// For a link within HTML.
    case html
    /// For the `refresh` of an HTML page.
    case refresh
    /// For a memcached key.
    case memcached

    /// Which of the bytes 0 to 63 are escaped.
    private var low: UInt64 {
        switch self {
        case .path: 0xD000_002D_FFFF_FFFF
        case .arguments: 0xD800_086D_FFFF_FFFF
        case .component: 0xFC00_9FFF_FFFF_FFFF
        case .html: 0x5000_00AD_FFFF_FFFF
        case .refresh: 0x5000_0085_FFFF_FFFF
        case .memcached: 0x0000_0021_FFFF_FFFF
        }
    }

    /// Which of the bytes 64 to 127 are escaped.
    private var high: UInt64 {
        switch self {
        case .path, .arguments, .html: 0xB800_0001_5000_0000
        case .component: 0xB800_0001_7800_0001
        case .refresh: 0xD800_0001_5000_0000
        case .memcached: 0
        }
    }

    /// Whether a byte is escaped for this purpose.
    func escapes(_ byte: UInt8) -> Bool {
        if byte >= 0x80 { return self != .memcached }
        return (byte < 0x40 ? low : high) >> UInt64(byte & 0x3F) & 1 != 0
    }

    /// The number of bytes that would be escaped; each grows by two.
    func escapedCount(_ text: Span<UInt8>) -> Int {
        var found = 0
        for index in text.indices where escapes(text[index]) { found += 1 }
        return found
    }
}

extension Buffer {
    /// Appends bytes, those that must not stand for this purpose as `%XX`.
    func append(escaped text: Span<UInt8>, for purpose: URIEscaping) {
        reserve(text.count)
        for index in text.indices {
            let byte = text[index]
            if purpose.escapes(byte) {
                append(ASCII.percent)
                append(.hexDigit(byte >> 4, uppercase: true))
                append(.hexDigit(byte & 15, uppercase: true))
            } else {
                append(byte)
            }
        }
    }

    /// Appends bytes with `<`, `>`, `&` and `"` as HTML entities.
    func append(htmlEscaped text: Span<UInt8>) {
        reserve(text.count)
        for index in text.indices {
            switch text[index] {
            case ASCII.less: append("&lt;")
            case ASCII.greater: append("&gt;")
            case ASCII.ampersand: append("&amp;")
            case ASCII.quote: append("&quot;")
            default: append(text[index])
            }
        }
    }

    /// What `append(unescaping:)` does with bytes of meaning.
    enum Unescaping: UInt8, Sendable {
        /// Decode all.
        case all
        /// Stop behind the first `?`, plain or encoded.
        case uri
        /// Stop behind the first `?`; keep encoded what a redirect must keep so: controls, space, `!` to `%`, DEL and above.
        case redirect
    }

    /// Appends bytes with `%XX` decoded; a broken escape is dropped as far as it was broken, as nginx does.
    ///
    /// Returns the number of bytes read.
    @discardableResult
    func append(
        unescaping text: Span<UInt8>, _ mode: Unescaping = .all
    ) -> Int {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == ASCII.question, mode != .all {
                append(byte)
                return index
            }
            guard byte == ASCII.percent else {
                append(byte)
                continue
            }
            guard index < text.count else { break }
            let first = text[index]
            index += 1
            guard let high = first.hexValue else {
                append(first)
                continue
            }
            guard index < text.count else { break }
            let second = text[index]
            index += 1
            guard let low = second.hexValue else { continue }
            let decoded = high << 4 | low
            if decoded == ASCII.question, mode != .all {
                append(decoded)
                return index
            }
            if mode == .redirect, decoded <= ASCII.percent || decoded >= ASCII.delete {
                append(ASCII.percent)
                append(first)
                append(second)
            } else {
                append(decoded)
            }
        }
        return index
    }
}
