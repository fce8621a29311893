/// An immutable string of bytes: configuration values, header values fixed at start, constants.
///
/// Wire and configuration data are bytes, not text: they need not be UTF-8, and to `String` a CR LF is one character.
struct ByteString: Hashable, Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    init(_ span: Span<UInt8>) {
        self.bytes = Array(copying: span)
    }

    static let empty = ByteString([])

    var count: Int { bytes.count }
    var isEmpty: Bool { bytes.isEmpty }
    var span: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span }
    }

    subscript(index: Int) -> UInt8 { bytes[index] }

    /// The bytes as text, ill-formed UTF-8 repaired: for messages and file names shown to people.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func hasPrefix(_ prefix: ByteString) -> Bool { span.hasPrefix(prefix.span) }
    func hasSuffix(_ suffix: ByteString) -> Bool { span.hasSuffix(suffix.span) }

    func hasPrefix(_ prefix: Span<UInt8>) -> Bool { span.hasPrefix(prefix) }
    func equals(_ other: Span<UInt8>) -> Bool { span.equals(other) }
    func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool { span.equalsIgnoringCase(other) }
    func isPrefix(of other: Span<UInt8>) -> Bool { other.hasPrefix(span) }
    /// -1, 0 or 1: bytewise order.
    func compare(_ other: Span<UInt8>) -> Int { span.compare(other) }

    /// The bytes of `range`, copied.
    func slice(_ range: Range<Int>) -> ByteString { ByteString(Array(bytes[range])) }

    /// ASCII letters in lower case.
    var lowercased: ByteString { ByteString(bytes.map { $0.asciiLowercased }) }

    static func + (left: ByteString, right: ByteString) -> ByteString {
        ByteString(left.bytes + right.bytes)
    }
}

extension ByteString: ExpressibleByStringLiteral {
    init(stringLiteral text: String) {
        self.init(text)
    }
}

extension ByteString: CustomStringConvertible {
    var description: String { text }
}

extension ByteString: Comparable {
    static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension Array where Element == UInt8 {
    /// An array of the span's bytes.
    init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
