/// One row of the directive table: everything about a directive in one value.
struct Row: Sendable {
    /// Evaluates one occurrence of a directive.
    typealias Perform = @Sendable (inout Invocation) throws(ConfigurationError) -> Void
    /// Opens a block: makes the scope in which its content is evaluated.
    typealias Open = @Sendable (inout Invocation) throws(ConfigurationError) -> Scope

    /// When the content of a block is evaluated.
    enum Moment: Sendable {
        /// After all simple directives of the outer block, from its finished settings: `server`, `location`, `if`.
        case afterOuterSettings
        /// At once, before what follows it in the file: `upstream`.
        case inPlace
    }

    enum Action: Sendable {
        /// Ends with `;`.
        case simple(Perform)
        /// A block whose content is not directives but entries (`types`, `map`): the action reads them itself.
        case entries(Perform)
        /// A block of directives. It is opened in file order among the simple directives; its content is evaluated later.
        case block(Moment, Open)
        /// nginx has it, Apus does not yet. The text says what to do instead.
        case unsupported(advice: String?, isBlock: Bool)
        /// Accepted without effect, for a reason that the differences page lists. What nginx refuses is refused all the same.
        case ignored(reason: String, check: Perform)
    }

    let name: String
    let contexts: Contexts
    let arity: Arity
    let summary: String
    let action: Action
    /// Whether a block may have it more than once; otherwise the second is refused as a duplicate.
    let mayRepeat: Bool
    /// For the reference: `on | off`, `size`, `time`.
    let syntax: String

    init(
        name: String, in contexts: Contexts, _ arity: Arity, _ summary: String,
        mayRepeat: Bool = false, syntax: String = "", action: Action
    ) {
        self.name = name
        self.contexts = contexts
        self.arity = arity
        self.summary = summary
        self.mayRepeat = mayRepeat
        self.syntax = syntax
        self.action = action
    }

    /// Whether the directive has a `{ }` block.
    var isBlock: Bool {
        switch action {
        case .simple, .ignored: false
        case .entries, .block: true
        case .unsupported(_, let isBlock): isBlock
        }
    }

    // MARK: - Rows with their own code

    /// A directive with its own code. `mayRepeat` is left to the code unless it is set to false.
    static func custom(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ summary: String,
        mayRepeat: Bool = true, syntax: String = "", _ perform: @escaping Perform
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: mayRepeat, syntax: syntax,
            action: .simple(perform))
    }

    /// A block of directives. `open` runs in file order and returns the scope for the content.
    static func block(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ summary: String,
        evaluated moment: Moment = .afterOuterSettings, mayRepeat: Bool = true,
        syntax: String = "", _ open: @escaping Open
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: mayRepeat, syntax: syntax,
            action: .block(moment, open))
    }

    /// A block of entries that `perform` reads from `invocation.entries()`.
    static func entries(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ summary: String,
        mayRepeat: Bool = true, syntax: String = "", _ perform: @escaping Perform
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: mayRepeat, syntax: syntax,
            action: .entries(perform))
    }

    /// A directive that nginx has and Apus does not have yet: refused.
    static func unsupported(
        _ name: String, in contexts: Contexts, _ summary: String, advice: String? = nil,
        isBlock: Bool = false
    ) -> Row {
        Row(
            name: name, in: contexts, .any, summary, mayRepeat: true,
            action: .unsupported(advice: advice, isBlock: isBlock))
    }

    /// A directive that is accepted without effect, and why. `check` refuses values that nginx refuses.
    static func ignored(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ summary: String, reason: String,
        syntax: String = "", _ check: @escaping Perform = anything
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, syntax: syntax,
            action: .ignored(reason: reason, check: check))
    }

    /// A number without effect.
    static func ignoredNumber(_ name: String, in contexts: Contexts, _ summary: String, reason: String) -> Row {
        ignored(name, in: contexts, .one, summary, reason: reason, syntax: "number") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            _ = try invocation.number()
        }
    }

    /// `on` or `off`, without effect.
    static func ignoredFlag(_ name: String, in contexts: Contexts, _ summary: String, reason: String) -> Row {
        ignored(name, in: contexts, .flag, summary, reason: reason, syntax: "on | off") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            _ = try invocation.flag()
        }
    }

    /// A size without effect.
    static func ignoredSize(_ name: String, in contexts: Contexts, _ summary: String, reason: String) -> Row {
        ignored(name, in: contexts, .one, summary, reason: reason, syntax: "size") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            _ = try invocation.size()
        }
    }

    /// Any value will do.
    private static let anything: Perform = { (_: inout Invocation) throws(ConfigurationError) in }
}
