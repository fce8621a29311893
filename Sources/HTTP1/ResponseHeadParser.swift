/// Reads an upstream's status line, however torn, as leniently as nginx: any minor version, `403.1`, no reason phrase.
struct StatusLineParser: Sendable {
    enum Step {
        case needMore, done, invalid
    }

    private enum State: UInt8 {
        case protocolName, majorStart, major, minorStart, minor, code, afterCode, reason, lineFeed
    }

    private var state = State.protocolName
    private let start: Int
    private var majorVersion = 0
    private var minorVersion = 0
    private var code = 0
    private var digits = 0
    private var codeStart = 0

    init(start: Int) {
        self.start = start
    }

    mutating func parse(
        _ bytes: Span<UInt8>, _ cursor: inout Int, into head: ResponseHead
    ) -> Step {
        if state == .protocolName, cursor == start { readUsualBeginning(bytes, &cursor) }
        while cursor < bytes.count {
            let byte = bytes[cursor]
            switch state {
            case .reason:
                // The phrase is passed over at once: up to the line's end, before which CR may stand, but nowhere else.
                let lineFeed = bytes.firstIndex(of: ASCII.lf, from: cursor)
                let phrase = bytes.extracting(codeStart..<(lineFeed ?? bytes.count))
                let length = phrase.firstIndex(of: ASCII.cr) ?? phrase.count
                guard length >= phrase.count - 1 else { return .invalid }
                guard let lineFeed else {
                    cursor = bytes.count
                    return .needMore
                }
                cursor = lineFeed + 1
                finish(codeStart + length, head)
                return .done
            case .afterCode, .lineFeed:
                if byte == ASCII.lf {
                    let end = state == .lineFeed ? cursor - 1 : cursor
                    cursor += 1
                    finish(end, head)
                    return .done
                }
                guard readReason(byte) else { return .invalid }
            case .code:
                guard readCode(byte, cursor) else { return .invalid }
            default:
                guard readVersion(byte, cursor) else { return .invalid }
            }
            cursor += 1
        }
        return .needMore
    }

    private mutating func readVersion(_ byte: UInt8, _ cursor: Int) -> Bool {
        let digit = Int(byte &- ASCII.zero)
        switch state {
        case .protocolName:
            let name: StaticString = "HTTP/"
            let offset = cursor - start
            guard byte == name.bytes[offset] else { return false }
            if offset == 4 { state = .majorStart }
        case .majorStart:
            guard (1...9).contains(digit) else { return false }
            majorVersion = digit
            state = .major
        case .major:
            if byte == ASCII.dot {
                state = .minorStart
            } else {
                guard digit < 10, majorVersion <= 99 else { return false }
                majorVersion = majorVersion * 10 + digit
            }
        case .minorStart:
            guard digit < 10 else { return false }
            minorVersion = digit
            state = .minor
        default:
            if byte == ASCII.space {
                state = .code
            } else {
                guard digit < 10, minorVersion <= 99 else { return false }
                minorVersion = minorVersion * 10 + digit
            }
        }
        return true
    }

    private mutating func readCode(_ byte: UInt8, _ cursor: Int) -> Bool {
        // nginx skips spaces even between the digits.
        if byte == ASCII.space { return true }
        guard byte.isASCIIDigit else { return false }
        code = code * 10 + Int(byte &- ASCII.zero)
        digits += 1
        if digits == 3 {
            state = .afterCode
            codeStart = cursor - 2
        }
        return true
    }

    private mutating func readReason(_ byte: UInt8) -> Bool {
        switch state {
        case .afterCode:
            if byte == ASCII.cr {
                state = .lineFeed
            } else if byte == ASCII.space || byte == ASCII.dot {
                // A dot begins the sub-status that IIS sends.
                state = .reason
            } else {
                return false
            }
        default:
            return false
        }
        return true
    }

    /// Reads `HTTP/1.1 ` in one step, as nearly all answers begin.
    private mutating func readUsualBeginning(_ bytes: Span<UInt8>, _ cursor: inout Int) {
        let beginning: StaticString = "HTTP/1.1 "
        let length = beginning.utf8CodeUnitCount
        guard bytes.count &- cursor >= length,
            bytes.extracting(cursor..<cursor &+ length).equals(beginning)
        else { return }
        majorVersion = 1
        minorVersion = 1
        state = .code
        cursor &+= length
    }

    private func finish(_ end: Int, _ head: ResponseHead) {
        head.version = Version(
            major: UInt8(min(majorVersion, 255)), minor: UInt8(min(minorVersion, 255)))
        head.status = Status(code)
        head.statusLine = ByteRange(codeStart, end)
        head.closes = head.version < .http11
    }
}

/// Reads the head of an upstream's answer from `head.bytes`, however torn.
///
/// Interim answers (1xx) come out like others: start a new parser behind them. How large a head may be is the caller's to
/// limit, by the buffer it reads into.
struct ResponseHeadParser: Sendable {
    typealias Outcome = ParseOutcome<ResponseError>

    private var line: StatusLineParser
    private var fieldLine: FieldLineParser
    private var cursor: Int
    private let start: Int
    private var isBehindLine: Bool

    /// - Parameters:
    ///   - start: where in the buffer the answer begins.
    ///   - hasStatusLine: false for answers that begin with fields, as those of FastCGI, SCGI and uwsgi do.
    init(start: Int = 0, hasStatusLine: Bool = true) {
        self.start = start
        cursor = start
        line = StatusLineParser(start: start)
        fieldLine = FieldLineParser(allowsUnderscores: true, isResponse: true)
        isBehindLine = !hasStatusLine
    }

    /// Reads on to the end of the head or of the bytes.
    mutating func parse(into head: ResponseHead) -> Outcome {
        let buffer = head.bytes
        let bytes = buffer.span
        if !isBehindLine {
            switch line.parse(bytes, &cursor, into: head) {
            case .needMore: return .needMore
            case .invalid: return .failed(.noStatusLine)
            case .done: isBehindLine = true
            }
        }
        while true {
            switch fieldLine.next(bytes, &cursor) {
            case .needMore:
                return .needMore
            case .invalid:
                return .failed(
                    .invalidFieldLine(ByteRange(fieldLine.nameStart, fieldLine.badIndex)))
            case .end:
                head.length = cursor - start
                return .complete(cursor)
            case .field:
                let nameRange = fieldLine.nameRange
                let field = Field(
                    name: FieldName(bytes[nameRange]), nameRange: nameRange,
                    valueRange: fieldLine.valueRange)
                if let error = head.accept(field) { return .failed(error) }
            }
        }
    }
}

/// Reads the trailer fields behind a chunked body, however torn; the final empty line included.
struct TrailerParser: Sendable {
    private var fieldLine = FieldLineParser(allowsUnderscores: true, isResponse: true)
    private var cursor: Int

    /// - Parameter start: where in the buffer the trailer begins.
    init(start: Int = 0) {
        cursor = start
    }

    typealias Outcome = ParseOutcome<ResponseError>

    /// Reads on to the end of the trailer or of the bytes.
    mutating func parse(_ buffer: Buffer, into fields: FieldTable) -> Outcome {
        let bytes = buffer.span
        while true {
            switch fieldLine.next(bytes, &cursor) {
            case .needMore:
                return .needMore
            case .invalid:
                return .failed(
                    .invalidFieldLine(ByteRange(fieldLine.nameStart, fieldLine.badIndex)))
            case .end:
                return .complete(cursor)
            case .field:
                let nameRange = fieldLine.nameRange
                fields.append(
                    Field(
                        name: FieldName(bytes[nameRange]), nameRange: nameRange,
                        valueRange: fieldLine.valueRange))
            }
        }
    }
}
