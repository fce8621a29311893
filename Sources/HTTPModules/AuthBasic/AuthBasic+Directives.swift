extension AuthBasic {
    private static let contexts: Contexts = [.http, .server, .location, .limitExcept]

    static var rows: [Row] {
        [
            .value(
                "auth_basic", in: contexts, .one, slot, \.realm,
                "What a user's name and password are asked for, as browsers show it; `off` asks for none.",
                syntax: "string | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.template(invocation.arguments[0])
            },
            .value(
                "auth_basic_user_file", in: contexts, .one, slot, \.userFile,
                "The file of names and hashed passwords, `name:hash` a line.", syntax: "file"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.pathTemplate(relativeTo: .configuration)
            },
        ]
    }
}

extension Invocation {
    /// The first argument as a path that may have variables.
    func pathTemplate(
        relativeTo start: PathStart
    ) throws(ConfigurationError) -> PathTemplate {
        let word = arguments[0]
        var text = word.value
        // What begins with a variable is made absolute when its value is known.
        if text.isEmpty || text[0] != ASCII.dollar { text = path(text, relativeTo: start) }
        let template = try Template(
            compiling: text, registry: http().registry, at: word.position)
        return PathTemplate(template: template, prefix: path("", relativeTo: start))
    }
}
