/// What a `Range` field asks of a content of known length, read as nginx's range filter does.
enum RangeVerdict: Equatable, Sendable {
    /// Send these ranges.
    case ranges
    /// Send the whole content, as if the field were not there.
    case ignored
    /// Answer 416.
    case notSatisfiable
}

/// The ranges of a `Range` field. Keeps its memory over requests.
struct RangeField: Sendable {
    /// The ranges to send: each is not empty and within the content.
    private(set) var ranges: [Range<Int>] = []

    init() {}

    private enum Part {
        case range(Range<Int>), empty(start: Int), invalid
    }

    /// Reads a field's value.
    ///
    /// - Parameters:
    ///   - limit: `max_ranges`, or nil if there is no limit; then nginx ignores a field whose answer, with 256 bytes of
    ///     headers a range, would be longer than the content and 4096 bytes.
    mutating func parse(
        _ value: Span<UInt8>, contentLength: Int, limit: Int?
    ) -> RangeVerdict {
        ranges.removeAll(keepingCapacity: true)
        guard value.count >= 7, value.extracting(0..<6).equalsIgnoringCase("bytes=") else {
            return .ignored
        }
        var cursor = 6
        var total = 0
        repeat {
            switch RangeField.part(value, &cursor, contentLength) {
            case .invalid:
                return .notSatisfiable
            case .empty(let start):
                if start == 0 { return .ignored }
            case .range(let range):
                let (sum, overflow) = total.addingReportingOverflow(range.count)
                if overflow { return .notSatisfiable }
                total = sum
                if let limit, ranges.count >= limit { return .ignored }
                ranges.append(range)
            }
            cursor += 1
        } while cursor <= value.count && value[cursor - 1] == ASCII.comma
        return verdict(total, contentLength, hasLimit: limit != nil)
    }

    private func verdict(_ total: Int, _ contentLength: Int, hasLimit: Bool) -> RangeVerdict {
        if ranges.isEmpty { return .notSatisfiable }
        if ranges.count == 1 { return .ranges }
        if total > contentLength { return .ignored }
        // Written so that no length overflows.
        if !hasLimit, contentLength - total < ranges.count * 256 - 4096 { return .ignored }
        return .ranges
    }

    /// Reads one range, to the comma or the end behind it.
    private static func part(
        _ value: Span<UInt8>, _ cursor: inout Int, _ contentLength: Int
    ) -> Part {
        skipSpaces(value, &cursor)
        var start = 0
        var isSuffix = false
        if cursor < value.count, value[cursor] == ASCII.minus {
            isSuffix = true
            cursor += 1
        } else {
            guard let number = number(value, &cursor) else { return .invalid }
            start = number
            skipSpaces(value, &cursor)
            guard cursor < value.count, value[cursor] == ASCII.minus else { return .invalid }
            cursor += 1
            skipSpaces(value, &cursor)
            if cursor == value.count || value[cursor] == ASCII.comma {
                return start < contentLength
                    ? .range(start..<contentLength) : .empty(start: start)
            }
        }
        guard var end = number(value, &cursor) else { return .invalid }
        skipSpaces(value, &cursor)
        guard cursor == value.count || value[cursor] == ASCII.comma else { return .invalid }
        if isSuffix {
            start = end < contentLength ? contentLength - end : 0
            end = contentLength - 1
        }
        end = end >= contentLength ? contentLength : end + 1
        return start < end ? .range(start..<end) : .empty(start: start)
    }

    private static func skipSpaces(_ value: Span<UInt8>, _ cursor: inout Int) {
        while cursor < value.count, value[cursor] == ASCII.space { cursor += 1 }
    }

    /// A decimal number that fits a file offset, or nil.
    private static func number(_ value: Span<UInt8>, _ cursor: inout Int) -> Int? {
        let start = cursor
        while cursor < value.count, value[cursor].isASCIIDigit { cursor += 1 }
        return value.extracting(start..<cursor).decimalValue
    }
}
