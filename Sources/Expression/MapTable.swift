/// What a `map` maps: values found by text, by host name with wildcards, or by regular expression.
///
/// Exact strings win over `*.name`, that over `name.*`, that over regular expressions in their order. Case is ignored, except
/// by expressions that heed it.
struct MapTable: Sendable {
    struct Pattern: Sendable {
        let regex: Regex
        let value: Int
    }

    /// Where a value comes from when nothing fits.
    var fallback = 0
    var names = WildcardTable<Int>()
    var patterns: [Pattern] = []
    /// The distinct values; the first is the empty one.
    var values: [Template] = [Template(constant: .empty)]
    /// `hostnames`: a dot at the end of the text does not count.
    var areHostnames = false
    /// `volatile`: the variable is evaluated anew at each use.
     var isVolatile = false

    /// The template that the text is mapped to. Groups of a matching expression are left in the scope.
    func find(_ text: Span<UInt8>, in scope: VariableScope) -> Template {
        values[number(text, in: scope)]
    }

    private func number(_ text: Span<UInt8>, in scope: VariableScope) -> Int {
        if let value = names.find(text) { return value }
        // As in nginx, expressions are not asked about an empty text.
        guard !text.isEmpty else { return fallback }
        for index in patterns.indices {
            switch patterns[index].regex.match(text, in: scope) {
            case .matched: return patterns[index].value
            case .noMatch: continue
            case .failed: return fallback
            }
        }
        return fallback
    }

    /// Appends what the source's value is mapped to.
    func append(mapping source: Template, to out: Buffer, scope: VariableScope) {
        let mark = out.count
        source.append(to: out, scope: scope)
        var end = out.count
        if areHostnames, end > mark, out[end - 1] == ASCII.dot { end -= 1 }
        let value = number(out.span(mark..<end), in: scope)
        out.truncate(to: mark)
        values[value].append(to: out, scope: scope)
    }
}
