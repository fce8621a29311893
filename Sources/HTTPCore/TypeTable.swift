/// Media types by file-name extension (lower case).
///
/// A class, since a site has one table of a hundred rows and thousands of locations that share it.
final class TypeTable: Sendable {
    private let types: [ByteString: ByteString]
    /// Extensions up to seven bytes, packed into a word: found without making a key.
    private let short: [UInt64: ByteString]

    init(_ types: [ByteString: ByteString]) {
        self.types = types
        var short: [UInt64: ByteString] = [:]
        for (name, type) in types {
            if let key = Self.pack(name.span) { short[key] = type }
        }
        self.short = short
    }

    static let standard = TypeTable([
        "html": "text/html", "gif": "image/gif", "jpg": "image/jpeg",
    ])

    var isEmpty: Bool { types.isEmpty }
    var all: [ByteString: ByteString] { types }

    /// The type for an extension in any case, or nil.
    func type(for fileExtension: Span<UInt8>) -> ByteString? {
        if let key = Self.pack(fileExtension) { return short[key] }
        return types[ByteString(fileExtension).lowercased]
    }

    private static func pack(_ bytes: Span<UInt8>) -> UInt64? {
        guard bytes.count < 8, !bytes.isEmpty else { return nil }
        var key = UInt64(bytes.count)
        for index in bytes.indices { key = key << 8 | UInt64(bytes[index].asciiLowercased) }
        return key
    }
}
