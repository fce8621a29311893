/// Reads nginx's grammar: words, `;`, `{`, `}`, comments, and `include`, which is spliced in.
struct ConfigurationReader {
    /// Deeper nesting is refused; nginx would run out of stack or of descriptors at some point.
    private static let deepestBlock = 128
    private static let deepestInclude = 64
    /// What all inclusions together may come to, so that files that include each other twice over do not fill the memory.
    private static let mostInclusions = 200_000

    /// A block whose `}` has not been read.
    private struct OpenBlock {
        let name: Word
        let arguments: [Word]
        let start: Position
        var content: [Directive] = []
    }

    private let source: ConfigurationSource
    private var words: [Word] = []
    private var pool = WordPool()
    /// The directives outside of all blocks.
    private var directives: [Directive] = []
    private var blocks: [OpenBlock] = []
    private var including: [Int] = []
    private var inclusions = 0

    init(source: ConfigurationSource) {
        self.source = source
    }

    /// The directives read. Blocks that are still open, after a failure, are closed as incomplete.
    mutating func finish(failedAt end: Position?) -> [Directive] {
        while let open = blocks.popLast() {
            append(
                Directive(
                    name: open.name, arguments: open.arguments, terminator: open.start,
                    block: open.content, end: end ?? open.start, isComplete: false))
        }
        return directives
    }

    private mutating func append(_ directive: Directive) {
        if blocks.isEmpty {
            directives.append(directive)
        } else {
            blocks[blocks.count - 1].content.append(directive)
        }
    }

    // MARK: - Statements

    /// Reads a whole file, with what it includes.
    mutating func read(_ file: Int) throws(ConfigurationError) {
        including.append(file)
        defer { including.removeLast() }
        let outermost = blocks.count
        var lexer = Lexer(file: file, source.files[file])
        while true {
            switch try lexer.next(&words, &pool) {
            case .end(let place):
                if let open = blocks.last, blocks.count > outermost {
                    throw unclosed(open, at: place)
                }
                return
            case .semicolon(let place):
                if words[0].equals("include") {
                    try include(at: place)
                } else {
                    append(directive(terminator: place))
                }
            case .open(let place):
                try open(at: place, isCommandLine: lexer.isCommandLine)
            case .close(let place):
                guard blocks.count > outermost, let open = blocks.popLast() else {
                    throw ConfigurationError(
                        "unexpected \"}\"", position: place, focus: place,
                        advice: "no block is open here: this \"}\" is one too many, "
                            + "or a \"{\" is missing above")
                }
                append(
                    Directive(
                        name: open.name, arguments: open.arguments, terminator: open.start,
                        block: open.content, end: place))
            }
        }
    }

    private func directive(terminator: Position) -> Directive {
        Directive(name: words[0], arguments: arguments, terminator: terminator)
    }

    private var arguments: [Word] {
        words.count == 1 ? [] : Array(words[1...])
    }

    private mutating func open(
        at place: Position, isCommandLine: Bool
    ) throws(ConfigurationError) {
        if isCommandLine {
            throw ConfigurationError(
                "block directives are not supported in -g option", position: place, focus: place,
                advice: "put the block into the configuration file")
        }
        if words[0].equals("include") {
            throw Diagnosis.wrongTerminator(directive(terminator: place), isBlock: false)
        }
        guard blocks.count < Self.deepestBlock else {
            throw ConfigurationError(
                "blocks are nested more than \(Self.deepestBlock) deep", position: place,
                focus: place)
        }
        blocks.append(OpenBlock(name: words[0], arguments: arguments, start: place))
    }

    private func unclosed(_ open: OpenBlock, at place: Position) -> ConfigurationError {
        ConfigurationError(
            "unexpected end of file, expecting \"}\"", position: place, focus: open.name.position,
            advice: "the \"\(open.name.text)\" block that begins in line "
                + "\(open.name.position.line) is not closed")
    }

    // MARK: - Include

    private mutating func include(at place: Position) throws(ConfigurationError) {
        let words = words
        guard words.count == 2 else {
            throw ConfigurationError(
                "invalid number of arguments in \"include\" directive", position: place,
                focus: words[0].position, advice: "it takes 1, here are \(words.count - 1)")
        }
        for path in try source.resolve(words[1], in: place) {
            inclusions += 1
            let file: Int
            do throws(FileFailure) {
                file = try source.open(path)
            } catch {
                throw ConfigurationSource.failure(error, path, in: place)
            }
            if including.contains(file) {
                throw ConfigurationError(
                    "\"include\" directive includes \"\(path.text)\" from within itself",
                    position: place, focus: words[1].position,
                    advice: "the file would be read without end; narrow the name or the pattern")
            }
            guard including.count < Self.deepestInclude, inclusions <= Self.mostInclusions else {
                throw ConfigurationError(
                    "too many included files", position: place, focus: words[1].position,
                    advice: "at most \(Self.deepestInclude) within each other and "
                        + "\(Self.mostInclusions) together")
            }
            try read(file)
        }
    }
}

/// Remembers short words, so that the names and arguments that recur through a configuration are in memory once.
struct WordPool {
    private static let slots = 2048
    private static let longest = 32
    private var words = [ByteString](repeating: .empty, count: Self.slots)

    mutating func word(_ bytes: Span<UInt8>) -> ByteString {
        guard bytes.count <= Self.longest, !bytes.isEmpty else { return ByteString(bytes) }
        let slot = Int(truncatingIfNeeded: bytes.fnv1a & UInt64(Self.slots - 1))
        let known = words[slot]
        if known.span.equals(bytes) { return known }
        let word = ByteString(bytes)
        words[slot] = word
        return word
    }
}
