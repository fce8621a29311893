/// What a setting's property may be: the value itself or an optional of it, whose nil means "not set".
protocol Storable<Setting>: Sendable {
    associatedtype Setting: Sendable
    static func storing(_ setting: Setting) -> Self
}

extension Bool: Storable {
    static func storing(_ setting: Bool) -> Bool { setting }
}

extension Int: Storable {
    static func storing(_ setting: Int) -> Int { setting }
}

extension ByteString: Storable {
    static func storing(_ setting: ByteString) -> ByteString { setting }
}

extension Optional: Storable where Wrapped: Storable {
    static func storing(_ setting: Wrapped.Setting) -> Wrapped? {
        .some(Wrapped.storing(setting))
    }
}

/// A number of buffers of one size, as `proxy_buffers` has.
struct BufferPlan: Equatable, Sendable, Storable {
    var count: Int
    /// In bytes.
    var size: Int

    init(count: Int, size: Int) {
        self.count = count
        self.size = size
    }

    static func storing(_ setting: BufferPlan) -> BufferPlan { setting }
}

/// Rows that read one value and store it through a key path. A second occurrence in one block is a duplicate.
extension Row {
    typealias Path<S, V> = any WritableKeyPath<S, V> & Sendable
    typealias Parse<V> = @Sendable (inout Invocation) throws(ConfigurationError) -> V

    /// A row for any value that `parse` makes of the arguments.
    static func value<S, V>(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ slot: Slot<S>,
        _ path: Path<S, V>, _ summary: String, mayRepeat: Bool = false, syntax: String = "",
        _ parse: @escaping Parse<V>
    ) -> Row {
        Row(
            name: name, in: contexts, arity, summary, mayRepeat: mayRepeat, syntax: syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                let value = try parse(&invocation)
                invocation.scope.write(slot) { $0[keyPath: path] = value }
            })
    }

    /// A row for a value whose property may be an optional of it.
    private static func stored<S, V: Storable>(
        _ name: String, in contexts: Contexts, _ arity: Arity, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String, syntax: String, _ parse: @escaping Parse<V.Setting>
    ) -> Row {
        value(name, in: contexts, arity, slot, path, summary, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            V.storing(try parse(&invocation))
        }
    }

    /// `on` or `off`.
    static func flag<S, V: Storable<Bool>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .flag, slot, path, summary, syntax: "on | off") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.flag()
        }
    }

    /// A decimal number, at least `lowest` and at most `highest`.
    static func number<S, V: Storable<Int>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        atLeast lowest: Int? = nil, atMost highest: Int? = nil, _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "number") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let number = try invocation.number()
            try invocation.check(number, atLeast: lowest, atMost: highest)
            return number
        }
    }

    /// A number of bytes with `k` or `m` (nginx's buffer sizes).
    static func size<S, V: Storable<Int>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "size") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.size()
        }
    }

    /// A number of bytes with `k`, `m` or `g` (nginx's offsets: file and body sizes).
    static func offset<S, V: Storable<Int>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "size") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.offset()
        }
    }

    /// A time, stored in milliseconds.
    static func milliseconds<S, V: Storable<Int>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "time") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.milliseconds()
        }
    }

    /// A time, stored in seconds.
    static func seconds<S, V: Storable<Int>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "time") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.seconds()
        }
    }

    /// One word as it is.
    static func text<S, V: Storable<ByteString>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "string") {
            (invocation: inout Invocation) throws(ConfigurationError) in invocation[0]
        }
    }

    /// A file, made absolute.
    static func path<S, V: Storable<ByteString>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        relativeTo start: Invocation.PathStart = .prefix, _ summary: String
    ) -> Row {
        stored(name, in: contexts, .one, slot, path, summary, syntax: "path") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            invocation.path(invocation[0], relativeTo: start)
        }
    }

    /// One of some words, compared without regard to case.
    static func choice<S, V: Sendable>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ choices: [(String, V)], _ summary: String
    ) -> Row {
        let words = choices.map { ByteString($0.0) }
        let values = choices.map(\.1)
        let syntax = choices.map(\.0).joined(separator: " | ")
        return value(name, in: contexts, .one, slot, path, summary, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            values[try invocation.choice(of: words, invocation.arguments[0])]
        }
    }

    /// Some of some words, each an option.
    static func options<S, V: OptionSet & Sendable>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ choices: [(String, V)], arity: Arity = .atLeast(1), _ summary: String
    ) -> Row where V.Element == V {
        let words = choices.map { ByteString($0.0) }
        let values = choices.map(\.1)
        let syntax = choices.map(\.0).joined(separator: " | ") + " ..."
        return Row(
            name: name, in: contexts, arity, summary, mayRepeat: true, syntax: syntax,
            action: .simple { (invocation: inout Invocation) throws(ConfigurationError) in
                var set: V = invocation.isFirst ? [] : invocation.scope[slot][keyPath: path]
                for word in invocation.arguments {
                    let option = values[try invocation.choice(of: words, word)]
                    if set.isSuperset(of: option) {
                        invocation.warn("duplicate value \"\(word.text)\"", at: word)
                    }
                    set.formUnion(option)
                }
                let final = set
                invocation.scope.write(slot) { $0[keyPath: path] = final }
            })
    }

    /// A number and a size, as `proxy_buffers 8 4k`.
    static func buffers<S, V: Storable<BufferPlan>>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, V>,
        _ summary: String
    ) -> Row {
        stored(name, in: contexts, .two, slot, path, summary, syntax: "number size") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            guard let count = Units.number(invocation[0]), count > 0,
                let size = Units.size(invocation[1]), size > 0
            else { throw invocation.refuse("invalid value") }
            return BufferPlan(count: count, size: size)
        }
    }
}
