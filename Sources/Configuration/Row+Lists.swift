/// A name and a value, as `proxy_set_header` has.
struct KeyValue: Equatable, Sendable {
    var key: ByteString
    var value: ByteString

    init(key: ByteString, value: ByteString) {
        self.key = key
        self.value = value
    }
}

/// Rows whose setting is a list. The first occurrence in a block replaces what was inherited, further ones append.
extension Row {
    /// A list with elements that `parse` makes of one occurrence.
    static func list<S, Element>(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ slot: Slot<S>,
        _ path: Path<S, [Element]>, _ summary: String, syntax: String = "",
        _ parse: @escaping Parse<[Element]>
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: true, syntax: syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                let elements = try parse(&invocation)
                let replaces = invocation.isFirst
                invocation.scope.write(slot) {
                    if replaces { $0[keyPath: path] = [] }
                    $0[keyPath: path].append(contentsOf: elements)
                }
            })
    }

    /// A list that may be nil: not set.
    static func list<S, Element>(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ slot: Slot<S>,
        _ path: Path<S, [Element]?>, _ summary: String, syntax: String = "",
        _ parse: @escaping Parse<[Element]>
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: true, syntax: syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                let elements = try parse(&invocation)
                let replaces = invocation.isFirst
                invocation.scope.write(slot) {
                    if replaces || $0[keyPath: path] == nil { $0[keyPath: path] = [] }
                    $0[keyPath: path]?.append(contentsOf: elements)
                }
            })
    }

    /// A list of words; an occurrence adds all its arguments.
    static func words<S>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, [ByteString]>,
        arity: Arity = .atLeast(1), _ summary: String
    ) -> Row {
        list(name, in: contexts, arity, slot, path, summary, syntax: "string ...") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            invocation.arguments.map(\.value)
        }
    }

    /// A list of pairs; an occurrence adds one.
    static func keyValues<S>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, [KeyValue]>,
        _ summary: String
    ) -> Row {
        list(name, in: contexts, .two, slot, path, summary, syntax: "name value") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            [KeyValue(key: invocation[0], value: invocation[1])]
        }
    }
}
