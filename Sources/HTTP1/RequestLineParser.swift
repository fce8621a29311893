/// Reads a request line, however torn, and refuses it at the first byte that nginx refuses.
struct RequestLineParser: Sendable {
    enum Step {
        case needMore
        case done
        case failed(ParseError)
    }

    private enum State: UInt8 {
        case start, method
        case spacesBeforeTarget, scheme, schemeSlash, schemeSlashSlash
        case spacesBeforeHost, hostStart, host, hostEnd, literal, portStart, port
        case target
        /// Between the target and `HTTP/`.
        case spacesBeforeProtocol
        case protocolName
        case majorStart, major, minorStart, minor, spacesAfterVersion
        case lineFeed
    }

    private var state = State.start
    /// Where the line begins, behind empty lines.
    private(set) var lineStart: Int
    private var method = Method.other
    private var methodEnd = 0
    private var schemeStart = 0
    private var schemeEnd = 0
    private var authorityStart = 0
    private var authorityEnd = -1
    private var targetStart = 0
    private var targetEnd = 0
    private var isPathEmpty = false
    private var scanner = TargetScanner()
    private var protocolStart = -1
    private var majorVersion = 0
    private var minorVersion = 9

    init(start: Int) {
        lineStart = start
    }

    /// Whether only empty lines were seen.
    var isBeforeLine: Bool { state == .start }

    /// Reads on from `cursor` to the end of the line or of the bytes; a failure leaves it at the bad byte.
    mutating func parse(
        _ bytes: Span<UInt8>, _ cursor: inout Int, into head: RequestHead
    ) -> Step {
        while cursor < bytes.count {
            let byte = bytes[cursor]
            let error: ParseError?
            switch state {
            case .start:
                if byte == ASCII.cr || byte == ASCII.lf {
                    cursor &+= 1
                    continue
                }
                lineStart = cursor
                state = .method
                continue
            case .method:
                error = readMethod(bytes, &cursor)
            case .target:
                error = readTarget(bytes, &cursor)
            case .spacesBeforeTarget, .scheme, .schemeSlash, .schemeSlashSlash:
                error = readScheme(byte, &cursor)
            case .spacesBeforeHost, .hostStart, .host, .hostEnd, .literal, .portStart, .port:
                error = readAuthority(byte, &cursor)
            case .spacesBeforeProtocol where readUsualVersion(bytes, &cursor):
                let step = finish(cursor &- 2, head)
                if case .failed = step { cursor &-= 1 }
                return step
            default:
                if byte == ASCII.lf, mayEndLine {
                    let end = state == .lineFeed ? cursor &- 1 : cursor
                    let step = finish(end, head)
                    if case .done = step { cursor &+= 1 }
                    return step
                }
                error = readVersion(byte, &cursor)
            }
            if let error { return .failed(error) }
        }
        return .needMore
    }

    // MARK: - Method

    private mutating func readMethod(_ bytes: Span<UInt8>, _ cursor: inout Int) -> ParseError? {
        var index = cursor
        while index < bytes.count {
            let byte = bytes[index]
            index &+= 1
            if byte.isASCIIUppercase || byte == ASCII.underscore || byte == ASCII.minus { continue }
            // A name has at least one byte.
            guard byte == ASCII.space, index &- 1 > lineStart else {
                cursor = index &- 1
                return .invalidMethod
            }
            methodEnd = index &- 1
            method = Method(bytes.extracting(lineStart..<methodEnd))
            state = method == .connect ? .spacesBeforeHost : .spacesBeforeTarget
            break
        }
        cursor = index
        return nil
    }

    // MARK: - Target

    private mutating func readScheme(_ byte: UInt8, _ cursor: inout Int) -> ParseError? {
        switch state {
        case .spacesBeforeTarget:
            if byte == ASCII.slash {
                beginTarget(at: cursor)
            } else if byte.isASCIILetter {
                schemeStart = cursor
                state = .scheme
            } else if byte != ASCII.space {
                return .invalidRequest
            }
        case .scheme:
            if byte == ASCII.colon {
                schemeEnd = cursor
                state = .schemeSlash
            } else if !byte.isASCIILetter, !byte.isASCIIDigit, byte != ASCII.plus,
                byte != ASCII.minus, byte != ASCII.dot
            {
                return .invalidRequest
            }
        default:
            guard byte == ASCII.slash else { return .invalidRequest }
            state = state == .schemeSlash ? .schemeSlashSlash : .hostStart
        }
        cursor &+= 1
        return nil
    }

    private mutating func beginTarget(at index: Int) {
        targetStart = index
        state = .target
    }

    private mutating func readAuthority(_ byte: UInt8, _ cursor: inout Int) -> ParseError? {
        switch state {
        case .spacesBeforeHost where byte == ASCII.space:
            break
        case .spacesBeforeHost, .hostStart:
            authorityStart = cursor
            state = byte == ASCII.openBracket ? .literal : .host
            if state == .host { return nil }
        case .host where byte.isASCIILetter || byte.isASCIIDigit, .host where byte == ASCII.dot,
            .host where byte == ASCII.minus:
            break
        case .host, .hostEnd:
            if byte != ASCII.colon { return endAuthority(byte, cursor: &cursor, hasPort: false) }
            state = .portStart
        case .literal:
            if byte == ASCII.closeBracket {
                state = .hostEnd
            } else if !RequestLineParser.isLiteralByte(byte) {
                return .invalidRequest
            }
        case .portStart where !byte.isASCIIDigit && method == .connect:
            return .invalidRequest
        default:
            state = .port
            if !byte.isASCIIDigit { return endAuthority(byte, cursor: &cursor, hasPort: true) }
        }
        cursor &+= 1
        return nil
    }

    private static func isLiteralByte(_ byte: UInt8) -> Bool {
        if byte.isASCIILetter || byte.isASCIIDigit { return true }
        switch byte {
        case ASCII.colon, ASCII.minus, ASCII.dot, ASCII.underscore, ASCII.tilde, 0x21,
            ASCII.dollar, ASCII.ampersand, ASCII.apostrophe, ASCII.openParenthesis,
            ASCII.closeParenthesis, ASCII.asterisk, ASCII.plus, ASCII.comma, ASCII.semicolon,
            ASCII.equals:
            return true
        default: return false
        }
    }

    private mutating func endAuthority(
        _ byte: UInt8, cursor: inout Int, hasPort: Bool
    ) -> ParseError? {
        authorityEnd = cursor
        if method == .connect {
            // The authority form has a port (RFC 9112 3.2.3) and nothing behind it.
            guard hasPort, byte == ASCII.space else { return .invalidRequest }
            state = .spacesBeforeProtocol
        } else if byte == ASCII.slash {
            beginTarget(at: cursor)
        } else if byte == ASCII.question {
            beginTarget(at: cursor)
            isPathEmpty = true
            scanner = TargetScanner(argumentsAt: cursor + 1)
        } else if byte == ASCII.space {
            // The target is `/`, and one stands behind the scheme.
            targetStart = schemeEnd + 1
            targetEnd = schemeEnd + 2
            state = .spacesBeforeProtocol
        } else {
            return .invalidRequest
        }
        cursor &+= 1
        return nil
    }

    private mutating func readTarget(_ bytes: Span<UInt8>, _ cursor: inout Int) -> ParseError? {
        scanner.scan(bytes, &cursor)
        guard cursor < bytes.count else { return nil }
        targetEnd = cursor
        state = .spacesBeforeProtocol
        let byte = bytes[cursor]
        return byte == ASCII.space || byte == ASCII.cr || byte == ASCII.lf ? nil : .invalidRequest
    }
}

extension RequestLineParser {
    // MARK: - Version

    /// Whether LF may stand here; before `HTTP/` it makes the request an HTTP/0.9 one.
    private var mayEndLine: Bool {
        switch state {
        case .spacesBeforeProtocol, .minor, .spacesAfterVersion, .lineFeed: true
        default: false
        }
    }

    /// Reads what nearly all lines end with in one step; false: byte by byte, then.
    private mutating func readUsualVersion(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Bool {
        let end: StaticString = " HTTP/1.1\r\n"
        let length = end.utf8CodeUnitCount
        guard bytes.count &- cursor >= length,
            bytes.extracting(cursor..<cursor &+ length).equals(end)
        else { return false }
        protocolStart = cursor &+ 1
        majorVersion = 1
        minorVersion = 1
        cursor &+= length
        return true
    }

    private mutating func readVersion(_ byte: UInt8, _ cursor: inout Int) -> ParseError? {
        if byte == ASCII.cr, mayEndLine, state != .lineFeed {
            cursor &+= 1
            state = .lineFeed
            return nil
        }
        let digit = Int(byte &- ASCII.zero)
        switch state {
        case .spacesBeforeProtocol:
            if byte == 0x48 {
                protocolStart = cursor
                state = .protocolName
            } else if byte != ASCII.space {
                return .invalidRequest
            }
        case .protocolName:
            let name: StaticString = "HTTP/"
            let offset = cursor &- protocolStart
            guard byte == name.bytes[offset] else { return .invalidRequest }
            if offset == 4 { state = .majorStart }
        case .majorStart:
            guard (1...9).contains(digit) else { return .invalidRequest }
            if digit > 1 { return .invalidVersion }
            majorVersion = digit
            state = .major
        case .major:
            if byte == ASCII.dot {
                state = .minorStart
            } else {
                return digit < 10 ? .invalidVersion : .invalidRequest
            }
        case .minorStart:
            guard digit < 10 else { return .invalidRequest }
            minorVersion = digit
            state = .minor
        case .minor:
            if byte == ASCII.space {
                state = .spacesAfterVersion
            } else {
                guard digit < 10, minorVersion <= 99 else { return .invalidRequest }
                minorVersion = minorVersion * 10 + digit
            }
        case .spacesAfterVersion:
            guard byte == ASCII.space else { return .invalidRequest }
        default:
            return .invalidRequest
        }
        cursor &+= 1
        return nil
    }

    // MARK: - End

    private func finish(_ end: Int, _ head: RequestHead) -> Step {
        head.requestLine = ByteRange(lineStart, end)
        head.methodName = ByteRange(lineStart, methodEnd)
        head.method = method
        if protocolStart >= 0 {
            head.protocolName = ByteRange(protocolStart, end)
            // Minor versions have up to three digits; all that matters is which side of 1.1 they are.
            head.version = Version(
                major: UInt8(majorVersion), minor: UInt8(min(minorVersion, 255)))
            if method == .connect {
                // The path of the authority form is `/`; the protocol's name has one.
                targetRange(protocolStart + 4, protocolStart + 5, head)
            } else {
                targetRange(targetStart, targetEnd, head)
            }
        } else {
            head.version = .http09
            if method != .get { return .failed(.invalidMethodInHTTP09) }
            targetRange(targetStart, targetEnd, head)
        }
        if schemeEnd > 0 { head.scheme = ByteRange(schemeStart, schemeEnd) }
        if authorityEnd >= 0 {
            if let error = head.readAuthority(ByteRange(authorityStart, authorityEnd)) {
                return .failed(error)
            }
        }
        return .done
    }

    private func targetRange(_ start: Int, _ end: Int, _ head: RequestHead) {
        head.setTarget(ByteRange(start, end), scanner)
        head.isPathEmpty = isPathEmpty
    }
}
