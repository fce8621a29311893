/// An immutable string of bytes: configuration values, header values fixed at start, constants.
///
/// Wire and configuration data are bytes, not text: they need not be UTF-8, and to `String` a CR LF is one character.
package struct ByteString: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    package init(_ span: Span<UInt8>) {
        self.bytes = Array(copying: span)
    }

    package static let empty = ByteString([])

    package var count: Int { bytes.count }
    package var isEmpty: Bool { bytes.isEmpty }
    package var span: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span }
    }

    package subscript(index: Int) -> UInt8 { bytes[index] }

    /// The bytes as text, ill-formed UTF-8 repaired: for messages and file names shown to people.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package func hasPrefix(_ prefix: ByteString) -> Bool { span.hasPrefix(prefix.span) }
    package func hasSuffix(_ suffix: ByteString) -> Bool { span.hasSuffix(suffix.span) }

    package func hasPrefix(_ prefix: Span<UInt8>) -> Bool { span.hasPrefix(prefix) }
    package func equals(_ other: Span<UInt8>) -> Bool { span.equals(other) }
    package func isPrefix(of other: Span<UInt8>) -> Bool { other.hasPrefix(span) }
    /// -1, 0 or 1: bytewise order.
    package func compare(_ other: Span<UInt8>) -> Int { span.compare(other) }

    /// The bytes of `range`, copied.
    package func slice(_ range: Range<Int>) -> ByteString { ByteString(Array(bytes[range])) }

    /// ASCII letters in lower case.
    package var lowercased: ByteString { ByteString(bytes.map { $0.asciiLowercased }) }

    package static func + (left: ByteString, right: ByteString) -> ByteString {
        ByteString(left.bytes + right.bytes)
    }
}

extension ByteString: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) {
        self.init(text)
    }
}

extension ByteString: CustomStringConvertible {
    package var description: String { text }
}

extension ByteString: Comparable {
    package static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension Array where Element == UInt8 {
    /// An array of the span's bytes.
    package init(copying span: Span<UInt8>) {
        self = unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
    }
}
