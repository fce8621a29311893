/// Turns what was read into settings and whatever the rows build.
///
/// Top-down, in two passes a block: first the block's simple directives in file order (inner blocks are opened among them), then
/// the content of the inner blocks, each starting from the finished settings of its outer one. So nothing is merged. Errors are
/// reported in file order all the same: when a directive fails, the inner blocks before it are evaluated first, and their error wins.
struct Evaluator {
    private let table: RowTable

    init(_ table: RowTable) {
        self.table = table
    }

    /// Evaluates a whole configuration and returns its outermost scope.
    ///
    /// - Parameter root: made with the builder and the prefixes.
    func evaluate(
        _ tree: ConfigurationTree, in root: Scope
    ) throws(ConfigurationError) {
        let isComplete = tree.failure == nil
        root.evaluation.rowWords = (table.entries.count + 63) >> 6
        try evaluate(tree.directives, isComplete: isComplete, end: nil, in: root)
        if let failure = tree.failure { throw failure }
        try root.evaluation.runChecks()
    }

    private func evaluate(
        _ directives: [Directive], isComplete: Bool, end: Position?, in scope: Scope
    ) throws(ConfigurationError) {
        var opened: [(Directive, Scope)] = []
        var failure: ConfigurationError?
        for directive in directives {
            do throws(ConfigurationError) {
                if let inner = try evaluate(directive, in: scope) {
                    opened.append((directive, inner))
                }
            } catch {
                failure = error.placed(at: directive.terminator)
                break
            }
        }
        do throws(ConfigurationError) {
            try scope.settle()
        } catch {
            // A block that is cut short may lack what the hook looks for.
            if failure == nil, isComplete { failure = end.map(error.placed(at:)) ?? error }
        }
        for (directive, inner) in opened {
            try evaluateContent(of: directive, in: inner)
        }
        if let failure { throw failure }
        guard isComplete else { return }
        do throws(ConfigurationError) {
            try scope.finish()
        } catch {
            throw end.map(error.placed(at:)) ?? error
        }
    }

    private func evaluateContent(
        of directive: Directive, in inner: Scope
    ) throws(ConfigurationError) {
        inner.begin()
        try evaluate(
            directive.block ?? [], isComplete: directive.isComplete, end: directive.end, in: inner)
    }

    /// Evaluates one directive; returns the scope of a block whose content is still to be evaluated.
    private func evaluate(
        _ directive: Directive, in scope: Scope
    ) throws(ConfigurationError) -> Scope? {
        let entry = try check(directive, in: scope)
        let isFirst = scope.note(entry.index)
        var invocation = Invocation(
            entry: entry, directive: directive, scope: scope, arguments: directive.arguments,
            isFirst: isFirst)
        if !isFirst, !entry.row.mayRepeat {
            throw invocation.refuse("is duplicate", advice: Self.duplicateAdvice)
        }
        switch entry.row.action {
        case .simple(let perform):
            try perform(&invocation)
        case .entries(let perform):
            try evaluateEntries(of: directive, &invocation, perform)
        case .block(let moment, let open):
            let inner = try open(&invocation)
            if moment == .afterOuterSettings { return inner }
            try evaluateContent(of: directive, in: inner)
        case .unsupported(let advice, _):
            throw Diagnosis.notSupported(directive, advice: advice)
        case .ignored(_, let check):
            try check(&invocation)
        }
        return nil
    }

    private static let duplicateAdvice =
        "a block may set it once; remove one of the two, or move one to an inner block"

    private func evaluateEntries(
        of directive: Directive, _ invocation: inout Invocation, _ perform: Row.Perform
    ) throws(ConfigurationError) {
        do throws(ConfigurationError) {
            try perform(&invocation)
        } catch {
            // Cut short by a syntax error: only a complaint about an entry is earlier in the file.
            guard directive.isComplete || error.position.map({ $0 != directive.end }) ?? false
            else { return }
            throw error
        }
    }

    /// nginx's checks, in nginx's order: the name, the context, `;` or `{`, the number of arguments.
    private func check(
        _ directive: Directive, in scope: Scope
    ) throws(ConfigurationError) -> RowTable.Entry {
        let entry: RowTable.Entry
        switch table.find(directive.name, in: scope.context) {
        case .found(let match): entry = match
        case .elsewhere(let contexts):
            throw Diagnosis.notAllowed(directive, in: scope.context, but: contexts)
        case .unknown:
            throw Diagnosis.unknown(directive, in: scope.context, rows: table)
        }
        let row = entry.row
        if row.isBlock != (directive.block != nil) {
            if case .unsupported = row.action { return entry }
            throw Diagnosis.wrongTerminator(directive, isBlock: row.isBlock)
        }
        if !row.arity.allows(directive.arguments.count) {
            throw Diagnosis.wrongCount(directive, row: row)
        }
        return entry
    }
}
