/// What nginx takes for a host with an optional port: a name, an address or a bracketed literal.
struct HostSyntax: Equatable, Sendable {
    /// The length of the host without port and final dot.
    var length: Int
    /// The port, or 0.
    var port: UInt16

    private enum State: UInt8 {
        case name, literal, literalEnd, port
    }

    /// Reads a host; nil if it is malformed.
    init?(_ text: Span<UInt8>) {
        var state = State.name
        var lastDot = -2
        length = text.count
        var number = 0
        for index in text.indices {
            let byte = text[index]
            switch state {
            case .port:
                guard byte.isASCIIDigit else { return nil }
                number = number * 10 + Int(byte &- ASCII.zero)
                guard number <= 65535 else { return nil }
            case .literalEnd:
                guard byte == ASCII.colon else { return nil }
                state = .port
            case .name, .literal:
                if byte.isASCIILetter || byte.isASCIIDigit || byte == ASCII.minus { continue }
                switch byte {
                case ASCII.dot:
                    if lastDot == index - 1 { return nil }
                    lastDot = index
                case ASCII.openBracket where index == 0:
                    state = .literal
                case ASCII.closeBracket where state == .literal:
                    length = index + 1
                    state = .literalEnd
                case ASCII.colon where state == .name:
                    length = index
                    state = .port
                case ASCII.colon:
                    break
                case ASCII.percent where state == .name:
                    break
                default:
                    guard HostSyntax.isAllowed(byte) else { return nil }
                }
            }
        }
        if state == .literal { return nil }
        if lastDot == length - 1 { length -= 1 }
        if length <= 0 { return nil }
        port = UInt16(number)
    }

    /// The marks that RFC 3986 3.2.2 allows in a registered name, besides letters, digits, `-` and `.`.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case ASCII.underscore, ASCII.tilde, 0x21, ASCII.dollar, ASCII.ampersand,
            ASCII.apostrophe, ASCII.openParenthesis, ASCII.closeParenthesis, ASCII.asterisk,
            ASCII.plus, ASCII.comma, ASCII.semicolon, ASCII.equals:
            true
        default: false
        }
    }
}

extension Buffer {
    /// Appends bytes with ASCII letters in lower case.
    func append(lowercased text: Span<UInt8>) {
        reserve(text.count)
        for index in text.indices { append(text[index].asciiLowercased) }
    }
}
