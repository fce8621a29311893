/// Reads header lines, one a step, however torn; requests, answers and trailers share it.
///
/// It takes what nginx takes: LF alone ends a line, a line without a colon is a field without a value, only spaces are
/// trimmed; and refuses what nginx refuses: a line that begins with a blank, a blank in a name, NUL, CR within a line.
struct FieldLineParser: Sendable {
    enum Step: Sendable {
        case needMore
        /// A line is complete; the ranges are set.
        case field
        /// The empty line that ends the head.
        case end
        /// The line is refused: it is good from `nameStart` to `badIndex`.
        case invalid
    }

    private enum State: UInt8 {
        case lineStart, name, spaceBeforeValue, value, ignoredLine, lineEnd, headEnd
    }

    private var state = State.lineStart
    /// Underscores are valid in names.
    var allowsUnderscores: Bool
    /// A repeated status line is skipped: some servers send two.
    private let isResponse: Bool
    /// Where the line begins.
    private(set) var nameStart = 0
    private var nameEnd = 0
    private var valueStart = 0
    private var valueEnd = 0
    private(set) var badIndex = 0
    /// The name holds a byte that names should not hold.
    private(set) var hasInvalidName = false

    init(allowsUnderscores: Bool, isResponse: Bool) {
        self.allowsUnderscores = allowsUnderscores
        self.isResponse = isResponse
    }

    var nameRange: ByteRange { ByteRange(nameStart, nameEnd) }
    var valueRange: ByteRange { ByteRange(valueStart, valueEnd) }
    /// The line without its end.
    var lineRange: ByteRange { ByteRange(nameStart, max(valueEnd, nameEnd)) }
    /// Whether a line has begun.
    var isWithinLine: Bool { state != .lineStart }

    /// Reads on from `cursor` to the end of a line or of the bytes.
    mutating func next(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Step {
        while cursor < bytes.count {
            switch state {
            case .lineStart:
                if takeOrdinary(bytes, &cursor) { return .field }
                if let step = beginLine(bytes, &cursor) { return step }
            case .name:
                if let step = readName(bytes, &cursor) { return step }
            case .spaceBeforeValue:
                if bytes[cursor] == ASCII.space {
                    cursor &+= 1
                } else {
                    valueStart = cursor
                    state = .value
                }
            case .value:
                if let step = readValue(bytes, &cursor) { return step }
            case .ignoredLine:
                guard let end = bytes.firstIndex(of: ASCII.lf, from: cursor) else {
                    cursor = bytes.count
                    return .needMore
                }
                cursor = end + 1
                state = .lineStart
            case .lineEnd:
                let byte = bytes[cursor]
                if byte == ASCII.lf { return finish(&cursor) }
                if byte != ASCII.cr { return refuse(at: valueEnd) }
                cursor &+= 1
            case .headEnd:
                if bytes[cursor] != ASCII.lf { return refuse(at: nameStart) }
                cursor &+= 1
                state = .lineStart
                return .end
            }
        }
        return .needMore
    }

    /// Takes a whole line as nearly all are: a name, a colon, a space or none, a value, CR LF. False: nothing was taken, and what
    /// there is has to be read step by step.
    private mutating func takeOrdinary(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Bool {
        let start = cursor
        let colon = bytes.firstNonNameByte(from: start)
        var value = colon &+ 1
        guard colon > start, value < bytes.count, bytes[colon] == ASCII.colon else { return false }
        if bytes[value] == ASCII.space { value &+= 1 }
        guard let end = bytes.firstLineBreakOrNUL(from: value), end &+ 1 < bytes.count,
            bytes[end] == ASCII.cr, bytes[end &+ 1] == ASCII.lf,
            value == end || bytes[value] != ASCII.space && bytes[end &- 1] != ASCII.space
        else { return false }
        nameStart = start
        nameEnd = colon
        valueStart = value
        valueEnd = end
        hasInvalidName = false
        cursor = end &+ 2
        return true
    }

    private mutating func finish(_ cursor: inout Int) -> Step {
        cursor &+= 1
        state = .lineStart
        return .field
    }

    private mutating func refuse(at index: Int) -> Step {
        badIndex = index
        return .invalid
    }

    private mutating func beginLine(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Step? {
        let byte = bytes[cursor]
        nameStart = cursor
        nameEnd = cursor
        valueEnd = cursor
        hasInvalidName = false
        if byte == ASCII.cr {
            cursor &+= 1
            state = .headEnd
            return nil
        }
        if byte == ASCII.lf {
            cursor &+= 1
            return .end
        }
        if byte <= ASCII.space || byte == ASCII.delete || byte == ASCII.colon {
            return refuse(at: cursor)
        }
        state = .name
        return nil
    }

    private mutating func readName(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Step? {
        var index = cursor
        while index < bytes.count {
            let byte = bytes[index]
            // The only bytes that nginx takes in a name without complaint.
            if byte.isASCIINameByte {
                index &+= 1
                continue
            }
            if byte == ASCII.colon {
                nameEnd = index
                cursor = index &+ 1
                state = .spaceBeforeValue
                return nil
            }
            cursor = index
            if byte == ASCII.cr || byte == ASCII.lf { return endWithoutColon(byte, &cursor) }
            if byte == ASCII.slash, isResponse, index &- nameStart == 4,
                bytes.extracting(nameStart..<index).equals("HTTP")
            {
                state = .ignoredLine
                return nil
            }
            if byte <= ASCII.space || byte == ASCII.delete { return refuse(at: index) }
            if byte != ASCII.underscore || !allowsUnderscores { hasInvalidName = true }
            index &+= 1
        }
        cursor = index
        return nil
    }

    private mutating func endWithoutColon(_ byte: UInt8, _ cursor: inout Int) -> Step? {
        nameEnd = cursor
        valueStart = cursor
        valueEnd = cursor
        if byte == ASCII.lf { return finish(&cursor) }
        cursor &+= 1
        state = .lineEnd
        return nil
    }

    private mutating func readValue(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Step? {
        guard let end = bytes.firstLineBreakOrNUL(from: cursor) else {
            cursor = bytes.count
            return .needMore
        }
        cursor = end
        let byte = bytes[end]
        if byte == ASCII.nul { return refuse(at: end) }
        var last = end
        while last > valueStart, bytes[last &- 1] == ASCII.space { last &-= 1 }
        valueEnd = last
        if byte == ASCII.lf { return finish(&cursor) }
        cursor &+= 1
        state = .lineEnd
        return nil
    }
}
