/// A place in a configuration file.
struct Position: Hashable, Sendable {
    private let fileIndex: Int32
    private let lineNumber: Int32
    private let columnNumber: Int32

    init(file: Int, line: Int, column: Int) {
        fileIndex = Int32(clamping: file)
        lineNumber = Int32(clamping: line)
        columnNumber = Int32(clamping: column)
    }

    /// The index into `ConfigurationSource.files`.
    var file: Int { Int(fileIndex) }
    /// From 1.
    var line: Int { Int(lineNumber) }
    /// In bytes, from 1.
    var column: Int { Int(columnNumber) }
}

/// A name or an argument, without its quotes and escapes.
struct Word: Sendable {
    let value: ByteString
    let position: Position
    let isQuoted: Bool

    init(value: ByteString, position: Position, isQuoted: Bool = false) {
        self.value = value
        self.position = position
        self.isQuoted = isQuoted
    }

    /// The bytes as text: for messages and file names shown to people.
    var text: String { value.text }
    var span: Span<UInt8> {
        @_lifetime(borrow self) get { value.span }
    }

    func equals(_ literal: StaticString) -> Bool { value.span.equals(literal) }
}

/// One directive as read: a name, arguments, and for a block its content. Included files are already spliced in.
final class Directive {
    let name: Word
    let arguments: [Word]
    /// Where the `;` or the `{` stands: nginx reports the line of it.
    let terminator: Position
    /// Nil for a directive that ends with `;`.
     var block: [Directive]?
    /// Where the `;` or the `}` stands.
     var end: Position
    /// False when reading failed inside the block.
     var isComplete: Bool

    init(
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
struct ConfigurationTree {
    var directives: [Directive]
    var failure: ConfigurationError?

    init(directives: [Directive], failure: ConfigurationError? = nil) {
        self.directives = directives
        self.failure = failure
    }
}
