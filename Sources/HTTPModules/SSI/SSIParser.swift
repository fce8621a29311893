/// Finds the commands in a page, `<!--#command name="value" ... -->`, wherever the page is torn: a machine without I/O.
struct SSIParser {
    enum Event: Equatable {
        /// The page's own text: first so many bytes of `<!--` that came before, then this range.
        case text(marks: Int, Range<Int>)
        /// A command is complete, in `command` and `parameters`; the page goes on at this index.
        case command(Int)
        /// What should be a command is none; `problem` says why.
        case malformed(Int)
        case needMore
    }

    struct Parameter: Equatable {
        var name: [UInt8]
        var value: [UInt8] = []
    }

    private(set) var command: [UInt8] = []
    private(set) var parameters: [Parameter] = []
    /// nginx's message.
    private(set) var problem = ByteString.empty
    /// The longest value of a parameter: `ssi_value_length`.
    private let valueLimit: Int
    private var state = State.text
    private var stateBeforeEscape = State.text

    private static let nameLimit = 32
    static let opening: StaticString = "<!--"

    private enum State {
        /// So many bytes of `<!--` have come.
        case text, mark1, mark2, mark3, mark4
        case beforeCommand, command
        case beforeName, name, behindName
        case beforeValue, doubleQuoted, quoted, escaped, behindValue
        case end1, end2
        /// Skips to the end of what is no command.
        case broken, brokenEnd1, brokenEnd2
    }

    init(valueLimit: Int) {
        self.valueLimit = valueLimit
    }

    /// What comes next in `bytes` from an index on. After `needMore` all of them were looked at.
    mutating func next(_ bytes: Span<UInt8>, from start: Int) -> Event {
        var index = start
        while index < bytes.count {
            switch state {
            case .text:
                guard let mark = bytes.firstIndex(of: ASCII.less, from: index) else {
                    return .text(marks: 0, index..<bytes.count)
                }
                if mark > index { return .text(marks: 0, index..<mark) }
                state = .mark1
                index += 1
            case .mark1, .mark2, .mark3, .mark4:
                if let text = readMark(bytes[index], at: index) { return text }
                index += 1
            default:
                let byte = bytes[index]
                index += 1
                if let event = read(byte, end: index) { return event }
            }
        }
        return .needMore
    }

    /// The marks that have come, when the page ends with them.
    mutating func takeMarks() -> Int {
        let marks = marks
        if marks > 0 { state = .text }
        return marks
    }

    private var marks: Int {
        switch state {
        case .mark1: 1
        case .mark2: 2
        case .mark3: 3
        case .mark4: 4
        default: 0
        }
    }

    /// One byte within `<!--#`. Returns the marks as text when they turn out to be just that; the byte is read again then.
    private mutating func readMark(_ byte: UInt8, at index: Int) -> Event? {
        switch (state, byte) {
        case (.mark1, ASCII.exclamation): state = .mark2
        case (.mark2, ASCII.minus): state = .mark3
        case (.mark3, ASCII.minus): state = .mark4
        case (.mark4, ASCII.hash): state = .beforeCommand
        default:
            let count = marks
            state = .text
            return .text(marks: count, index..<index)
        }
        return nil
    }

    // MARK: - Within a command

    private mutating func read(_ byte: UInt8, end: Int) -> Event? {
        let isBlank = byte == ASCII.space || byte == ASCII.tab || byte == ASCII.cr || byte == ASCII.lf
        switch state {
        case .beforeCommand:
            if isBlank { break }
            command = [byte]
            parameters = []
            state = .command
        case .command: readCommand(byte, isBlank)
        case .beforeName:
            if isBlank { break }
            if byte == ASCII.minus {
                state = .end1
                break
            }
            parameters.append(Parameter(name: [byte]))
            state = .name
        case .name: readName(byte, isBlank)
        case .behindName:
            if isBlank { break }
            if byte == ASCII.equals {
                state = .beforeValue
            } else {
                complain("unexpected \"%\" symbol after \"N\" parameter in \"C\" SSI command", byte)
            }
        case .beforeValue:
            if isBlank { break }
            switch byte {
            case ASCII.quote: state = .doubleQuoted
            case ASCII.apostrophe: state = .quoted
            default: complain("unexpected \"%\" symbol before value of \"N\" parameter in \"C\" SSI command", byte)
            }
        case .doubleQuoted: readValue(byte, closing: ASCII.quote)
        case .quoted: readValue(byte, closing: ASCII.apostrophe)
        case .escaped:
            state = stateBeforeEscape
            addToValue(byte)
        case .behindValue:
            if isBlank {
                state = .beforeName
            } else if byte == ASCII.minus {
                state = .end1
            } else {
                complain("unexpected \"%\" symbol after \"V\" value of \"N\" parameter in \"C\" SSI command", byte)
                state = .broken
            }
        case .end1, .end2, .broken, .brokenEnd1, .brokenEnd2: return readEnd(byte, end)
        case .text, .mark1, .mark2, .mark3, .mark4: break
        }
        return nil
    }

    private mutating func readCommand(_ byte: UInt8, _ isBlank: Bool) {
        if isBlank {
            state = .beforeName
        } else if byte == ASCII.minus {
            state = .end1
        } else if command.count == Self.nameLimit {
            complain("the \"C%...\" SSI command is too long", byte)
            state = .broken
        } else {
            command.append(byte)
        }
    }

    private mutating func readName(_ byte: UInt8, _ isBlank: Bool) {
        if isBlank {
            state = .behindName
        } else if byte == ASCII.equals {
            state = .beforeValue
        } else if byte == ASCII.minus {
            complain("unexpected \"-\" symbol after \"N\" parameter in \"C\" SSI command", byte)
        } else if parameters[parameters.count - 1].name.count == Self.nameLimit {
            complain("too long \"N%...\" parameter in \"C\" SSI command", byte)
            state = .broken
        } else {
            parameters[parameters.count - 1].name.append(byte)
        }
    }

    private mutating func readValue(_ byte: UInt8, closing quote: UInt8) {
        if byte == quote {
            state = .behindValue
            return
        }
        if byte == ASCII.backslash {
            stateBeforeEscape = state
            state = .escaped
        }
        addToValue(byte)
    }

    private mutating func addToValue(_ byte: UInt8) {
        if parameters[parameters.count - 1].value.count == valueLimit {
            complain("too long \"V%...\" value of \"N\" parameter in \"C\" SSI command", byte)
            state = .broken
        } else {
            parameters[parameters.count - 1].value.append(byte)
        }
    }

    private mutating func readEnd(_ byte: UInt8, _ end: Int) -> Event? {
        switch (state, byte) {
        case (.end1, ASCII.minus): state = .end2
        case (.end2, ASCII.greater):
            state = .text
            return .command(end)
        case (.end1, _), (.end2, _):
            complain("unexpected \"%\" symbol in \"C\" SSI command", byte)
            state = .broken
        case (.broken, ASCII.minus): state = .brokenEnd1
        case (.brokenEnd1, ASCII.minus): state = .brokenEnd2
        case (.brokenEnd2, ASCII.greater):
            state = .text
            return .malformed(end)
        default: state = .broken
        }
        return nil
    }

    /// Notes what is wrong, with the byte for `%`, the command for `C`, the last parameter's name for `N` and value for `V`.
    private mutating func complain(_ message: StaticString, _ byte: UInt8) {
        var text: [UInt8] = []
        let form = Array(copying: message.bytes)
        for (index, letter) in form.enumerated() {
            let isPlace = index > 0 && (form[index - 1] == ASCII.quote || letter == ASCII.percent)
            switch letter {
            case ASCII.percent: text.append(byte)
            case UInt8(ascii: "C") where isPlace: text += command
            case UInt8(ascii: "N") where isPlace: text += parameters.last?.name ?? []
            case UInt8(ascii: "V") where isPlace: text += parameters.last?.value ?? []
            default: text.append(letter)
            }
        }
        problem = ByteString(text)
        state = byte == ASCII.minus ? .brokenEnd1 : .broken
    }
}
