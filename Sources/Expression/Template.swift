/// A compiled text with variables, such as `$scheme://${host}/$1`.
///
/// A class, since settings hold many and requests use them without counting references to what they are made of.
final class Template: Sendable {
    enum Part: Sendable {
        case text(ByteString)
        case variable(VariableIndex)
        /// `$1` to `$9`.
        case capture(Int)
    }

    private enum Step: Sendable {
        case text(Int, Int)
        case variable(VariableIndex)
        case capture(Int)
    }

    /// The text as it stands in the configuration.
    let source: ByteString
    let parts: [Part]
    /// The parts again, as plain numbers: evaluating touches no reference count.
    private let steps: [Step]
    /// All texts of the parts, one after another.
    private let texts: ByteString
    /// The whole value, if it has no variables.
    let constant: ByteString?

    /// A text in which `$` means nothing.
    init(constant text: ByteString) {
        source = text
        parts = text.isEmpty ? [] : [.text(text)]
        constant = text
        (steps, texts) = ([], .empty)
    }

    /// Compiles the text; `position` is where it stands, for messages about unknown variables.
    init(
        compiling text: ByteString, registry: VariableRegistry, at position: Position? = nil
    ) throws(ConfigurationError) {
        source = text
        var parser = Parser(text: text)
        var parts: [Part] = []
        while let piece = try parser.next() {
            switch piece {
            case .text(let range): parts.append(.text(text.slice(range)))
            case .capture(let number): parts.append(.capture(number))
            case .name(let range):
                parts.append(.variable(try registry.reference(text.slice(range), at: position)))
            }
        }
        self.parts = parts
        constant = Self.hasVariables(text.span) ? nil : text
        (steps, texts) = Self.flatten(parts)
    }

    private static func flatten(_ parts: [Part]) -> ([Step], ByteString) {
        var texts: [UInt8] = []
        let steps = parts.map { part in
            switch part {
            case .text(let text):
                texts += text.bytes
                return Step.text(texts.count - text.count, texts.count)
            case .variable(let variable): return .variable(variable)
            case .capture(let number): return .capture(number)
            }
        }
        return (steps, ByteString(texts))
    }

    /// Whether the text would compile to anything but a constant.
    static func hasVariables(_ text: Span<UInt8>) -> Bool {
        text.firstIndex(of: ASCII.dollar) != nil
    }

    /// The highest group used, 0 if none is.
    var highestCapture: Int {
        parts.reduce(0) { highest, part in
            if case .capture(let number) = part { max(highest, number) } else { highest }
        }
    }

    /// Appends the value. Variables without a value and groups that matched nothing add nothing.
    func append(to out: Buffer, scope: VariableScope) {
        if let constant { return out.append(constant) }
        for index in steps.indices {
            switch steps[index] {
            case .text(let start, let end): out.append(texts, start..<end)
            case .variable(let variable): scope.append(variable, to: out)
            case .capture(let number): scope.captures.append(group: number, to: out)
            }
        }
    }

    /// Whether the value is empty, which many directives take for "off".
    func isEmpty(in scope: VariableScope) -> Bool {
        if let constant { return constant.isEmpty }
        let scratch = scope.values.scratch
        let mark = scratch.count
        defer { scratch.truncate(to: mark) }
        append(to: scratch, scope: scope)
        return scratch.count == mark
    }

    /// Whether the value is neither empty nor "0": nginx's test of a condition, as in `proxy_cache_bypass`.
    func isTrue(in scope: VariableScope) -> Bool {
        let scratch = scope.values.scratch
        let mark = scratch.count
        defer { scratch.truncate(to: mark) }
        append(to: scratch, scope: scope)
        let length = scratch.count - mark
        return length > 1 || length == 1 && scratch[mark] != ASCII.zero
    }
}

extension Template {
    /// Takes a text apart by nginx's rules.
    private struct Parser {
        enum Piece {
            case text(Range<Int>)
            case name(Range<Int>)
            case capture(Int)
        }

        let text: ByteString
        var position = 0

        init(text: ByteString) { self.text = text }

        mutating func next() throws(ConfigurationError) -> Piece? {
            guard position < text.count else { return nil }
            guard text[position] == ASCII.dollar else {
                let start = position
                position = text.span.firstIndex(of: ASCII.dollar, from: start) ?? text.count
                return .text(start..<position)
            }
            position += 1
            guard position < text.count else { throw invalidName }
            if (0x31...ASCII.nine).contains(text[position]) {
                position += 1
                return .capture(Int(text[position - 1] - ASCII.zero))
            }
            return .name(try name())
        }

        private mutating func name() throws(ConfigurationError) -> Range<Int> {
            let isBracketed = text[position] == ASCII.openBrace
            if isBracketed {
                position += 1
                guard position < text.count else { throw invalidName }
            }
            let start = position
            while position < text.count, Self.isNameByte(text[position]) { position += 1 }
            let range = start..<position
            if isBracketed {
                guard position < text.count, text[position] == ASCII.closeBrace else {
                    let name = text.slice(range).text
                    throw ConfigurationError(
                        "the closing bracket in \"\(name)\" variable is missing",
                        advice: "write ${\(name)}")
                }
                position += 1
            }
            guard !range.isEmpty else { throw invalidName }
            return range
        }

        private var invalidName: ConfigurationError {
            ConfigurationError(
                "invalid variable name",
                advice: "a \"$\" starts a variable, such as $host or ${host}; the character itself "
                    + "cannot be written in a value, except through a variable that holds it")
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            byte.isASCIILetter || byte.isASCIIDigit || byte == ASCII.underscore
        }
    }
}
