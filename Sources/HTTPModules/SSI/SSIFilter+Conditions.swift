/// The conditions of `if` and `elif`.
extension SSIFilter {
    /// Shows what follows if the expression holds and nothing before it in the condition was shown.
    func decide(_ expression: [UInt8], _ request: Request) throws(Failure) {
        if isChosen {
            isShown = false
            return
        }
        isShown = try holds(expression, request)
        isChosen = isShown
        condition = .if
    }

    /// `$text`, `$text = text`, `$text != /expression/`.
    private func holds(_ expression: [UInt8], _ request: Request) throws(Failure) -> Bool {
        var index = 0
        while index < expression.count, Self.isLeft(expression[index]) { index += 1 }
        let left = try evaluate(expression[0..<index].map(\.asciiLowercased), request)
        while index < expression.count, expression[index] == ASCII.space { index += 1 }
        if index == expression.count { return !left.isEmpty }
        let invalid = Failure("invalid expression in \"" + ByteString(expression) + "\"")
        var isNegative = false
        if expression[index] == ASCII.exclamation {
            isNegative = true
            index += 1
        }
        guard index < expression.count, expression[index] == ASCII.equals else { throw invalid }
        index += 1
        while index < expression.count, expression[index] == ASCII.space { index += 1 }
        let rest = Array(expression[index...])
        let isEqual: Bool
        if rest.count > 1, rest[0] == ASCII.slash {
            guard rest.last == ASCII.slash else { throw invalid }
            let pattern = try evaluate(Array(rest[1..<rest.count - 1]), request)
            isEqual = try matches(left, pattern, request)
        } else {
            // A slash that begins a text is escaped.
            let isEscaped = rest.count > 2 && rest[0] == ASCII.backslash && rest[1] == ASCII.slash
            let right = try evaluate(isEscaped ? Array(rest[1...]) : rest, request)
            isEqual = left == right
        }
        return isEqual != isNegative
    }

    private static func isLeft(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.dollar, ASCII.openBrace, ASCII.closeBrace, ASCII.underscore, ASCII.quote, ASCII.apostrophe: true
        default: byte.isASCIILetter || byte.isASCIIDigit
        }
    }

    /// Matches, and keeps the groups in the page's variables.
    private func matches(
        _ text: ByteString, _ pattern: ByteString, _ request: Request
    ) throws(Failure) -> Bool {
        let regex: Regex
        do throws(ConfigurationError) {
            // Compiled for this once: code for it would take longer to make than it saves.
            regex = try Regex(pattern: pattern, jit: false)
        } catch {
            throw Failure(ByteString(error.message))
        }
        let captures = page.captures
        switch regex.match(text.span, captures: captures) {
        case .noMatch: return false
        case .failed(let code):
            let message = ByteString("pcre2_match() failed: \(code) on \"\(text)\" using \"\(pattern)\"")
            request.log(.alert) { $0.append(message) }
            throw Failure(.empty)
        case .matched:
            for (name, group) in regex.namedGroups {
                try set(name, ByteString(captures.group(group)), request)
            }
            return true
        }
    }
}
