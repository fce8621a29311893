/// The media types that a filter works on: the setting of `gzip_types`, `charset_types` and the like.
struct MediaTypes: Sendable {
    /// In lower case.
    private(set) var names: [ByteString]
    /// `*` was given.
    private(set) var isAny = false

    init(_ names: [ByteString]) {
        self.names = names
    }

    /// Only pages.
    static let html = MediaTypes(["text/html"])

    /// Whether a type is among them, in any case.
    func contains(_ type: Span<UInt8>) -> Bool {
        guard !type.isEmpty else { return false }
        if isAny { return true }
        for index in names.indices where names[index].count == type.count {
            if names[index].equalsIgnoringCase(type) { return true }
        }
        return false
    }

    /// As filters ask: `*` also stands for answers without a type.
    func matches(_ type: Span<UInt8>) -> Bool { isAny || contains(type) }

    /// Adds a name; false if it is there already.
    fileprivate mutating func add(_ name: ByteString) -> Bool {
        if name == "*" {
            isAny = true
            return true
        }
        let name = name.lowercased
        if names.contains(name) { return false }
        names.append(name)
        return true
    }
}

extension Row {
    /// A list of media types. As in nginx, `text/html` is always among them.
    static func mediaTypes<S>(
        _ name: String, in contexts: Contexts, _ slot: Slot<S>, _ path: Path<S, MediaTypes>,
        _ summary: String
    ) -> Row {
        custom(name, in: contexts, .atLeast(1), summary, syntax: "mime-type ...") {
            (invocation: inout Invocation) throws(ConfigurationError) in
            var types = invocation.isFirst ? MediaTypes.html : invocation[slot][keyPath: path]
            for word in invocation.arguments {
                if types.isAny { break }
                if !types.add(word.value) {
                    invocation.warn("duplicate MIME type \"\(word.value.lowercased)\"", at: word)
                }
            }
            let final = types
            invocation.write(slot) { $0[keyPath: path] = final }
        }
    }
}
