/// Reads the condition of an `if`: its words, of which the first begins with `(` and the last ends with `)`.
struct ConditionParser {
    private let invocation: Invocation
    private var words: [ByteString]
    private var first = 0
    private var last: Int

    init(_ invocation: Invocation) {
        self.invocation = invocation
        words = invocation.arguments.map(\.value)
        last = words.count - 1
    }

    mutating func parse() throws(ConfigurationError) -> RewriteCondition {
        try takeBrackets()
        guard first < words.count else { throw invalid(words.count - 1) }
        let word = words[first]
        if word.count > 1, word[0] == ASCII.dollar { return try aboutVariable() }
        if word.count == 2, word[0] == ASCII.minus {
            return try aboutFile(word[1], isNegated: false)
        }
        if word.count == 3, word[0] == ASCII.exclamation, word[1] == ASCII.minus {
            return try aboutFile(word[2], isNegated: true)
        }
        throw invalid(first)
    }

    private mutating func takeBrackets() throws(ConfigurationError) {
        guard words[0].hasPrefix("(") else { throw invalid(0) }
        if words[0].count == 1 {
            first = 1
        } else {
            words[0] = words[0].slice(1..<words[0].count)
        }
        guard words[last].hasSuffix(")") else { throw invalid(last) }
        if words[last].count == 1 {
            last -= 1
        } else {
            words[last] = words[last].slice(0..<words[last].count - 1)
        }
    }

    private func invalid(_ index: Int) -> ConfigurationError {
        invocation.fail(
            "invalid condition \"\(words[index])\"",
            advice: "conditions are ($variable), ($variable = text), (!=, ~, ~*, !~, !~* likewise), "
                + "(-f file), (-d, -e, -x and !-f likewise)",
            at: invocation.arguments[index])
    }

    private func aboutVariable() throws(ConfigurationError) -> RewriteCondition {
        guard first == last || first + 2 == last else { throw invalid(first) }
        let registry = try invocation.http().registry
        let name = words[first].slice(1..<words[first].count)
        let variable = try registry.reference(name, at: invocation.arguments[first].position)
        if first == last { return .variable(variable) }
        switch words[first + 1].text {
        case "=": return .equals(variable, try value(), isNegated: false)
        case "!=": return .equals(variable, try value(), isNegated: true)
        case "~": return .matches(variable, try regex(false), isNegated: false)
        case "~*": return .matches(variable, try regex(true), isNegated: false)
        case "!~": return .matches(variable, try regex(false), isNegated: true)
        case "!~*": return .matches(variable, try regex(true), isNegated: true)
        default:
            throw invocation.fail(
                "unexpected \"\(words[first + 1])\" in condition",
                advice: "a variable is compared by =, !=, ~, ~*, !~ or !~*",
                at: invocation.arguments[first + 1])
        }
    }

    private func aboutFile(
        _ letter: UInt8, isNegated: Bool
    ) throws(ConfigurationError) -> RewriteCondition {
        guard first + 1 == last else { throw invalid(first) }
        let path = try value()
        switch Unicode.Scalar(letter) {
        case "f": return .file(path, .plain, isNegated: isNegated)
        case "d": return .file(path, .folder, isNegated: isNegated)
        case "e": return .file(path, .existing, isNegated: isNegated)
        case "x": return .file(path, .executable, isNegated: isNegated)
        default: throw invalid(first)
        }
    }

    private func value() throws(ConfigurationError) -> Template {
        try Template(
            compiling: words[last], registry: invocation.http().registry,
            at: invocation.arguments[last].position)
    }

    private func regex(_ caseless: Bool) throws(ConfigurationError) -> Regex {
        try Regex(
            pattern: words[last], caseless: caseless, registry: invocation.http().registry)
    }
}
