/// The commands of a page, and what they may be given.
enum SSICommand: Sendable {
    case include, echo, config, set, `if`, `elif`, `else`, endif, block, endblock

    init?(_ name: [UInt8]) {
        for (text, command) in Self.names where name.span.equals(text) {
            self = command
            return
        }
        return nil
    }

    private static let names: [(StaticString, SSICommand)] = [
        ("include", .include), ("echo", .echo), ("config", .config), ("set", .set), ("if", .if),
        ("elif", .elif), ("else", .else), ("endif", .endif), ("block", .block), ("endblock", .endblock),
    ]

    /// Its parameters, and whether each must be there.
    var parameters: [(name: StaticString, isNeeded: Bool)] {
        switch self {
        case .include:
            [("virtual", false), ("file", false), ("wait", false), ("set", false), ("stub", false)]
        case .echo: [("var", true), ("default", false), ("encoding", false)]
        case .config: [("errmsg", false), ("timefmt", false)]
        case .set: [("var", true), ("value", true)]
        case .if, .elif: [("expr", true)]
        case .else, .endif, .endblock: []
        case .block: [("name", true)]
        }
    }

    /// It ends a block, so that it is obeyed within one.
    var endsBlock: Bool { self == .endblock }

    /// It belongs to a condition that has begun: obeyed within parts that are left out.
    var isConditional: Bool { self == .elif || self == .else || self == .endif }

    /// Whether it may stand where a condition is.
    func fits(_ place: SSICondition) -> Bool {
        switch self {
        case .elif, .else: place == .if
        case .endif: place != .none
        default: true
        }
    }

    /// The most parameters that a command may have.
    static let parameterLimit = 16
}

/// Where in a condition a page is.
enum SSICondition: Sendable {
    case none, `if`, `else`
}
