/// Splits one file into statements: words up to a `;` or a `{`, or a single `}`.
struct Lexer {
    /// What ended a statement, and where it stands.
    enum Ending {
        case semicolon(Position)
        case open(Position)
        case close(Position)
        /// The file is at its end, outside of a statement.
        case end(Position)
    }

    /// nginx reads through a buffer of this size, which no word may fill.
    private static let longestWord = 4096

    let isCommandLine: Bool
    private let file: Int
    private let text: [UInt8]
    private var index = 0
    private var line: Int
    private var lineStart = 0

    init(file: Int, _ content: ConfigurationSource.File) {
        self.file = file
        text = content.text
        isCommandLine = content.isCommandLine
        line = 1
    }

    private var here: Position {
        Position(file: file, line: line, column: index - lineStart + 1)
    }

    /// Reads a statement's words into `words`.
    mutating func next(
        _ words: inout [Word], _ pool: inout WordPool
    ) throws(ConfigurationError) -> Ending {
        words.removeAll(keepingCapacity: true)
        // After a closing quote, only a blank, `;`, `{` or `)` may follow.
        var needsBlank = false
        while index < text.count {
            let byte = text[index]
            switch byte {
            case ASCII.lf:
                passLineEnd()
                needsBlank = false
            case ASCII.space, ASCII.tab, ASCII.cr:
                index += 1
                needsBlank = false
            case ASCII.semicolon, ASCII.openBrace:
                let place = here
                if words.isEmpty { throw unexpected(byte, after: words) }
                index += 1
                return byte == ASCII.semicolon ? .semicolon(place) : .open(place)
            case _ where needsBlank && byte != ASCII.closeParenthesis:
                throw unexpected(
                    byte, after: words, advice: "after a closing quote a space or \";\" must follow"
                )
            case ASCII.closeBrace:
                let place = here
                if !words.isEmpty { throw unexpected(byte, after: words) }
                index += 1
                return .close(place)
            case ASCII.hash:
                index = text.span.firstIndex(of: ASCII.lf, from: index) ?? text.count
            case ASCII.quote, ASCII.apostrophe:
                words.append(try quotedWord(byte, words, &pool))
                needsBlank = true
            default:
                words.append(try plainWord(words, &pool))
                needsBlank = false
            }
        }
        if words.isEmpty { return .end(here) }
        throw unexpectedEnd(words[0])
    }

    private mutating func passLineEnd() {
        line += 1
        index += 1
        lineStart = index
    }

    /// Passes a backslash and the byte after it.
    private mutating func passEscape() {
        index += 1
        guard index < text.count else { return }
        if text[index] == ASCII.lf { passLineEnd() } else { index += 1 }
    }

    private mutating func plainWord(
        _ words: [Word], _ pool: inout WordPool
    ) throws(ConfigurationError) -> Word {
        let place = here
        let start = index
        var hasEscape = false
        var afterDollar = false
        scan: while index < text.count {
            if index - start >= Self.longestWord, !isCommandLine {
                throw tooLong(start, place, quote: nil)
            }
            switch text[index] {
            case ASCII.space, ASCII.tab, ASCII.cr, ASCII.lf, ASCII.semicolon:
                return word(start..<index, hasEscape, place, isQuoted: false, &pool)
            case ASCII.openBrace:
                // `${name}` is part of the word.
                if !afterDollar {
                    return word(start..<index, hasEscape, place, isQuoted: false, &pool)
                }
                index += 1
            case ASCII.backslash:
                hasEscape = true
                afterDollar = false
                passEscape()
            case ASCII.dollar:
                afterDollar = true
                index += 1
            default:
                afterDollar = false
                index += 1
            }
        }
        throw unexpectedEnd(
            words.first ?? word(start..<index, false, place, isQuoted: false, &pool))
    }

    private mutating func quotedWord(
        _ quote: UInt8, _ words: [Word], _ pool: inout WordPool
    ) throws(ConfigurationError) -> Word {
        let place = here
        index += 1
        let start = index
        var hasEscape = false
        while index < text.count {
            if index - start >= Self.longestWord, !isCommandLine {
                throw tooLong(start, place, quote: quote)
            }
            switch text[index] {
            case quote:
                index += 1
                return word(start..<index - 1, hasEscape, place, isQuoted: true, &pool)
            case ASCII.backslash:
                hasEscape = true
                passEscape()
            case ASCII.lf:
                passLineEnd()
            default:
                index += 1
            }
        }
        var error = unexpectedEnd(words.first)
        error.focus = place
        error.advice = "the quote that begins in line \(place.line) is not closed"
        throw error
    }

    private func word(
        _ range: Range<Int>, _ hasEscape: Bool, _ place: Position, isQuoted: Bool,
        _ pool: inout WordPool
    ) -> Word {
        let bytes = text.span.extracting(range)
        let value = hasEscape ? Self.unescaped(bytes) : pool.word(bytes)
        return Word(value: value, position: place, isQuoted: isQuoted)
    }

    /// `\"`, `\'` and `\\` lose their backslash; `\t`, `\r`, `\n` are control characters; before anything else it stays.
    private static func unescaped(_ bytes: Span<UInt8>) -> ByteString {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == ASCII.backslash, index < bytes.count else {
                result.append(byte)
                continue
            }
            switch bytes[index] {
            case ASCII.quote, ASCII.apostrophe, ASCII.backslash: result.append(bytes[index])
            case UInt8(ascii: "t"): result.append(ASCII.tab)
            case UInt8(ascii: "r"): result.append(ASCII.cr)
            case UInt8(ascii: "n"): result.append(ASCII.lf)
            default:
                result.append(byte)
                continue
            }
            index += 1
        }
        return ByteString(result)
    }

    // MARK: - Errors

    private func unexpected(
        _ byte: UInt8, after words: [Word], advice: String? = nil
    ) -> ConfigurationError {
        var advice = advice
        if advice == nil, let name = words.first {
            advice =
                "the \"\(name.text)\" directive that begins in line "
                + "\(name.position.line) lacks its \";\""
        }
        return ConfigurationError(
            "unexpected \"\(ByteString([byte]).text)\"", position: here, focus: here,
            advice: advice)
    }

    private func unexpectedEnd(_ name: Word?) -> ConfigurationError {
        let advice = name.map {
            "the \"\($0.text)\" directive that begins in line \($0.position.line) lacks its \";\""
        }
        let message =
            isCommandLine
            ? "unexpected end of parameter, expecting \";\""
            : "unexpected end of file, expecting \";\" or \"}\""
        return ConfigurationError(
            message, position: here, focus: name?.position, advice: advice)
    }

    private func tooLong(
        _ start: Int, _ place: Position, quote: UInt8?
    ) -> ConfigurationError {
        if let quote {
            return ConfigurationError(
                "too long parameter, probably missing terminating "
                    + "\"\(ByteString([quote]).text)\" character",
                position: place, focus: place,
                advice: "a parameter has less than \(Self.longestWord) bytes")
        }
        let begin = text.span.extracting(start..<start + 10).text
        return ConfigurationError(
            "too long parameter \"\(begin)...\" started", position: place, focus: place,
            advice: "a parameter has less than \(Self.longestWord) bytes")
    }
}
