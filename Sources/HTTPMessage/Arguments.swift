extension Span where Element == UInt8 {
    /// The range of the value of an argument, `a=1&name=value&b=2`, or nil: what `$arg_name` shows. The name is compared
    /// without regard to case, and the first argument of that name counts.
    func argument(named name: Span<UInt8>) -> ByteRange? {
        guard !name.isEmpty else { return nil }
        var start = 0
        while start < count {
            let end = firstIndex(of: ASCII.ampersand, from: start) ?? count
            let equals = start + name.count
            if equals < end, self[equals] == ASCII.equals,
                extracting(start..<equals).equalsIgnoringCase(name)
            {
                return ByteRange(equals + 1, end)
            }
            start = end + 1
        }
        return nil
    }

    /// The range of the value of `name=value` in a list such as a `Cookie` field's (separator `;`), or nil.
    func listValue(named name: Span<UInt8>, separator: UInt8) -> ByteRange? {
        guard name.count <= count else { return nil }
        var start = 0
        while start < count {
            var cursor = start + name.count
            if cursor <= count, extracting(start..<cursor).equalsIgnoringCase(name) {
                cursor = skippingSpaces(from: cursor)
                if cursor < count, self[cursor] == ASCII.equals {
                    cursor = skippingSpaces(from: cursor + 1)
                    return ByteRange(cursor, firstIndex(of: separator, from: cursor) ?? count)
                }
            }
            guard let next = firstIndex(of: separator, from: start) else { return nil }
            start = skippingSpaces(from: next + 1)
        }
        return nil
    }

    /// Whether a word stands alone in a list, such as `gzip` in `Vary`.
    func listContains(_ word: Span<UInt8>, separator: UInt8) -> Bool {
        var start = 0
        while start < count {
            let wordEnd = start + word.count
            if wordEnd <= count, extracting(start..<wordEnd).equalsIgnoringCase(word) {
                let cursor = skippingSpaces(from: wordEnd)
                if cursor == count || self[cursor] == separator { return true }
            }
            guard let next = firstIndex(of: separator, from: start) else { return false }
            start = skippingSpaces(from: next + 1)
        }
        return false
    }

    private func skippingSpaces(from start: Int) -> Int {
        var index = start
        while index < count, self[index] == ASCII.space { index += 1 }
        return index
    }

    /// Splits a URI at its first `?`: the length of the path, and the range of the arguments, if there is a `?`.
    func splitArguments() -> (pathCount: Int, arguments: ByteRange?) {
        guard let question = firstIndex(of: ASCII.question) else { return (count, nil) }
        return (question, ByteRange(question + 1, count))
    }
}

/// A URI that an upstream, an include or a `Destination` field names: decoded, but refused if it could leave its directory.
struct UnsafeURI: Equatable, Sendable {
    /// The arguments, a range of the input.
    var arguments = ByteRange.none

    /// Appends the decoded path of `uri` to `output`; nil, and nothing appended, if it is empty, begins with `?` or `../`, or
    /// holds `/../` or NUL, before or after decoding.
    init?(_ uri: Span<UInt8>, into output: Buffer) {
        guard !uri.isEmpty, uri[0] != ASCII.question else { return nil }
        var pathEnd = uri.count
        if let question = uri.firstIndex(of: ASCII.question) {
            pathEnd = question
            arguments = ByteRange(question + 1, uri.count)
        }
        // Before decoding, what follows the `?` counts too where nginx looks at it: `/..?` is let through as it does.
        guard !UnsafeURI.climbs(uri, upTo: pathEnd) else { return nil }
        let path = uri.extracting(0..<pathEnd)
        guard path.firstIndex(of: ASCII.percent) != nil else {
            output.append(path)
            return
        }
        let start = output.count
        output.append(unescaping: path)
        if UnsafeURI.climbs(output.span(start..<output.count), upTo: output.count - start) {
            output.truncate(to: start)
            return nil
        }
    }

    /// Whether a path holds NUL or a `..` segment, as nginx sees it: the last segment is one only at the end of `text`.
    private static func climbs(_ text: Span<UInt8>, upTo end: Int) -> Bool {
        var isSegmentStart = true
        for index in 0..<end {
            if text[index] == ASCII.nul { return true }
            if isSegmentStart, text[index] == ASCII.dot, index + 1 < text.count,
                text[index + 1] == ASCII.dot,
                index + 2 == text.count || text[index + 2] == ASCII.slash
            {
                return true
            }
            isSegmentStart = text[index] == ASCII.slash
        }
        return false
    }
}
