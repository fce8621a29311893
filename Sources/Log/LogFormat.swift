/// A value that is written to logs in a way of its own, under a variable's name or only there (`$pipe`): straight into the line,
/// past the store of variables' values.
struct LogField: Sendable {
    let name: ByteString
    let evaluate: Evaluate
    /// Numbers and times need none.
    let needsEscape: Bool

    init(_ name: ByteString, needsEscape: Bool = false, evaluate: @escaping Evaluate) {
        self.name = name
        self.needsEscape = needsEscape
        self.evaluate = evaluate
    }
}

/// A compiled `log_format`.
final class LogFormat: Sendable {
    enum Piece: Sendable {
        case text(ByteString)
        case variable(VariableIndex)
        case field(Evaluate, needsEscape: Bool)
        case localTime, isoTime, milliseconds
    }

    private let pieces: [Piece]
    private let escape: LogEscape

    /// Compiles the strings of a `log_format`, which are put together without anything between them.
    init(
        _ words: ArraySlice<Word>, escape: LogEscape, registry: VariableRegistry,
        fields: [LogField]
    ) throws(ConfigurationError) {
        var pieces: [Piece] = []
        for word in words {
            var position = 0
            while position < word.value.count {
                let start = position
                if word.value[start] == ASCII.dollar {
                    let name = try Self.name(in: word, at: &position)
                    pieces.append(try Self.piece(name, word, registry, fields))
                } else {
                    let value = word.value
                    position = value.span.firstIndex(of: ASCII.dollar, from: start) ?? value.count
                    pieces.append(.text(value.slice(start..<position)))
                }
            }
        }
        self.pieces = pieces
        self.escape = escape
    }

    private static func piece(
        _ name: ByteString, _ word: Word, _ registry: VariableRegistry, _ fields: [LogField]
    ) throws(ConfigurationError) -> Piece {
        if name == "time_local" { return .localTime }
        if name == "time_iso8601" { return .isoTime }
        if name == "msec" { return .milliseconds }
        if let field = fields.first(where: { $0.name == name }) {
            return .field(field.evaluate, needsEscape: field.needsEscape)
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
        for index in pieces.indices {
            switch pieces[index] {
            case .text(let text): line.append(text)
            case .localTime: clock.appendLocalTime(to: line)
            case .isoTime: clock.appendISO8601(to: line)
            case .milliseconds: clock.appendMilliseconds(to: line)
            case .variable(let variable):
                let start = line.count
                finish(scope.append(variable, to: line), from: start, line)
            case .field(let evaluate, let needsEscape):
                let start = line.count
                let found = evaluate(scope, line)
                if !found { line.truncate(to: start) }
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
    private let fields: [LogField]
    private var formats: [ByteString: LogFormat] = [:]
    /// Made by itself at its first use.
    private let predefined: ByteString?

    /// `combined`, for http.
    static let combined: ByteString = """
        $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent \
        "$http_referer" "$http_user_agent"
        """

    init(registry: VariableRegistry, fields: [LogField] = [], combined: ByteString? = nil) {
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
