extension Headers {
    private static let contexts: Contexts = [.request, .ifInLocation]
    private typealias Fields = any WritableKeyPath<HeadersSettings, AddedFields> & Sendable

    static var rows: [Row] {
        [
            .custom(
                "expires", in: contexts, .between(1, 2),
                "When answers stop being fresh: the fields Expires and Cache-Control.",
                mayRepeat: false, syntax: "[modified] time | epoch | max | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try readExpiry(&invocation)
            },
            addition(
                "add_header", \.headers, "Adds a header field to answers, or to all with always."),
            addition(
                "add_trailer", \.trailers,
                "Adds a field behind the body of answers, or of all with always."),
            inheritance(
                "add_header_inherit", \.headers,
                "Whether a block's add_header replaces those of the outer block or joins them."),
            inheritance(
                "add_trailer_inherit", \.trailers,
                "Whether a block's add_trailer replaces those of the outer block or joins them."),
        ]
    }

    /// Brings a block's fields together with those of the block around it. For every block that answers, before it is settled.
    static func settle(_ scope: Scope) {
        guard let parent = scope.parent else { return }
        settle(scope, parent, \.headers)
        settle(scope, parent, \.trailers)
    }

    private static func settle(_ scope: Scope, _ parent: Scope, _ path: Fields) {
        let fields = scope[slot][keyPath: path]
        let outer = parent[slot][keyPath: path].effective
        // Most blocks have nothing to bring together, and share their settings with the outer one.
        switch fields.inheritance {
        case .on: return
        case .merge where fields.owner != ObjectIdentifier(scope) || outer.isEmpty: return
        case .off where fields.effective.isEmpty: return
        case .merge, .off: break
        }
        let settled = fields.settled(in: scope, outer: outer)
        scope.write(slot) { $0[keyPath: path].effective = settled }
    }

    private static func readExpiry(_ invocation: inout Invocation) throws(ConfigurationError) {
        var expiry = Expiry(kind: .access)
        let word: Word
        if invocation.arguments.count == 2 {
            guard invocation[0] == "modified" else { throw invocation.refuse("invalid value") }
            expiry.kind = .modified
            word = invocation.arguments[1]
        } else {
            word = invocation.arguments[0]
        }
        let template = try invocation.template(word)
        if template.constant == nil {
            expiry.template = template
        } else {
            do throws(ExpiryError) {
                let text = word.value
                try expiry.read(text.span)
            } catch {
                throw invocation.refuse(error.message, at: word)
            }
        }
        let final = expiry.kind == .off ? nil : expiry
        invocation.write(slot) { $0.expiry = final }
    }

    private static func addition(_ name: String, _ path: Fields, _ summary: String) -> Row {
        .custom(name, in: contexts, .between(2, 3), summary, syntax: "name value [always]") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let value = try invocation.template(invocation.arguments[1])
            var isAlways = false
            if invocation.arguments.count == 3 {
                guard invocation[2] == "always" else {
                    throw invocation.invalidParameter(invocation.arguments[2])
                }
                isAlways = true
            }
            let field = AddedField(name: invocation[0], value: value, isAlways: isAlways)
            let isFirst = invocation.isFirst
            let owner = ObjectIdentifier(invocation.scope)
            invocation.write(slot) {
                if isFirst { $0[keyPath: path].own = [] }
                $0[keyPath: path].own.append(field)
                $0[keyPath: path].owner = owner
                $0[keyPath: path].effective = $0[keyPath: path].own
            }
        }
    }

    private static func inheritance(_ name: String, _ path: Fields, _ summary: String) -> Row {
        let choices: [ByteString] = ["off", "on", "merge"]
        return .custom(
            name, in: contexts, .one, summary, mayRepeat: false, syntax: "on | off | merge"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let index = try invocation.choice(of: choices, invocation.arguments[0])
            let value = [AddedFields.Inheritance.off, .on, .merge][index]
            invocation.write(slot) { $0[keyPath: path].inheritance = value }
        }
    }
}
