/// A name and a value, as `proxy_set_header` has.
struct KeyValue: Equatable, Sendable {
    var key: ByteString
    var value: ByteString

    init(key: ByteString, value: ByteString) {
        self.key = key
        self.value = value
    }
}

/// What a list's property may be: the list itself or an optional of it, whose nil means "not set".
protocol ListStorable<Element> {
    associatedtype Element
    var elements: [Element] { get }
    static func storing(_ elements: [Element]) -> Self
}

extension Array: ListStorable {
    var elements: [Element] { self }
    static func storing(_ elements: [Element]) -> [Element] { elements }
}

extension Optional: ListStorable where Wrapped: ListStorable {
    typealias Element = Wrapped.Element
    var elements: [Wrapped.Element] { self?.elements ?? [] }
    static func storing(_ elements: [Wrapped.Element]) -> Wrapped? { .some(Wrapped.storing(elements)) }
}

/// Rows whose setting is a list. The first occurrence in a block replaces what was inherited, further ones append.
extension Row {
    /// A list with elements that `parse` makes of one occurrence.
    static func list<S, Elements: ListStorable>(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ slot: Slot<S>,
        _ path: Path<S, Elements>, _ summary: String, syntax: String = "",
        _ parse: @escaping Parse<[Elements.Element]>
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: true, syntax: syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                let elements = try parse(&invocation)
                let replaces = invocation.isFirst
                invocation.scope.write(slot) {
                    $0[keyPath: path] = .storing((replaces ? [] : $0[keyPath: path].elements) + elements)
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
