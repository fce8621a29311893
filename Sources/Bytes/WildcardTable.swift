/// Values found by host name, with nginx's wildcards: `www.example.com`, `*.example.com`, `.example.com` (the name
/// itself and all below it) and `mail.*`.
///
/// An exact name wins over the longest `*.name`, that one over the longest `name.*`. Case of ASCII letters is ignored.
/// A lookup hashes only parts no longer than the longest key, so a name of many dots costs no more than an ordinary one.
struct WildcardTable<Value: Sendable>: Sendable {
    /// What became of an insertion.
    enum Insertion: Equatable, Sendable {
        case inserted
        /// The name is in the table already.
        case conflict
        /// The name is no valid host name or wildcard.
        case invalid
    }

    private var exact = ByteTable<Value>(ignoringCase: true)
    private var leading = ByteTable<Value>(ignoringCase: true)
    private var trailing = ByteTable<Value>(ignoringCase: true)

    init() {}

    var isEmpty: Bool { exact.isEmpty && leading.isEmpty && trailing.isEmpty }
    var hasWildcards: Bool { !leading.isEmpty || !trailing.isEmpty }

    /// Adds a name or wildcard.
    mutating func insert(_ value: Value, for name: ByteString) -> Insertion {
        let span = name.span
        var asterisks = 0
        for index in span.indices {
            if span[index] == ASCII.asterisk { asterisks += 1 }
            if span[index] == ASCII.nul { return .invalid }
            if span[index] == ASCII.dot, index + 1 < span.count, span[index + 1] == ASCII.dot {
                return .invalid
            }
        }
        if asterisks > 1 { return .invalid }
        if name.count > 1, name[0] == ASCII.dot {
            let rest = name.slice(1..<name.count)
            if exact.contains(rest.span) || leading.contains(rest.span) { return .conflict }
            _ = exact.insert(value, for: rest)
            _ = leading.insert(value, for: rest)
            return .inserted
        }
        if name.count > 2, span.hasPrefix("*.") {
            let rest = name.slice(2..<name.count)
            return leading.insert(value, for: rest) ? .inserted : .conflict
        }
        if name.count > 2, span.hasSuffix(".*") {
            let rest = name.slice(0..<name.count - 2)
            return trailing.insert(value, for: rest) ? .inserted : .conflict
        }
        if asterisks > 0 { return .invalid }
        return insertExact(value, for: name)
    }

    /// Adds a key in which `*` and dots mean nothing.
    mutating func insertExact(_ value: Value, for key: ByteString) -> Insertion {
        exact.insert(value, for: key) ? .inserted : .conflict
    }

    /// The value of the best match, or nil.
    func find(_ name: Span<UInt8>) -> Value? {
        if let value = exact.find(name) { return value }
        if !leading.isEmpty, let value = findLeading(name) { return value }
        return trailing.isEmpty ? nil : findTrailing(name)
    }

    private func findLeading(_ name: Span<UInt8>) -> Value? {
        var start = max(0, name.count - leading.longest - 1)
        while let dot = name.firstIndex(of: ASCII.dot, from: start) {
            if let value = leading.find(name.extracting(dot + 1..<name.count)) { return value }
            start = dot + 1
        }
        return nil
    }

    private func findTrailing(_ name: Span<UInt8>) -> Value? {
        var end = min(name.count, trailing.longest + 1)
        while let dot = name.extracting(0..<end).lastIndex(of: ASCII.dot) {
            if let value = trailing.find(name.extracting(0..<dot)) { return value }
            end = dot
        }
        return nil
    }
}
