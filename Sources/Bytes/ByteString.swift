/// An immutable string of bytes: configuration values, header values fixed at start, constants.
///
/// Wire and configuration data are bytes, not text: they need not be UTF-8, and to `String` a CR LF is one character.
public struct ByteString: Hashable, Sendable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    public init(_ span: Span<UInt8>) {
        self.bytes = Array(copying: span)
    }

    public static let empty = ByteString([])

    public var count: Int { bytes.count }
    public var isEmpty: Bool { bytes.isEmpty }
    public var span: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span }
    }

    public subscript(index: Int) -> UInt8 { bytes[index] }

    /// The bytes as text, ill-formed UTF-8 repaired: for messages and file names shown to people.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public func hasPrefix(_ prefix: ByteString) -> Bool { span.hasPrefix(prefix.span) }
    public func hasSuffix(_ suffix: ByteString) -> Bool { span.hasSuffix(suffix.span) }

    public func hasPrefix(_ prefix: Span<UInt8>) -> Bool { span.hasPrefix(prefix) }
    public func equals(_ other: Span<UInt8>) -> Bool { span.equals(other) }
    public func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool { span.equalsIgnoringCase(other) }
    public func isPrefix(of other: Span<UInt8>) -> Bool { other.hasPrefix(span) }
    /// -1, 0 or 1: bytewise order.
    public func compare(_ other: Span<UInt8>) -> Int { span.compare(other) }

    /// The bytes of `range`, copied.
    public func slice(_ range: Range<Int>) -> ByteString { ByteString(Array(bytes[range])) }

    /// ASCII letters in lower case.
    public var lowercased: ByteString { ByteString(bytes.map { $0.asciiLowercased }) }

    public static func + (left: ByteString, right: ByteString) -> ByteString {
        ByteString(left.bytes + right.bytes)
    }
}

extension ByteString: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        self.init(text)
    }
}

extension ByteString: CustomStringConvertible {
    public var description: String { text }
}

extension ByteString: Comparable {
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension Array where Element == UInt8 {
    /// An array of the span's bytes.
    public init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
