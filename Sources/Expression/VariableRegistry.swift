/// Where a variable's value comes from, and how it may be used.
final class VariableDefinition {
    enum Source {
        case value(Evaluate)
        case prefixed(EvaluatePrefixed)
        /// Declared by `set` only.
        case user
        /// A named group of a regular expression: no value until it matches.
        case captured
        /// Declared, with its evaluation still to come.
        case undefined
    }

    let name: ByteString
    var flags: VariableFlags
    var source: Source
    var assign: Assign?
    var index: VariableIndex?

    init(name: ByteString, flags: VariableFlags, source: Source, assign: Assign? = nil) {
        self.name = name
        self.flags = flags
        self.source = source
        self.assign = assign
    }
}

/// All variables of a configuration: declared by modules and directives, used by templates.
///
/// A use may come before the declaration; `freeze()` brings them together. Names are not case-sensitive.
final class VariableRegistry {
    /// How deep evaluations may nest before it is taken for a cycle.
    static let depthLimit = 100

    /// One used variable.
    final class Slot {
        let name: ByteString
        let firstUse: Position?
        var definition: VariableDefinition
        /// What follows the prefix in the name, for prefixed variables.
        var rest = ByteString.empty

        init(name: ByteString, firstUse: Position?) {
            self.name = name
            self.firstUse = firstUse
            definition = VariableDefinition(name: name, flags: [], source: .undefined)
        }
    }

    /// One used variable while serving. Nothing of it changes any more, so looking at it costs no check, and lent, no count.
    final class Frozen {
        let source: VariableDefinition.Source
        let rest: ByteString
        let isCacheable: Bool
        let assign: Assign?

        fileprivate init(_ slot: Slot) {
            let definition = slot.definition
            source = definition.source
            rest = slot.rest
            isCacheable = !definition.flags.contains(.noCacheable)
            assign = definition.assign
        }
    }

    enum Found {
        case indexed(VariableIndex)
        case direct(VariableDefinition)
        case prefixed(VariableDefinition, Int)
        case none
    }

    private var definitions: [ByteString: VariableDefinition] = [:]
    private var prefixes: [VariableDefinition] = []
    private var slots: [Slot] = []
    private var slotsByName: [ByteString: VariableIndex] = [:]
    /// By their numbers.
    let frozen = List<Frozen>()
    private var byName = ByteTable<Int>()
    private var named: [VariableDefinition] = []
    /// Told of trouble while serving: cycles, uninitialized variables, failing expressions.
    var problem: @Sendable (VariableScope, EvaluationProblem) -> Void = { _, _ in }

    init() {}

    // MARK: - Declaring

    /// Declares a variable. One declared as changeable before is taken over.
    func declare(
        _ name: ByteString, _ flags: VariableFlags = [], assign: Assign? = nil,
        evaluate: @escaping Evaluate
    ) throws(ConfigurationError) {
        let definition = try define(name, flags)
        definition.source = .value(evaluate)
        if let assign { definition.assign = assign }
        if flags.contains(.noCacheable) { definition.flags.insert(.noCacheable) }
    }

    /// Declares all variables whose names start with `prefix`. Of several prefixes that fit, the longest wins.
    func declarePrefix(
        _ prefix: ByteString, _ flags: VariableFlags = [], evaluate: @escaping EvaluatePrefixed
    ) throws(ConfigurationError) {
        guard !prefix.isEmpty else { throw Self.emptyName }
        let name = prefix.lowercased
        if let known = prefixes.first(where: { $0.name == name }) {
            guard known.flags.contains(.changeable) else { throw Self.duplicate(prefix) }
            known.source = .prefixed(evaluate)
            return
        }
        prefixes.append(
            VariableDefinition(name: name, flags: flags, source: .prefixed(evaluate)))
    }

    /// Declares a variable that the configuration sets, as `set` does. A built-in one that is changeable keeps its
    /// evaluation, and its setter takes what `VariableScope.assign` is given.
    func declareUser(
        _ name: ByteString, at position: Position? = nil
    ) throws(ConfigurationError) -> VariableIndex {
        let definition = try define(name, [.changeable, .weak])
        if case .undefined = definition.source { definition.source = .user }
        return try reference(name, at: position)
    }

    /// Declares a variable that has no value until a module sets it. One that is declared already keeps its evaluation.
    func declareSettable(
        _ name: ByteString, at position: Position? = nil
    ) throws(ConfigurationError) -> VariableIndex {
        let definition = try define(name, .changeable)
        if case .undefined = definition.source { definition.source = .captured }
        return try reference(name, at: position)
    }

    /// Declares the variable of a named group.
    func declareCapture(_ name: ByteString) throws(ConfigurationError) -> VariableIndex {
        let definition = try define(name, .changeable)
        definition.source = .captured
        return try reference(name)
    }

    /// Refuses a name that cannot be declared (again): before the block that gives it its values is read.
    func checkDeclarable(_ name: ByteString) throws(ConfigurationError) {
        _ = try define(name, .changeable)
    }

    private func define(
        _ name: ByteString, _ flags: VariableFlags
    ) throws(ConfigurationError) -> VariableDefinition {
        guard !name.isEmpty else { throw Self.emptyName }
        let key = name.lowercased
        if let known = definitions[key] {
            guard known.flags.contains(.changeable) else { throw Self.duplicate(name) }
            if !flags.contains(.weak) { known.flags.remove(.weak) }
            return known
        }
        let definition = VariableDefinition(name: key, flags: flags, source: .undefined)
        definitions[key] = definition
        return definition
    }

    private static var emptyName: ConfigurationError {
        ConfigurationError("invalid variable name \"$\"")
    }

    private static func duplicate(_ name: ByteString) -> ConfigurationError {
        ConfigurationError(
            "the duplicate \"\(name.text)\" variable",
            advice: "$\(name.text) is built in and cannot be redefined; choose another name")
    }

    // MARK: - Using

    /// The number of a variable, declared already or to be declared later. `position` is where it is used.
    func reference(
        _ name: ByteString, at position: Position? = nil
    ) throws(ConfigurationError) -> VariableIndex {
        guard !name.isEmpty else { throw Self.emptyName }
        let key = name.lowercased
        if let known = slotsByName[key] { return known }
        let index = VariableIndex(slots.count)
        slots.append(Slot(name: key, firstUse: position))
        slotsByName[key] = index
        return index
    }

    /// The variable's name, in lower case.
    func name(of variable: VariableIndex) -> ByteString { slots[variable.value].name }

    /// Gives each used variable its declaration.
    func freeze() throws(ConfigurationError) {
        for number in slots.indices {
            let slot = slots[number]
            let name = slot.name
            let exact = definitions[name]
            if let exact { exact.index = VariableIndex(number) }
            if let exact, exact.isDefined, !exact.flags.contains(.weak) {
                slot.definition = exact
            } else if let prefix = longestPrefix(of: name.span) {
                slot.rest = name.slice(prefix.name.count..<name.count)
                slot.definition = prefix
            } else if let exact, exact.isDefined {
                slot.definition = exact
            } else {
                throw unknown(slot)
            }
        }
        for slot in slots.dropFirst(frozen.count) { frozen.append(Frozen(slot)) }
        for definition in definitions.values where !definition.flags.contains(.noHash) {
            if byName.insert(named.count, for: definition.name) { named.append(definition) }
        }
    }

    private func unknown(_ slot: Slot) -> ConfigurationError {
        var error = ConfigurationError(
            "unknown \"\(slot.name.text)\" variable", focus: slot.firstUse)
        if let near = NearestName.find(slot.name, among: Array(definitions.keys)) {
            error.advice = "did you mean $\(near.text)?"
        }
        error.isPlaceless = true
        return error
    }

    private func longestPrefix(of name: Span<UInt8>) -> VariableDefinition? {
        var best: VariableDefinition?
        for prefix in prefixes {
            let start = prefix.name
            guard start.count > best?.name.count ?? 0 else { continue }
            if name.hasPrefix(start.span) { best = prefix }
        }
        return best
    }

    // MARK: - Serving

    func find(_ name: Span<UInt8>) -> Found {
        if let number = byName.find(name) {
            let definition = named[number]
            if let index = definition.index { return .indexed(index) }
            return .direct(definition)
        }
        guard let prefix = longestPrefix(of: name) else { return .none }
        return .prefixed(prefix, prefix.name.count)
    }
}

extension VariableDefinition {
    /// Whether anything says where its value comes from.
    var isDefined: Bool {
        if case .undefined = source { return false }
        return true
    }
}
