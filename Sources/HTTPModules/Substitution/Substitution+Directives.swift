extension Substitution {
    static var rows: [Row] {
        [
            .custom(
                "sub_filter", in: .request, .two,
                "A text in answers, without regard to case, and what it is replaced by.",
                syntax: "string replacement"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try add(invocation)
            },
            .mediaTypes(
                "sub_filter_types", in: .request, slot, \.types,
                "Media types of answers in which texts are replaced, besides text/html."),
            .flag(
                "sub_filter_once", in: .request, slot, \.isOnce,
                "Whether each text is replaced once only."),
            .flag(
                "sub_filter_last_modified", in: .request, slot, \.keepsLastModified,
                "Whether answers keep their date of modification."),
        ]
    }

    private static let most = 255

    private static func add(_ invocation: Invocation) throws(ConfigurationError) {
        let word = invocation.arguments[0]
        if word.value.isEmpty { throw invocation.fail("empty search pattern", at: word) }
        var pairs = invocation.isFirst ? [] : invocation[slot].pairs
        if pairs.count == most {
            throw invocation.fail("number of search patterns exceeds 255", at: word)
        }
        let pattern = try Template(
            compiling: word.value.lowercased, registry: invocation.http().registry, at: word.position)
        pairs.append(.init(pattern: pattern, value: try invocation.template(invocation.arguments[1])))
        let all = pairs
        if invocation.isFirst {
            invocation.scope.whenComplete { (scope: Scope) throws(ConfigurationError) in
                let patterns = scope[slot].pairs.compactMap(\.pattern.constant)
                let isConstant = patterns.count == scope[slot].pairs.count
                scope.write(slot) { $0.table = isConstant ? SubstitutionTable(patterns) : nil }
            }
        }
        invocation.write(slot) { $0.pairs = all }
    }
}
