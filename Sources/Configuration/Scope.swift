/// A block being evaluated: its context, its settings, and what it builds.
final class Scope {
    typealias Hook = (Scope) throws(ConfigurationError) -> Void

    let context: Contexts
    let parent: Scope?
    /// What the block builds: a server, a location, an upstream.
    var owner: AnyObject?
    /// What the whole configuration is built into.
    let builder: AnyObject
    let evaluation: Evaluation
    private var table: SettingsTable
    /// What the block has changed and `table` does not have yet, by slot.
    private var drafts: [(index: Int, draft: AnyDraft)] = []
    private var hasBegun: Bool
    private var seen: [UInt64] = []
    private var completionHooks: [Hook] = []
    private var settleHooks: [Hook] = []
    private var finishHooks: [Hook] = []

    /// The outermost scope of a configuration.
    init(evaluation: Evaluation, builder: AnyObject) {
        context = .main
        parent = nil
        self.builder = builder
        self.evaluation = evaluation
        table = SettingsTable()
        hasBegun = true
    }

    /// A block within `parent`. It takes its parent's settings when its content is evaluated, which is after all simple
    /// directives of the parent.
    init(_ context: Contexts, in parent: Scope, owner: AnyObject? = nil) {
        self.context = context
        self.parent = parent
        self.owner = owner
        builder = parent.builder
        evaluation = parent.evaluation
        table = parent.table
        hasBegun = false
    }

    /// The settings as they are now: the parent's own table while the block has set nothing. Later changes are not seen in
    /// what was returned, so that a block's table is taken when it is settled.
    var settings: SettingsTable {
        if drafts.isEmpty { return table }
        let current = SettingsTable(inheriting: table, drafts)
        // Before its content is evaluated, a block has yet to take its parent's finished settings.
        guard hasBegun else { return current }
        table = current
        drafts = []
        return current
    }

    subscript<S>(slot: Slot<S>) -> S {
        draft(slot)?.value ?? table[slot]
    }

    /// Changes settings of this block alone.
    func write<S, R, Failure: Error>(
        _ slot: Slot<S>, _ body: (inout S) throws(Failure) -> R
    ) throws(Failure) -> R {
        if let draft = draft(slot) { return try body(&draft.value) }
        let draft = Draft(table[slot])
        drafts.append((slot.index, draft))
        return try body(&draft.value)
    }

    /// Whether this very block has changed settings of the slot.
    func hasOwn<S>(_ slot: Slot<S>) -> Bool {
        if draft(slot) != nil { return true }
        guard let parent else { return false }
        return !table.shares(slot, with: parent.settings)
    }

    private func draft<S>(_ slot: Slot<S>) -> Draft<S>? {
        for (index, draft) in drafts where index == slot.index {
            precondition(type(of: draft) == Draft<S>.self, "two slots have one index")
            // The type has just been compared.
            return unsafe unsafeDowncast(draft, to: Draft<S>.self)
        }
        return nil
    }

    /// Runs `hook` when all simple directives of the block are evaluated, before `settings` is final: it may change them still.
    func whenComplete(_ hook: @escaping Hook) {
        completionHooks.append(hook)
    }

    /// Runs `hook` when all simple directives of the block are evaluated and before its inner blocks are: `settings` is final.
    func whenSettled(_ hook: @escaping Hook) {
        settleHooks.append(hook)
    }

    /// Runs `hook` when the block and all its inner blocks are evaluated. Its errors are reported at the closing brace.
    func whenFinished(_ hook: @escaping Hook) {
        finishHooks.append(hook)
    }

    /// The nearest enclosing scope, this one included, of one of these contexts.
    func enclosing(_ contexts: Contexts) -> Scope? {
        var scope: Scope? = self
        while let current = scope {
            if !contexts.isDisjoint(with: current.context) { return current }
            scope = current.parent
        }
        return nil
    }

    // MARK: - The evaluator's side

    func begin() {
        guard let parent, !hasBegun else { return }
        hasBegun = true
        // What the opening of the block wrote to its scope stays, in drafts.
        table = parent.settings
    }

    /// Notes that a row was used; false if it was before in this block.
    func note(_ row: Int) -> Bool {
        let word = row >> 6
        if seen.isEmpty { seen = [UInt64](repeating: 0, count: evaluation.rowWords) }
        let bit = UInt64(1) << UInt64(row & 63)
        guard seen[word] & bit == 0 else { return false }
        seen[word] |= bit
        return true
    }

    func settle() throws(ConfigurationError) {
        if !completionHooks.isEmpty {
            let hooks = completionHooks
            completionHooks = []
            for hook in hooks { try hook(self) }
        }
        guard !settleHooks.isEmpty else { return }
        let hooks = settleHooks
        settleHooks = []
        for hook in hooks { try hook(self) }
    }

    func finish() throws(ConfigurationError) {
        seen = []
        guard !finishHooks.isEmpty else { return }
        let hooks = finishHooks
        finishHooks = []
        for hook in hooks { try hook(self) }
    }
}

/// What holds for one evaluation as a whole.
final class Evaluation {
    /// Ends with a slash: relative paths of most directives start here.
    let prefix: ByteString
    /// Ends with a slash: the main file's directory, where `include` and certificates start.
    let configurationPrefix: ByteString
    /// What is worth saying but refuses nothing.
    private(set) var warnings: [ConfigurationError] = []
    /// Folders that the server makes for its workers' user when it starts.
    private(set) var workerFolders: [ByteString] = []
    /// Folders that packages bring, and that some of those lie in: they are made where they are not there.
    private(set) var sharedFolders: [ByteString] = []
    /// How many words a set of rows takes, one bit each.
    var rowWords = 0
    private var checks: [() throws(ConfigurationError) -> Void] = []

    init(prefix: ByteString, configurationPrefix: ByteString) {
        self.prefix = prefix
        self.configurationPrefix = configurationPrefix
    }

    func addWorkerFolder(_ folder: ByteString) {
        if !workerFolders.contains(folder) { workerFolders.append(folder) }
    }

    func addSharedFolder(_ folder: ByteString) {
        if !sharedFolders.contains(folder) { sharedFolders.append(folder) }
    }

    func warn(_ warning: ConfigurationError) {
        warnings.append(warning)
    }

    /// Runs `check` when the whole configuration has been evaluated, in the order of registration.
    func afterwards(_ check: @escaping () throws(ConfigurationError) -> Void) {
        checks.append(check)
    }

    func runChecks() throws(ConfigurationError) {
        var next = 0
        while next < checks.count {
            try checks[next]()
            next += 1
        }
        checks = []
    }
}
