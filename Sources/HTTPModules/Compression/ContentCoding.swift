/// The ways in which bodies are compressed, the one that is taken first where several may be.
enum ContentCoding: UInt8, CaseIterable, Sendable {
    case brotli, zstd, gzip

    /// Its name in `Accept-Encoding` and `Content-Encoding`.
    var token: StaticString {
        switch self {
        case .brotli: "br"
        case .zstd: "zstd"
        case .gzip: "gzip"
        }
    }

    /// What a file that is compressed beforehand has behind its name.
    var suffix: StaticString {
        switch self {
        case .brotli: ".br"
        case .zstd: ".zst"
        case .gzip: ".gz"
        }
    }

    /// Where a request keeps the filter at work.
    var index: SettingsIndex {
        switch self {
        case .brotli: .brotli
        case .zstd: .zstd
        case .gzip: .gzip
        }
    }
}

/// Some of the codings.
struct ContentCodings: OptionSet, Sendable {
    let rawValue: UInt8

    init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    init(_ coding: ContentCoding) {
        rawValue = 1 << coding.rawValue
    }

    func contains(_ coding: ContentCoding) -> Bool { contains(ContentCodings(coding)) }
}

extension Request {
    /// The codings that the client takes, whatever the settings say.
    var acceptedCodings: ContentCodings {
        guard let field = header(.acceptEncoding) else { return [] }
        let bytes = head.bytes
        return bytes.span(field).acceptedCodings
    }
}

extension Span where Element == UInt8 {
    /// The codings that this value of `Accept-Encoding` allows: they are named, not as a part of another word, and not with `q=0`.
    /// What is said of one first counts. Which of them the client likes best does not matter, as in nginx and in these modules.
    var acceptedCodings: ContentCodings {
        var named: ContentCodings = []
        var accepted: ContentCodings = []
        for start in indices where start == 0 || self[start - 1] == ASCII.comma || self[start - 1] == ASCII.space {
            guard let coding = coding(at: start), !named.contains(coding) else { continue }
            let end = start + coding.token.utf8CodeUnitCount
            // nginx takes the first word that begins with gzip's name for it.
            guard coding == .gzip || isEndOfWord(end) else { continue }
            named.insert(ContentCodings(coding))
            if qualityIsPositive(behind: end) { accepted.insert(ContentCodings(coding)) }
        }
        return accepted
    }

    private func coding(at start: Int) -> ContentCoding? {
        let coding: ContentCoding
        switch self[start] | 0x20 {
        case UInt8(ascii: "b"): coding = .brotli
        case UInt8(ascii: "z"): coding = .zstd
        case UInt8(ascii: "g"): coding = .gzip
        default: return nil
        }
        let end = start + coding.token.utf8CodeUnitCount
        guard end <= count, extracting(start..<end).equalsIgnoringCase(coding.token) else { return nil }
        return coding
    }

    private func isEndOfWord(_ place: Int) -> Bool {
        place == count || self[place] == ASCII.comma || self[place] == ASCII.space || self[place] == ASCII.semicolon
    }

    private func qualityIsPositive(behind place: Int) -> Bool {
        var index = place
        while index < count, self[index] == ASCII.space { index += 1 }
        if index == count || self[index] == ASCII.comma { return true }
        guard self[index] == ASCII.semicolon else { return false }
        index += 1
        while index < count, self[index] == ASCII.space { index += 1 }
        if index == count { return true }
        guard self[index] | 0x20 == UInt8(ascii: "q"), index + 2 < count,
            self[index + 1] == ASCII.equals
        else { return false }
        return quality(from: index + 2) > 0
    }

    /// `1`, `0.8`, `0.001`, as a number that is 0 exactly when the quality is, or the text is malformed.
    private func quality(from place: Int) -> Int {
        let first = self[place]
        guard first == ASCII.zero || first == ASCII.zero + 1 else { return 0 }
        var sum = Int(first - ASCII.zero) * 100
        var index = place + 1
        guard index < count, self[index] != ASCII.comma, self[index] != ASCII.space else {
            return sum
        }
        guard self[index] == ASCII.dot else { return 0 }
        index += 1
        var digits = 0
        while index < count, self[index] != ASCII.comma, self[index] != ASCII.space {
            guard self[index].isASCIIDigit else { return 0 }
            sum += Int(self[index] - ASCII.zero)
            digits += 1
            index += 1
        }
        return sum > 100 || digits > 3 ? 0 : sum
    }
}
