/// Makes the fields of an HTTP/2 answer into the head that HTTP/1's parser makes, by nginx's rules.
struct HTTP2AnswerReader {
    /// What is wrong with the head, once something is: the rest is passed over then.
    private(set) var fault: HTTP2AnswerFault?
    private var hasStatus = false
    /// Bytes that names and values may still have.
    private var room = 0

    init() {}

    /// Gets ready for a block.
    mutating func begin(limit: Int) {
        fault = nil
        hasStatus = false
        room = limit
    }

    /// Takes a field of a head.
    mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>, into head: ResponseHead) {
        guard let field = take(name, value, to: head.bytes) else { return }
        let bytes = head.bytes
        if name[0] == ASCII.colon {
            guard name.equals(":status") else {
                fault = .unknownPseudo(field.nameRange, field.valueRange)
                return
            }
            return takeStatus(bytes.span(field.valueRange), field.valueRange, head)
        }
        guard hasStatus else {
            fault = .noStatus
            return
        }
        if let error = head.accept(field) { fault = .field(error) }
    }

    private mutating func takeStatus(_ text: Span<UInt8>, _ range: ByteRange, _ head: ResponseHead) {
        if hasStatus {
            fault = .duplicateStatus
            return
        }
        guard text.count == 3, let code = text.decimalValue else {
            fault = .invalidStatus(range)
            return
        }
        let status = Status(rawValue: UInt16(code))
        // nginx knows no interim head but early hints.
        guard code >= 200 || code >= 100 && status != .switchingProtocols else {
            fault = .unexpectedStatus(range)
            return
        }
        hasStatus = true
        head.version = .http2
        head.status = status
    }

    /// Takes a field of trailers.
    mutating func takeTrailer(
        _ name: Span<UInt8>, _ value: Span<UInt8>, _ bytes: Buffer, into fields: FieldTable
    ) {
        guard let field = take(name, value, to: bytes) else { return }
        if name[0] == ASCII.colon {
            fault = .invalidTrailer(ByteString(name), ByteString(value))
            return
        }
        fields.append(field)
    }

    /// The block of a head is complete.
    mutating func finish() {
        if fault == nil, !hasStatus { fault = .noStatus }
    }

    private mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>, to bytes: Buffer) -> Field? {
        guard fault == nil else { return nil }
        room -= name.count + value.count
        guard room >= 0 else {
            fault = .tooLarge
            return nil
        }
        let start = bytes.count
        bytes.append(name)
        let middle = bytes.count
        bytes.append(value)
        let nameRange = ByteRange(start, middle)
        let valueRange = ByteRange(middle, bytes.count)
        guard Self.isValid(name), value.firstLineBreakOrNUL(from: 0) == nil else {
            fault = .invalidField(ByteString(name), ByteString(value))
            return nil
        }
        return Field(name: FieldName(name), nameRange: nameRange, valueRange: valueRange)
    }

    private static func isValid(_ name: Span<UInt8>) -> Bool {
        if name.isEmpty { return false }
        for index in name.indices {
            let byte = name[index]
            if byte <= ASCII.space || byte == ASCII.delete || byte.isASCIIUppercase { return false }
            if byte == ASCII.colon, index > 0 { return false }
        }
        return true
    }
}

/// Why an upstream's answer in HTTP/2 is refused. The level is `error`.
enum HTTP2AnswerFault: Error {
    case invalidField(ByteString, ByteString)
    case unknownPseudo(ByteRange, ByteRange)
    case duplicateStatus
    case noStatus
    case invalidStatus(ByteRange)
    case unexpectedStatus(ByteRange)
    case field(ResponseError)
    case tooLarge
    case invalidTrailer(ByteString, ByteString)
    case trailerWithoutEnd
    case dataBeforeHead
    /// The stream was broken off.
    case rejected(HTTP2Code)
    /// The connection ends, and the request was not looked at.
    case goneAway(HTTP2Code)
    case prematureEnd
    case tooMuchBody
    /// The file with the request's body was of no use.
    case bodyUnreadable
    /// What came is not HTTP/2.
    case violation(HTTP2Code, ByteString)

    /// Appends nginx's log message.
    func appendMessage(to output: Buffer, head: ResponseHead) {
        let bytes = head.bytes
        switch self {
        case .field(let error): return error.appendMessage(to: output, head: head)
        case .bodyUnreadable: return output.append("pread() of the request's body failed")
        case .prematureEnd: return output.append("upstream prematurely closed stream")
        case .rejected(let code):
            output.append("upstream rejected request with error ")
            return output.append(decimal: Int(code.rawValue))
        default: output.append("upstream sent ")
        }
        switch self {
        case .invalidField(let name, let value): quote("invalid header: \"", name, value, output)
        case .invalidTrailer(let name, let value): quote("invalid trailer \"", name, value, output)
        case .unknownPseudo(let name, let value):
            quote("invalid header \"", ByteString(bytes.span(name)), ByteString(bytes.span(value)), output)
        case .invalidStatus(let range), .unexpectedStatus(let range):
            if case .invalidStatus = self { output.append("invalid") } else { output.append("unexpected") }
            output.append(" :status \"")
            output.append(bytes, range)
            output.append(ASCII.quote)
        case .goneAway(let code):
            output.append("goaway with error ")
            output.append(decimal: Int(code.rawValue))
        case .violation(let code, let text):
            output.append("invalid http2: ")
            output.append(code.text)
            if !text.isEmpty { output.append(", ") }
            output.append(text)
        default: output.append(rest)
        }
    }

    private func quote(_ text: StaticString, _ name: ByteString, _ value: ByteString, _ output: Buffer) {
        output.append(text)
        output.append(name)
        output.append(": ")
        output.append(value)
        output.append(ASCII.quote)
    }

    private var rest: StaticString {
        switch self {
        case .duplicateStatus: "duplicate :status header"
        case .noStatus: "no :status header"
        case .tooLarge: "too large http2 header"
        case .trailerWithoutEnd: "trailer without end stream flag"
        case .dataBeforeHead: "unexpected http2 frame: 0"
        case .tooMuchBody: "response body larger than indicated content length"
        default: "an invalid answer"
        }
    }
}
