/// ngx_http_slice_module: an answer is fetched in ranges of one size, each by a subrequest, so that each can be kept by itself.
///
/// The main request asks for the first range, by `$slice_range`. What is told of the whole in its answer becomes the head for the
/// client; the ranges that follow are fetched one after the other.
enum Slice {
    static let slot = Slot(.slice, initial: 0)

    static func isUsed(_ settings: SettingsTable) -> Bool { settings[slot] > 0 }

    static var rows: [Row] {
        [
            .size(
                "slice", in: .request, slot, \.self,
                "The size of the ranges that an answer is fetched in; 0 for all at once.")
        ]
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("slice_range", .noCacheable) { request, out in
            guard let state = state(of: request) else { return false }
            state.appendRange(to: out)
            return true
        }
    }

    private static func state(of request: Request) -> SliceState? {
        if let known = request.state(.slice, as: SliceState.self) { return known }
        guard request.isMain, request.response.status.rawValue == 0 else { return nil }
        let size = request.location.settings(slot).value
        guard size > 0 else { return nil }
        let made = SliceState(size: size, start: firstByte(of: request) / size * size)
        request.setState(.slice, made)
        return made
    }

    /// Where the range begins that the client asks for, if it is one.
    private static func firstByte(of request: Request) -> Int {
        guard request.header(.ifRange) == nil, let field = request.header(.range) else { return 0 }
        let bytes = request.head.bytes
        let value = bytes.span(field)
        guard value.count >= 7, value.extracting(0..<6).equalsIgnoringCase("bytes="),
            value.firstIndex(of: ASCII.comma) == nil
        else { return 0 }
        var start = 6
        while start < value.count, value[start] == ASCII.space { start += 1 }
        var end = start
        while end < value.count, value[end].isASCIIDigit { end += 1 }
        return value.extracting(start..<end).decimalValue ?? 0
    }

    // MARK: - Heads

    /// Takes the head of a range's answer; that of the first becomes the head of the whole.
    static func filterHead(_ request: Request) -> FilterVerdict {
        guard let state = request.state(.slice, as: SliceState.self) else { return .pass }
        let response = request.response
        guard response.status == .partialContent else {
            if request.isMain {
                request.setState(.slice, nil)
                return .pass
            }
            return fail(request) {
                $0.append("unexpected status code ")
                $0.append(decimal: Int(response.status.rawValue))
                $0.append(" in slice response")
            }
        }
        guard state.matchesTag(of: response) else {
            return fail(request) { $0.append("etag mismatch in slice response") }
        }
        guard let content = ContentRange(response.headers) else {
            return fail(request) { $0.append("invalid range in slice response") }
        }
        guard let total = content.total else {
            return fail(request) { $0.append("no complete length in slice response") }
        }
        let (next, isBeyond) = state.start.addingReportingOverflow(state.size)
        let end = isBeyond ? total : min(next, total)
        guard content.start == state.start, content.end == end else {
            return fail(request) {
                $0.append("unexpected range in slice response: ")
                $0.append(decimal: content.start)
                $0.append("-")
                $0.append(decimal: content.end)
                $0.append(", expected: ")
                $0.append(decimal: state.start)
                $0.append("-")
                $0.append(decimal: end)
            }
        }
        pass(request, state, content.start, next: end, total: total)
        return .pass
    }

    private static func pass(_ request: Request, _ state: SliceState, _ start: Int, next: Int, total: Int) {
        let response = request.response
        state.start = next
        state.isActive = true
        response.status = .ok
        response.statusLine.removeAll()
        response.contentLength = total
        response.contentOffset = start
        response.headers.removeAll(.contentRange)
        response.headers.removeAll(.acceptRanges)
        response.allowsRanges = true
        response.singleRange = true
        guard request.isMain else {
            if let wanted = state.wanted { request.append(.range(RangeFilter(wanted, from: start))) }
            return
        }
        state.end = total
        if !response.isHeadOnly { request.append(.slice(SliceFilter(state))) }
    }

    private static func fail(_ request: Request, _ message: (Buffer) -> Void) -> FilterVerdict {
        request.log(.error) { message($0) }
        request.engine.abort(request.main)
        return .replaced
    }
}

/// How far a request that is fetched in ranges has come; its subrequests share it.
final class SliceState {
    let size: Int
    /// Where the range begins that was asked for last.
    var asked: Int
    /// Where the range begins that is to come next.
    var start: Int
    /// Behind the last byte that is wanted.
    var end = 0
    /// What the client wants of the whole; nil for all of it.
    var wanted: Range<Int>?
    /// The answer for the range that was asked for last has come.
    var isActive = false
    /// The entity tag that all ranges have.
    private var tag: ByteString?

    init(size: Int, start: Int) {
        self.size = size
        self.start = start
        asked = start
    }

    /// Whether a range belongs to the same content as those before it.
    func matchesTag(of response: Response) -> Bool {
        let headers = response.headers
        var own: ByteString?
        if let index = headers.firstIndex(of: .eTag) {
            let bytes = headers.bytes
            own = ByteString(bytes.span(headers[index].valueRange))
        }
        if let tag, !tag.isEmpty, own != tag { return false }
        if let own { tag = own }
        return true
    }

    func appendRange(to output: Buffer) {
        output.append("bytes=")
        output.append(decimal: asked)
        output.append(ASCII.minus)
        output.append(decimal: asked.addingReportingOverflow(size - 1).partialValue)
    }
}

/// A `Content-Range` field.
struct ContentRange: Equatable {
    let start: Int
    /// Behind the last byte.
    let end: Int
    /// The length of the whole, nil if it is not told.
    let total: Int?

    init?(_ headers: HeaderList) {
        guard let index = headers.firstIndex(of: .contentRange) else { return nil }
        let bytes = headers.bytes
        self.init(bytes.span(headers[index].valueRange))
    }

    /// Reads `bytes 0-99/1000`, with spaces as nginx allows them.
    init?(_ value: Span<UInt8>) {
        guard value.count >= 7, value.extracting(0..<6).equals("bytes ") else { return nil }
        var cursor = 6
        guard let first = Self.number(value, &cursor), Self.skip(ASCII.minus, value, &cursor),
            let last = Self.number(value, &cursor), last < Int.max, Self.skip(ASCII.slash, value, &cursor)
        else { return nil }
        if Self.skip(UInt8(ascii: "*"), value, &cursor) {
            total = nil
        } else {
            guard let length = Self.number(value, &cursor) else { return nil }
            total = length
        }
        Self.skipSpaces(value, &cursor)
        guard cursor == value.count else { return nil }
        start = first
        end = last + 1
    }

    private static func skipSpaces(_ value: Span<UInt8>, _ cursor: inout Int) {
        while cursor < value.count, value[cursor] == ASCII.space { cursor += 1 }
    }

    private static func number(_ value: Span<UInt8>, _ cursor: inout Int) -> Int? {
        skipSpaces(value, &cursor)
        let begin = cursor
        while cursor < value.count, value[cursor].isASCIIDigit { cursor += 1 }
        return value.extracting(begin..<cursor).decimalValue
    }

    private static func skip(_ byte: UInt8, _ value: Span<UInt8>, _ cursor: inout Int) -> Bool {
        skipSpaces(value, &cursor)
        guard cursor < value.count, value[cursor] == byte else { return false }
        cursor += 1
        return true
    }
}
