/// The errors about directives as such, in nginx's words, with advice.
enum Diagnosis {
    static func error(
        _ directive: Directive, _ message: String, advice: String? = nil, focus: Position? = nil
    ) -> ConfigurationError {
        ConfigurationError(
            message, position: directive.terminator, focus: focus ?? directive.name.position,
            advice: advice)
    }

    static func notSupported(_ directive: Directive, advice: String?) -> ConfigurationError {
        error(
            directive, "\"\(directive.name.text)\" directive is not supported yet by Apus",
            advice: advice ?? "remove the directive, or go on serving this with nginx for now")
    }

    static func notAllowed(
        _ directive: Directive, in context: Contexts, but contexts: Contexts
    ) -> ConfigurationError {
        error(
            directive, "\"\(directive.name.text)\" directive is not allowed here",
            advice: "this is \(place(context)); it may stand in: "
                + contexts.texts.joined(separator: ", "))
    }

    static func place(_ context: Contexts) -> String {
        switch context {
        case .main: "the top level of the file"
        case .ifInServer, .ifInLocation: "an \"if\" block (\(context.texts.joined()))"
        default: "the context \"\(context.texts.joined())\""
        }
    }

    static func unknown(
        _ directive: Directive, in context: Contexts, rows: RowTable
    ) -> ConfigurationError {
        error(directive, "unknown directive \"\(directive.name.text)\"")
    }

    static func wrongTerminator(_ directive: Directive, isBlock: Bool) -> ConfigurationError {
        let name = directive.name.text
        if isBlock {
            return error(directive, "directive \"\(name)\" has no opening \"{\"")
        }
        return error(directive, "directive \"\(name)\" is not terminated by \";\"")
    }

    static func wrongCount(_ directive: Directive, row: Row) -> ConfigurationError {
        error(
            directive, "invalid number of arguments in \"\(row.name)\" directive",
            advice: "it takes \(row.arity.text), here are \(directive.arguments.count)")
    }
}
