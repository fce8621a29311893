/// What a parser says after it looked at all bytes there are.
enum ParseOutcome<Failure: Error & Equatable>: Sendable, Equatable {
    /// The head is not complete.
    case needMore
    /// The request line is complete, and its target has to be normalised; parse again.
    case lineKnown
    /// The host is known; parse again, with the limits of its server.
    case hostKnown
    /// The head is complete; the index behind its last byte.
    case complete(Int)
    case failed(Failure)
}

/// Reads a request's head from `head.bytes`, however torn: each call goes on where the last one stopped.
///
/// What it accepts, `RequestHead.validate` has accepted too. A path that needs normalising is still to be checked by
/// `URINormaliser`.
struct RequestHeadParser: Sendable {
    typealias Outcome = ParseOutcome<ParseError>

    private var line: RequestLineParser
    private var fieldLine = FieldLineParser(allowsUnderscores: false, isResponse: false)
    private var budget: HeadBudget
    private var cursor: Int
    private let start: Int
    /// Where the line being read begins.
    private var lineStart: Int
    /// Where the field line before it began, or -1.
    private var previousLineStart = -1
    private var isBehindLine = false
    private var hasPaused = false

    /// - Parameter start: where in the buffer the request begins.
    init(start: Int = 0) {
        line = RequestLineParser(start: start)
        budget = HeadBudget()
        cursor = start
        lineStart = start
        self.start = start
    }

    /// Whether something besides empty lines has come.
    var hasBegun: Bool { isBehindLine || !line.isBeforeLine }
    /// Whether the request line is complete: what the connection is doing is `reading client request headers` then.
    var isReadingFields: Bool { isBehindLine }

    /// Reads on to the end of the head or of the bytes. Empty lines before the request are dropped from the buffer.
    mutating func parse(into head: RequestHead, limits: RequestLimits) -> Outcome {
        if !isBehindLine {
            let outcome = parseLine(into: head, limits)
            guard isBehindLine else { return outcome }
            count(head)
            if limits.pausesAtLine, head.needsNormalising { return .lineKnown }
        }
        if head.version < .http10 { return .complete(cursor) }
        if head.hasAuthority, pauses(limits) { return .hostKnown }
        return parseFields(into: head, limits)
    }

    /// A pause is due once a request, where the host becomes known.
    private mutating func pauses(_ limits: RequestLimits) -> Bool {
        defer { hasPaused = true }
        return limits.pausesAtHost && !hasPaused
    }

    private mutating func parseLine(into head: RequestHead, _ limits: RequestLimits) -> Outcome {
        let buffer = head.bytes
        switch line.parse(buffer.span, &cursor, into: head) {
        case .failed(let error):
            guard budget.holds(cursor - line.lineStart, limits) else { return lineTooLong(head) }
            // A line whose host alone is wrong was read whole.
            if error == .invalidHostInRequestLine { head.length = cursor + 1 - line.lineStart }
            return .failed(error)
        case .needMore:
            if line.isBeforeLine {
                buffer.truncate(to: start)
                cursor = start
                return .needMore
            }
            guard budget.holds(cursor - line.lineStart, limits) else { return lineTooLong(head) }
            return .needMore
        case .done:
            guard budget.take(cursor - line.lineStart, limits) else { return lineTooLong(head) }
            isBehindLine = true
            lineStart = cursor
            return .needMore
        }
    }

    private mutating func parseFields(into head: RequestHead, _ limits: RequestLimits) -> Outcome {
        let buffer = head.bytes
        let bytes = buffer.span
        fieldLine.allowsUnderscores = limits.allowsUnderscores
        while true {
            switch fieldLine.next(bytes, &cursor) {
            case .needMore:
                return budget.holds(cursor - lineStart, limits)
                    ? .needMore : .failed(tooLong(head))
            case .invalid:
                guard budget.holds(cursor - lineStart, limits) else {
                    return .failed(tooLong(head))
                }
                return .failed(
                    .invalidFieldLine(ByteRange(fieldLine.nameStart, fieldLine.badIndex)))
            case .end:
                guard budget.take(cursor - lineStart, limits) else { return .failed(tooLong(head)) }
                count(head)
                if let error = head.validate(allowsConnect: limits.allowsConnect) {
                    return .failed(error)
                }
                return .complete(cursor)
            case .field:
                guard budget.take(cursor - lineStart, limits) else { return .failed(tooLong(head)) }
                previousLineStart = lineStart
                lineStart = cursor
                count(head)
                if let outcome = accept(bytes, head, limits) { return outcome }
            }
        }
    }

    private mutating func accept(
        _ bytes: Span<UInt8>, _ head: RequestHead, _ limits: RequestLimits
    ) -> Outcome? {
        if fieldLine.hasInvalidName, limits.ignoresInvalidNames {
            head.ignoreLine(fieldLine.lineRange)
            return nil
        }
        if head.fields.count >= limits.fieldCount { return .failed(.tooManyFields) }
        let nameRange = fieldLine.nameRange
        let field = Field(
            name: FieldName(bytes[nameRange]), nameRange: nameRange,
            valueRange: fieldLine.valueRange)
        if let error = head.accept(field) { return .failed(error) }
        return field.name == .host && pauses(limits) ? .hostKnown : nil
    }

    /// Counts the lines read so far, whether or not what they say is taken.
    private func count(_ head: RequestHead) {
        head.length = cursor - line.lineStart
    }

    /// Of a line that does not fit nothing is understood; the log shows what fitted.
    private func lineTooLong(_ head: RequestHead) -> Outcome {
        head.reset()
        let end = min(line.lineStart + budget.fitting, head.bytes.count)
        head.requestLine = ByteRange(line.lineStart, end)
        return .failed(.requestLineTooLong)
    }

    /// The line that does not fit, as far as it fits; where nothing of it does, the one before is quoted.
    private func tooLong(_ head: RequestHead) -> ParseError {
        if budget.fitting > 0 {
            return .fieldLineTooLong(ByteRange(lineStart, lineStart + budget.fitting))
        }
        if previousLineStart < 0 { return .headTooLarge }
        return .fieldLineTooLong(ByteRange(previousLineStart, lineStart))
    }
}
