extension MapTable {
    /// Reads a `map SOURCE $VARIABLE { ... }` block and declares its variable.
    static func declare(
        _ invocation: Invocation, registry: VariableRegistry, jit: Bool = true
    ) throws(ConfigurationError) {
        let source = try Template(
            compiling: invocation[0], registry: registry, at: invocation.arguments[0].position)
        let name = try registry.declaredName(invocation.arguments[1])
        try registry.checkDeclarable(name)
        var builder = MapBuilder(registry: registry, jit: jit)
        try invocation.forEachEntry { entry throws(ConfigurationError) in
            try builder.add([entry.name] + entry.arguments)
        }
        let table = builder.table
        try registry.declare(name, table.isVolatile ? [.changeable, .noCacheable] : .changeable) {
            scope, out in
            table.append(mapping: source, to: out, scope: scope)
            return true
        }
    }
}

/// Fills a `MapTable` from the entries of its block.
struct MapBuilder {
    private(set) var table = MapTable()
    private let registry: VariableRegistry
    private let jit: Bool
    private var numbers: [ByteString: Int] = [.empty: 0]
    private var hasDefault = false

    init(registry: VariableRegistry, jit: Bool = true) {
        self.registry = registry
        self.jit = jit
    }

    /// Adds an entry: `hostnames`, `volatile`, `default VALUE` or `TEXT VALUE`.
    mutating func add(_ words: [Word]) throws(ConfigurationError) {
        if words.count == 1, words[0].equals("hostnames") {
            table.areHostnames = true
            return
        }
        if words.count == 1, words[0].equals("volatile") {
            table.isVolatile = true
            return
        }
        guard words.count == 2 else {
            throw ConfigurationError(
                "invalid number of the map parameters", focus: words.first?.position,
                advice: "an entry is a text and a value, or \"hostnames\" or \"volatile\" alone")
        }
        let value = try number(of: words[1])
        if words[0].equals("default") {
            guard !hasDefault else {
                throw ConfigurationError(
                    "duplicate default map parameter", focus: words[0].position)
            }
            hasDefault = true
            table.fallback = value
        } else {
            try add(words[0], value: value)
        }
    }

    private mutating func number(of value: Word) throws(ConfigurationError) -> Int {
        if let known = numbers[value.value] { return known }
        let template = try Template(
            compiling: value.value, registry: registry, at: value.position)
        numbers[value.value] = table.values.count
        table.values.append(template)
        return table.values.count - 1
    }

    private mutating func add(_ word: Word, value: Int) throws(ConfigurationError) {
        var key = word.value
        if key.span.hasPrefix("~") {
            let caseless = key.span.hasPrefix("~*")
            let pattern = key.slice((caseless ? 2 : 1)..<key.count)
            let regex = try Regex(
                pattern: pattern, caseless: caseless, jit: jit, registry: registry)
            table.patterns.append(MapTable.Pattern(regex: regex, value: value))
            return
        }
        if key.span.hasPrefix("\\") { key = key.slice(1..<key.count) }
        let insertion =
            table.areHostnames
            ? table.names.insert(value, for: key) : table.names.insertExact(value, for: key)
        switch insertion {
        case .inserted: return
        case .invalid:
            throw ConfigurationError(
                "invalid hostname or wildcard \"\(key.text)\"", focus: word.position,
                advice: "a wildcard is *.example.com, .example.com or www.example.*")
        case .conflict:
            throw ConfigurationError(
                "conflicting parameter \"\(key.lowercased.text)\"", focus: word.position,
                advice: "the text is in this map already; case makes no difference")
        }
    }
}

extension VariableRegistry {
    /// The name in a word such as `$name`, which declares a variable.
    func declaredName(_ word: Word) throws(ConfigurationError) -> ByteString {
        guard word.span.hasPrefix("$") else {
            throw ConfigurationError(
                "invalid variable name \"\(word.text)\"", focus: word.position,
                advice: "the name of a variable starts with \"$\"")
        }
        return word.value.slice(1..<word.value.count)
    }
}
