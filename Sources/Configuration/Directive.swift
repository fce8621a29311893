public import Bytes

/// A place in a configuration file.
public struct Position: Hashable, Sendable {
    private let fileIndex: Int32
    private let lineNumber: Int32
    private let columnNumber: Int32

    public init(file: Int, line: Int, column: Int) {
        fileIndex = Int32(clamping: file)
        lineNumber = Int32(clamping: line)
        columnNumber = Int32(clamping: column)
    }

    /// The index into `ConfigurationSource.files`.
    public var file: Int { Int(fileIndex) }
    /// From 1.
    public var line: Int { Int(lineNumber) }
    /// In bytes, from 1.
    public var column: Int { Int(columnNumber) }
}

/// A name or an argument, without its quotes and escapes.
public struct Word: Sendable {
    public let value: ByteString
    public let position: Position
    public let isQuoted: Bool

    public init(value: ByteString, position: Position, isQuoted: Bool = false) {
        self.value = value
        self.position = position
        self.isQuoted = isQuoted
    }

    /// The bytes as text: for messages and file names shown to people.
    public var text: String { value.text }
    public var span: Span<UInt8> {
        @_lifetime(borrow self) get { value.span }
    }

    public func equals(_ literal: StaticString) -> Bool { value.span.equals(literal) }
}

/// One directive as read: a name, arguments, and for a block its content. Included files are already spliced in.
public final class Directive {
    public let name: Word
    public let arguments: [Word]
    /// Where the `;` or the `{` stands: nginx reports the line of it.
    public let terminator: Position
    /// Nil for a directive that ends with `;`.
    public internal(set) var block: [Directive]?
    /// Where the `;` or the `}` stands.
    public internal(set) var end: Position
    /// False when reading failed inside the block.
    public internal(set) var isComplete: Bool

    public init(
        name: Word, arguments: [Word], terminator: Position, block: [Directive]? = nil,
        end: Position? = nil, isComplete: Bool = true
    ) {
        self.name = name
        self.arguments = arguments
        self.terminator = terminator
        self.block = block
        self.end = end ?? terminator
        self.isComplete = isComplete
    }
}

/// What was read, in file order, and what stopped the reading.
///
/// nginx reads and evaluates in one go, so a mistake in line 3 is reported before a missing brace in line 90. The tree up to the
/// failure is therefore evaluated before the failure is reported.
public struct ConfigurationTree {
    public var directives: [Directive]
    public var failure: ConfigurationError?

    public init(directives: [Directive], failure: ConfigurationError? = nil) {
        self.directives = directives
        self.failure = failure
    }
}
