/// The directive reference, made from the rows.
enum Reference {
    /// Markdown: a heading a directive, in alphabetical order, with contexts, arguments and summary.
    static func markdown(_ rows: [Row]) -> String {
        var text = "# Directives\n"
        let sorted = rows.sorted {
            ($0.name, $0.contexts.rawValue) < ($1.name, $1.contexts.rawValue)
        }
        for row in sorted {
            text += "\n## \(row.name)\n\n"
            text += "- Syntax: `\(syntax(row))`\n"
            text += "- Contexts: \(row.contexts.texts.joined(separator: ", "))\n"
            if !row.isUnsupported { text += "- Arguments: \(row.arity.text)\n" }
            if row.mayRepeat, !row.isBlock, !row.isUnsupported { text += "- May be repeated\n" }
            text += "\n\(row.summary)\n"
            switch row.action {
            case .unsupported(let advice, _):
                text += "\nNot supported yet."
                if let advice { text += " \(advice)" }
                text += "\n"
            case .ignored(let reason, _):
                text += "\nAccepted without effect: \(reason).\n"
            case .simple, .entries, .block: break
            }
        }
        return text
    }

    /// The rows that have no effect, with their reasons: for the page of differences.
    static func ignored(_ rows: [Row]) -> [(name: String, reason: String)] {
        rows.compactMap { row in
            if case .ignored(let reason, _) = row.action { return (row.name, reason) }
            return nil
        }
    }

    private static func syntax(_ row: Row) -> String {
        let words = row.syntax.isEmpty ? row.name : "\(row.name) \(row.syntax)"
        return row.isBlock ? "\(words) { ... }" : "\(words);"
    }
}

extension Row {
    /// Whether the row is only there to be refused.
    var isUnsupported: Bool {
        if case .unsupported = action { return true }
        return false
    }
}
