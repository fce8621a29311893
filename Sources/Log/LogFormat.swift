/// Values that are written to logs in a way of their own, under a variable's name or only there (`$pipe`): straight into the line,
/// past the store of variables' values. Formats know them by their numbers, so that a line counts no references to closures.
class LogFields: @unchecked Sendable {
    struct Field: Sendable {
        let name: ByteString
        /// Numbers and times need none.
        var needsEscape = false
    }

    /// The number of a field is its place.
    final let fields: [Field]

    init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Appends a field's value; false: it has none, and nothing was appended.
    func append(_ number: Int, of scope: VariableScope, to line: Buffer) -> Bool { false }

    fileprivate final func number(of name: ByteString) -> Int? { fields.firstIndex { $0.name == name } }
}

/// A compiled `log_format`.
final class LogFormat: Sendable {
    /// Plain numbers: writing a line touches no reference count for them.
    private enum Step: Sendable {
        case text(Int, Int)
        case variable(VariableIndex)
        case field(Int, needsEscape: Bool)
        case localTime, isoTime, milliseconds
    }

    private let steps: [Step]
    /// All texts, one after another.
    private let texts: ByteString
    private let fields: LogFields
    private let escape: LogEscape

    /// Compiles the strings of a `log_format`, which are put together without anything between them.
    init(
        _ words: ArraySlice<Word>, escape: LogEscape, registry: VariableRegistry,
        fields: LogFields
    ) throws(ConfigurationError) {
        var steps: [Step] = []
        var texts: [UInt8] = []
        for word in words {
            var position = 0
            while position < word.value.count {
                let start = position
                if word.value[start] == ASCII.dollar {
                    let name = try Self.name(in: word, at: &position)
                    steps.append(try Self.step(name, word, registry, fields))
                } else {
                    let value = word.value
                    position = value.span.firstIndex(of: ASCII.dollar, from: start) ?? value.count
                    steps.append(.text(texts.count, texts.count + position - start))
                    texts += value.slice(start..<position).bytes
                }
            }
        }
        self.steps = steps
        self.texts = ByteString(texts)
        self.fields = fields
        self.escape = escape
    }

    private static func step(
        _ name: ByteString, _ word: Word, _ registry: VariableRegistry, _ fields: LogFields
    ) throws(ConfigurationError) -> Step {
        if name == "time_local" { return .localTime }
        if name == "time_iso8601" { return .isoTime }
        if name == "msec" { return .milliseconds }
        if let number = fields.number(of: name) {
            return .field(number, needsEscape: fields.fields[number].needsEscape)
        }
        return .variable(try registry.reference(name, at: word.position))
    }

    /// Reads `$name` or `${name}`. Unlike elsewhere `$1` is not a group here but an unknown variable.
    private static func name(
        in word: Word, at position: inout Int
    ) throws(ConfigurationError) -> ByteString {
        let text = word.value
        let dollar = position
        position += 1
        let isBracketed = position < text.count && text[position] == ASCII.openBrace
        if isBracketed { position += 1 }
        let start = position
        while position < text.count, isNameByte(text[position]) { position += 1 }
        let name = text.slice(start..<position)
        if isBracketed, start < text.count {
            guard position < text.count, text[position] == ASCII.closeBrace else {
                throw ConfigurationError(
                    "the closing bracket in \"\(name)\" variable is missing",
                    focus: word.position)
            }
            position += 1
        }
        if name.isEmpty {
            let rest = text.slice(dollar..<text.count)
            throw ConfigurationError("invalid parameter \"\(rest)\"", focus: word.position)
        }
        return name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == ASCII.underscore
    }

    /// Appends a line without its end. Values go straight into the line, and are touched again only if some byte of them may
    /// not stand as it is.
    func append(to line: Buffer, _ scope: VariableScope, _ clock: WallClock) {
        for index in steps.indices {
            switch steps[index] {
            case .text(let start, let end): line.append(texts, start..<end)
            case .localTime: clock.appendLocalTime(to: line)
            case .isoTime: clock.appendISO8601(to: line)
            case .milliseconds: clock.appendMilliseconds(to: line)
            case .variable(let variable):
                let start = line.count
                finish(scope.append(variable, to: line), from: start, line)
            case .field(let number, let needsEscape):
                let start = line.count
                let found = fields.append(number, of: scope, to: line)
                if needsEscape || !found { finish(found, from: start, line) }
            }
        }
    }

    @inline(__always)
    private func finish(_ found: Bool, from start: Int, _ line: Buffer) {
        if found {
            line.escape(from: start, escape)
        } else if case .default = escape {
            // Only here: in JSON a hyphen would be wrong where a number is expected.
            line.append(ASCII.minus)
        }
    }
}

/// The log formats of a configuration's `http` or `stream` block.
final class LogFormats {
    private let registry: VariableRegistry
    private let fields: LogFields
    private var formats: [ByteString: LogFormat] = [:]
    /// Made by itself at its first use.
    private let predefined: ByteString?

    /// `combined`, for http.
    static let combined: ByteString = """
        $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent \
        "$http_referer" "$http_user_agent"
        """

    init(registry: VariableRegistry, fields: LogFields = LogFields(), combined: ByteString? = nil) {
        self.registry = registry
        self.fields = fields
        predefined = combined
    }

    /// A format by name, or nil. As in nginx, letters' case does not matter.
    func format(_ name: ByteString) throws(ConfigurationError) -> LogFormat? {
        let key = name.lowercased
        if let format = formats[key] { return format }
        guard key == "combined", let predefined else { return nil }
        let word = Word(value: predefined, position: Position(file: 0, line: 0, column: 0))
        let format = try LogFormat(
            [word], escape: .default, registry: registry, fields: fields)
        formats[key] = format
        return format
    }

    /// Adds what a `log_format` directive says: a name, perhaps `escape=`, and strings.
    func add(_ invocation: Invocation) throws(ConfigurationError) {
        let name = invocation[0]
        let key = name.lowercased
        if formats[key] != nil || key == "combined" && predefined != nil {
            throw invocation.fail(
                "duplicate \"log_format\" name \"\(name)\"", at: invocation.arguments[0])
        }
        var words = invocation.arguments.dropFirst()
        var escape = LogEscape.default
        if let first = words.first, let mode = first.value.value(of: "escape=") {
            switch mode {
            case "default": escape = .default
            case "json": escape = .json
            case "none": escape = .none
            default:
                throw invocation.fail("unknown log format escaping \"\(mode)\"", at: first)
            }
            words = words.dropFirst()
        }
        formats[key] = try LogFormat(words, escape: escape, registry: registry, fields: fields)
    }

    /// Compiles the condition or path of an `access_log`.
    func template(
        _ text: ByteString, at position: Position
    ) throws(ConfigurationError) -> Template {
        try Template(compiling: text, registry: registry, at: position)
    }
}
