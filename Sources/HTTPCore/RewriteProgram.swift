/// What the rewriting directives of one block do, in the order in which they stand there.
///
/// It is not part of the settings: a location does not inherit what the server around it does with a URI.
final class RewriteProgram {
    private(set) var steps: [RewriteStep] = []
    /// The answer of a program that is no more than a `return`, as most are.
    private(set) var onlyAnswer: RewriteAnswer?

    func append(_ step: RewriteStep) {
        // Not in place: that would make each access a checked one.
        steps = steps + [step]
        if steps.count == 1, case .answer(let answer) = step { onlyAnswer = answer } else { onlyAnswer = nil }
    }
}

/// One directive of ngx_http_rewrite_module.
enum RewriteStep {
    case rewrite(RewriteRule)
    case set(VariableIndex, Template)
    case branch(RewriteBranch)
    case answer(RewriteAnswer)
    /// `break`.
    case stop
}

/// `rewrite REGEX REPLACEMENT [FLAG]`.
final class RewriteRule {
    /// What follows a match.
    enum Next {
        /// The next directive, with the new path.
        case nextStep
        /// The search for a location.
        case locations
        /// The rest of this location.
        case thisLocation
    }

    let regex: Regex
    /// The new path, or the whole of a redirect's URI.
    let path: [Template.Part]
    /// What follows a `?` in the replacement; nil if it has none, or is a redirect's.
    let arguments: [Template.Part]?
    /// The replacement of a redirect has a `?`.
    let hasArguments: Bool
    /// The request's own arguments are kept, behind those of the replacement.
    let keepsArguments: Bool
    /// The status of a redirect.
    let redirect: Status?
    let next: Next

    init(
        regex: Regex, path: [Template.Part], arguments: [Template.Part]?, hasArguments: Bool,
        keepsArguments: Bool, redirect: Status?, next: Next
    ) {
        self.regex = regex
        self.path = path
        self.arguments = arguments
        self.hasArguments = hasArguments
        self.keepsArguments = keepsArguments
        self.redirect = redirect
        self.next = next
    }
}

/// What an `if` asks.
enum RewriteCondition {
    enum FileTest {
        case plain, folder, existing, executable
    }

    /// The value is neither empty nor `0`.
    case variable(VariableIndex)
    case equals(VariableIndex, Template, isNegated: Bool)
    case matches(VariableIndex, Regex, isNegated: Bool)
    case file(Template, FileTest, isNegated: Bool)
}

/// `if (...) { ... }`.
final class RewriteBranch {
    let condition: RewriteCondition
    /// The rewriting directives within.
    let program: RewriteProgram
    /// The location that the block is, for the settings within; nil for an `if` of a server, which has none.
    var location: Location?

    init(condition: RewriteCondition, program: RewriteProgram) {
        self.condition = condition
        self.program = program
    }
}

/// `return`.
final class RewriteAnswer {
    let status: Status
    /// The body, or the URI of a redirect.
    let text: Template
    /// The same, ready to be sent, if it has no variables.
    let body: Buffer?

    init(status: Status, text: Template) {
        self.status = status
        self.text = text
        guard let constant = text.constant else {
            body = nil
            return
        }
        let buffer = Buffer(capacity: constant.count)
        buffer.append(constant)
        body = buffer
    }
}
