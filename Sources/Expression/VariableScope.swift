/// What variables are evaluated against: an HTTP request or a stream session, which are subclasses.
///
/// It keeps the groups of the last match and the values of variables. After warm-up, evaluating allocates nothing.
class VariableScope {
    /// The variables of the configuration that this scope is served under; frozen.
    final private(set) var registry: VariableRegistry
    final let captures = Captures()
    /// A subrequest shares its parent's.
    final let values: VariableValues

    /// - Parameter parent: the scope whose values are shared, for a subrequest.
    init(registry: VariableRegistry, sharing parent: VariableScope? = nil) {
        self.registry = registry
        values = parent?.values ?? VariableValues()
    }

    /// Forgets captures and values (shared ones too, so it is not for subrequests), and may move on to another configuration; keeps the memory.
    final func resetVariables(registry: VariableRegistry? = nil) {
        captures.reset()
        values.reset()
        // A reference is only counted where it changes.
        if let registry, registry !== self.registry { self.registry = registry }
    }

    // MARK: - Reading

    /// Appends the variable's value; false if it has none.
    ///
    /// A value is kept from its first use on, except where the variable is declared `noCacheable`.
    @discardableResult
    final func append(_ variable: VariableIndex, to out: Buffer) -> Bool {
        switch values.lookup(variable) {
        case .range(let range):
            values.append(range, to: out)
            return true
        case .missing: return false
        case .unknown: return evaluate(variable, to: out)
        }
    }

    /// The variable's value, or nil. It is good until the scope is reset.
    final func value(of variable: VariableIndex) -> VariableValue? {
        switch values.lookup(variable) {
        case .range(let range): return VariableValue(values: values, range: range)
        case .missing: return nil
        case .unknown: break
        }
        let scratch = values.scratch
        let mark = scratch.count
        defer { scratch.truncate(to: mark) }
        guard evaluate(variable, to: scratch) else { return nil }
        if case .range(let range) = values.lookup(variable) {
            return VariableValue(values: values, range: range)
        }
        let kept = values.keep(scratch.span(mark..<scratch.count))
        return VariableValue(values: values, range: kept)
    }

    /// Appends the value of the variable with this name in lower case, as SSI and Perl find them; false if there is none.
    @discardableResult
    final func append(named name: Span<UInt8>, to out: Buffer) -> Bool {
        switch registry.find(name) {
        case .indexed(let variable): return append(variable, to: out)
        case .direct(let definition):
            return run(definition.source, rest: .empty, for: nil, to: out)
        case .prefixed(let definition, let length):
            let rest = ByteString(name.extracting(length..<name.count))
            return run(definition.source, rest: rest, for: nil, to: out)
        case .none: return false
        }
    }

    private final func evaluate(_ variable: VariableIndex, to out: Buffer) -> Bool {
        registry.frozen.lend(variable.value) { known in
            let mark = out.count
            let found = run(known.source, rest: known.rest, for: variable, to: out)
            if known.isCacheable {
                if found {
                    values.set(variable, out, mark..<out.count)
                } else {
                    values.setMissing(variable)
                }
            }
            return found
        }
    }

    @inline(__always)
    private final func run(
        _ source: VariableDefinition.Source, rest: ByteString, for variable: VariableIndex?,
        to out: Buffer
    ) -> Bool {
        guard values.depth < VariableRegistry.depthLimit else {
            if let variable { registry.problem(self, .cycle(variable)) }
            return false
        }
        values.depth += 1
        defer { values.depth -= 1 }
        let mark = out.count
        let found: Bool
        switch source {
        case .value(let evaluate): found = evaluate(self, out)
        case .prefixed(let evaluate): found = evaluate(self, rest, out)
        case .user:
            // A variable that a `set` names but has not set yet is empty, not missing.
            if let variable { registry.problem(self, .uninitialized(variable)) }
            return true
        case .captured, .undefined: return false
        }
        if !found { out.truncate(to: mark) }
        return found
    }

    // MARK: - Writing

    /// Gives the variable a value, as `set` does: through its setter, if it has one.
    final func assign(_ variable: VariableIndex, _ bytes: Span<UInt8>) {
        if let assign = registry.frozen[variable.value].assign {
            assign(self, bytes)
        } else {
            values.set(variable, bytes)
        }
    }

    /// Gives the variable a value for the rest of this scope, whatever it is declared as.
    final func set(_ variable: VariableIndex, _ bytes: Span<UInt8>) {
        values.set(variable, bytes)
    }

    /// Makes the variable have no value for the rest of this scope.
    final func setMissing(_ variable: VariableIndex) {
        values.setMissing(variable)
    }

    /// Forgets the variable's value, so that the next use evaluates it anew.
    final func forget(_ variable: VariableIndex) {
        values.forget(variable)
    }
}
