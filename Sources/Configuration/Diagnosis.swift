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
        let name = directive.name
        if let known = KnownDirectives.find(name.value.span) {
            switch known.origin {
            case .openSource where known.contexts.contains(context):
                return notSupported(directive, advice: nil)
            case .openSource:
                return notAllowed(directive, in: context, but: known.contexts)
            case .separate(let module):
                return notSupported(
                    directive, advice: "it is a directive of \(module); remove it for now")
            case .commercial:
                return error(
                    directive, "unknown directive \"\(name.text)\"",
                    advice: "it is a directive of the commercial nginx that Apus does not have")
            }
        }
        return error(
            directive, "unknown directive \"\(name.text)\"",
            advice: advice(forUnknown: directive, in: context, rows: rows))
    }

    private static func advice(
        forUnknown directive: Directive, in context: Contexts, rows: RowTable
    ) -> String? {
        let name = directive.name.value.bytes
        if name.starts(with: [0xEF, 0xBB, 0xBF]) {
            return "the file begins with a byte order mark; save it as UTF-8 without one"
        }
        if let nearest = nearest(to: name, in: context, rows: rows) {
            guard nearest.contexts.contains(context) || nearest.contexts.isEmpty else {
                return "did you mean \"\(nearest.name)\"? It may stand in: "
                    + nearest.contexts.texts.joined(separator: ", ")
            }
            return "did you mean \"\(nearest.name)\"?"
        }
        if directive.name.position.line < directive.terminator.line {
            return "the name begins in line \(directive.name.position.line); "
                + "is a \";\" missing there?"
        }
        return nil
    }

    /// The directive whose name differs least, if it differs little; one that may stand here before others.
    private static func nearest(
        to name: [UInt8], in context: Contexts, rows: RowTable
    ) -> (name: String, contexts: Contexts)? {
        guard name.count >= 3, name.count <= 60 else { return nil }
        let most = name.count < 6 ? 1 : 2
        var best: (name: String, contexts: Contexts)?
        var bestScore = Int.max
        func consider(_ candidate: ByteString, _ contexts: Contexts) {
            let distance = editDistance(name, candidate.bytes, atMost: most)
            let score = distance * 2 + (contexts.contains(context) ? 0 : 1)
            guard distance <= most, score < bestScore else { return }
            bestScore = score
            best = (candidate.text, contexts)
        }
        for entry in rows.entries { consider(entry.name, entry.row.contexts) }
        for known in KnownDirectives.names { consider(known, []) }
        return best
    }

    /// How many bytes must be inserted, removed, replaced or swapped with their neighbour; `most + 1` if more than `most`.
    static func editDistance(_ left: [UInt8], _ right: [UInt8], atMost most: Int) -> Int {
        guard abs(left.count - right.count) <= most else { return most + 1 }
        // One change alters at most two of the bytes that occur at all: this settles most pairs.
        let different = occurring(left) ^ occurring(right)
        guard different.nonzeroBitCount <= 2 * most else { return most + 1 }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let isSame = left[row] == right[column]
                var cost = min(
                    last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                let isSwap =
                    row > 0 && column > 0 && left[row] == right[column - 1]
                    && left[row - 1] == right[column]
                if isSwap { cost = min(cost, beforeLast[column - 1] + 1) }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return min(last[right.count], most + 1)
    }

    /// A bit for each byte that occurs, modulo 64.
    private static func occurring(_ bytes: [UInt8]) -> UInt64 {
        var bits: UInt64 = 0
        for byte in bytes { bits |= 1 << UInt64(byte & 63) }
        return bits
    }

    static func wrongTerminator(_ directive: Directive, isBlock: Bool) -> ConfigurationError {
        let name = directive.name.text
        if isBlock {
            return error(
                directive, "directive \"\(name)\" has no opening \"{\"",
                advice: "it is a block: \(name) ... { }")
        }
        let lines = directive.terminator.line - directive.name.position.line
        let advice =
            lines > 0
            ? "it begins in line \(directive.name.position.line), where the \";\" is missing"
            : "it is not a block"
        return error(
            directive, "directive \"\(name)\" is not terminated by \";\"", advice: advice)
    }

    static func wrongCount(_ directive: Directive, row: Row) -> ConfigurationError {
        var advice = "it takes \(row.arity.text), here are \(directive.arguments.count)"
        if !row.syntax.isEmpty { advice += ": \(row.name) \(row.syntax)" }
        if directive.name.position.line < directive.terminator.line {
            advice +=
                "\nit begins in line \(directive.name.position.line); "
                + "is a \";\" missing there?"
        }
        return error(
            directive, "invalid number of arguments in \"\(row.name)\" directive", advice: advice)
    }
}
