/// Media types by file-name extension (lower case).
///
/// A class, since a site has one table of a hundred rows and thousands of locations that share it.
final class TypeTable: Sendable {
    private let types: [ByteString: ByteString]
    /// Extensions up to seven bytes, packed into a word, each at the place that its bits say or behind it, with 0 for free places: 77
    /// instructions instead of 180 by a dictionary, whose seed guards against strangers' keys. These keys are the configuration's.
    private let keys: [UInt64]
    private let keyed: [ByteString]

    init(_ types: [ByteString: ByteString]) {
        self.types = types
        var size = 8
        while size < types.count * 2 { size *= 2 }
        var keys = [UInt64](repeating: 0, count: size)
        var keyed = [ByteString](repeating: "", count: size)
        for (name, type) in types {
            guard let key = Self.pack(name.span) else { continue }
            var place = Self.place(of: key, in: size)
            while keys[place] != 0 { place = (place + 1) & (size - 1) }
            keys[place] = key
            keyed[place] = type
        }
        self.keys = keys
        self.keyed = keyed
    }

    private static func place(of key: UInt64, in size: Int) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (size &- 1)
    }

    static let standard = TypeTable([
        "html": "text/html", "gif": "image/gif", "jpg": "image/jpeg",
    ])

    var isEmpty: Bool { types.isEmpty }
    var all: [ByteString: ByteString] { types }

    /// The type for an extension in any case, or nil.
    func type(for fileExtension: Span<UInt8>) -> ByteString? {
        guard let key = Self.pack(fileExtension) else { return types[ByteString(fileExtension).lowercased] }
        var place = Self.place(of: key, in: keys.count)
        while keys[place] != 0 {
            if keys[place] == key { return keyed[place] }
            place = (place &+ 1) & (keys.count &- 1)
        }
        return nil
    }

    private static func pack(_ bytes: Span<UInt8>) -> UInt64? {
        guard bytes.count < 8, !bytes.isEmpty else { return nil }
        var key = UInt64(bytes.count)
        for index in bytes.indices { key = key << 8 | UInt64(bytes[index].asciiLowercased) }
        return key
    }
}
