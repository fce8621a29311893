extension Rewrite {
    private static let everywhere: Contexts = [.server, .location, .ifInServer, .ifInLocation]

    static var rows: [Row] {
        [
            .custom(
                "rewrite", in: everywhere, .between(2, 3),
                "Changes the path, or redirects, where a regular expression matches the path.",
                syntax: "regex replacement [last | break | redirect | permanent]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.program?.append(.rewrite(try rule(invocation)))
            },
            .custom(
                "return", in: everywhere, .between(1, 2),
                "Answers with a status, and a text or the URI of a redirect.",
                syntax: "code [text] | code URL | URL"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.program?.append(.answer(try answer(invocation)))
            },
            .custom(
                "set", in: everywhere, .two, "Gives a variable a value.",
                syntax: "$variable value"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try set(invocation)
            },
            .custom("break", in: everywhere, .none, "Ends the rewriting directives.") {
                (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.program?.append(.stop)
            },
            .block(
                "if", in: [.server, .location], .atLeast(1),
                "Directives for the requests that a condition holds for.", syntax: "(condition)"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try openIf(&invocation)
            },
            .flag(
                "rewrite_log", in: everywhere.union(.http), slot, \.isLogged,
                "Whether the error log tells what rewriting does, at level notice."),
            .flag(
                "uninitialized_variable_warn", in: everywhere.union(.http), slot,
                \.warnsOfUninitialized, "Whether uses of variables without a value are logged."),
        ]
    }

    // MARK: - rewrite

    private static func rule(_ invocation: Invocation) throws(ConfigurationError) -> RewriteRule {
        var replacement = invocation[1]
        guard !replacement.isEmpty else {
            throw invocation.fail("empty replacement", at: invocation.arguments[1])
        }
        let regex = try Regex(pattern: invocation[0], registry: invocation.http().registry)
        var keepsArguments = true
        if replacement.hasSuffix("?") {
            replacement = replacement.slice(0..<replacement.count - 1)
            keepsArguments = false
        }
        var redirect: Status? = isElsewhere(replacement) ? .found : nil
        var next = redirect == nil ? RewriteRule.Next.nextStep : .locations
        if invocation.arguments.count == 3 {
            switch invocation[2].text {
            case "last": next = .locations
            case "break": next = .thisLocation
            case "redirect": redirect = .found
            case "permanent": redirect = .movedPermanently
            default: throw invocation.invalidParameter(invocation.arguments[2])
            }
        }
        let template = try Template(
            compiling: replacement, registry: invocation.http().registry,
            at: invocation.arguments[1].position)
        let (path, arguments) = split(template.parts)
        let hasArguments = arguments != nil
        return RewriteRule(
            regex: regex, path: redirect == nil ? path : template.parts,
            arguments: redirect == nil ? arguments : nil, hasArguments: hasArguments,
            keepsArguments: keepsArguments, redirect: redirect, next: next)
    }

    /// Whether a URI names a server, so that it can only be redirected to.
    private static func isElsewhere(_ uri: ByteString) -> Bool {
        uri.hasPrefix("http://") || uri.hasPrefix("https://") || uri.hasPrefix("$scheme")
    }

    /// Takes a replacement apart at its first `?`, which must stand in the text itself.
    private static func split(
        _ parts: [Template.Part]
    ) -> (path: [Template.Part], arguments: [Template.Part]?) {
        for (index, part) in parts.enumerated() {
            guard case .text(let text) = part, let mark = text.span.firstIndex(of: ASCII.question)
            else { continue }
            var path = Array(parts[0..<index])
            if mark > 0 { path.append(.text(text.slice(0..<mark))) }
            var arguments = Array(parts[(index + 1)...])
            if mark + 1 < text.count {
                arguments.insert(.text(text.slice(mark + 1..<text.count)), at: 0)
            }
            return (path, arguments)
        }
        return (parts, nil)
    }

    // MARK: - return

    private static func answer(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> RewriteAnswer {
        let first = invocation[0]
        if let code = Units.number(first) {
            guard code <= 999 else { throw invalidCode(invocation) }
            let text =
                invocation.arguments.count == 1
                ? Template(constant: .empty) : try invocation.template(invocation.arguments[1])
            return RewriteAnswer(status: Status(code), text: text)
        }
        guard invocation.arguments.count == 1, isElsewhere(first) else {
            throw invalidCode(invocation)
        }
        return RewriteAnswer(
            status: .found, text: try invocation.template(invocation.arguments[0]))
    }

    private static func invalidCode(_ invocation: Invocation) -> ConfigurationError {
        invocation.fail(
            "invalid return code \"\(invocation[0])\"",
            advice: "write a status and a text, or a URL that starts with http://, https:// or $scheme",
            at: invocation.arguments[0])
    }

    // MARK: - set

    private static func set(_ invocation: Invocation) throws(ConfigurationError) {
        let registry = try invocation.http().registry
        let name = try registry.declaredName(invocation.arguments[0])
        let variable = try registry.declareUser(name, at: invocation.arguments[0].position)
        let value = try invocation.template(invocation.arguments[1])
        invocation.program?.append(.set(variable, value))
    }

    // MARK: - if

    private static func openIf(
        _ invocation: inout Invocation
    ) throws(ConfigurationError) -> Scope {
        guard let parent = invocation.location else {
            throw invocation.fail("\"if\" directive is not allowed here")
        }
        var parser = ConditionParser(invocation)
        let condition = try parser.parse()
        let isInServer = parent is ServerBuilder
        let block = LocationBuilder(
            kind: .nested, name: parent.name, parent: parent, http: parent.http)
        let branch = RewriteBranch(condition: condition, program: block.program)
        parent.program.append(.branch(branch))
        let scope = Scope(
            isInServer ? .ifInServer : .ifInLocation, in: invocation.scope, owner: block)
        Core.openLocation(scope, block)
        if !isInServer {
            scope.whenSettled { (_: Scope) throws(ConfigurationError) in
                branch.location = block.location
            }
        }
        return scope
    }
}

extension Invocation {
    /// The program of the block that the directive stands in.
    fileprivate var program: RewriteProgram? { location?.program }
}
