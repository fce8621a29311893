/// Why a request's head is refused. The status and the log line are nginx's; the level is `info`, for the fault is the client's.
enum ParseError: Error, Equatable, Sendable {
    case invalidMethod
    case invalidRequest
    case invalidVersion
    case invalidMethodInHTTP09
    case requestLineTooLong
    case headTooLarge
    /// The line's range so far.
    case fieldLineTooLong(ByteRange)
    case tooManyFields
    /// The line up to the bad byte, which is the one after the range.
    case invalidFieldLine(ByteRange)
    case invalidHostInRequestLine
    case invalidHost
    /// The indices of the second and of the first field.
    case duplicateHost(Int, previous: Int)
    case duplicateField(Int, previous: Int)
    case missingHost
    case proxyConnection
    case invalidContentLength
    case transferEncodingInHTTP10
    case contentLengthAndTransferEncoding
    /// The value's range.
    case unknownTransferEncoding(ByteRange)
    case connectNotAllowed
    case connectWithBody
    case traceNotAllowed
    case fieldBlock(FieldBlockFault)

    /// What the client is answered; nginx sends 494 as 400.
    var status: Status {
        switch self {
        case .invalidVersion: .versionNotSupported
        case .requestLineTooLong: .uriTooLong
        case .headTooLarge, .fieldLineTooLong, .tooManyFields: .headTooLarge
        case .unknownTransferEncoding: .notImplemented
        case .connectNotAllowed, .traceNotAllowed: .notAllowed
        case .fieldBlock(.protocolDisabled): .misdirectedRequest
        default: .badRequest
        }
    }

    /// Whether nginx reads on for a while after the answer, so that a client still sending gets to see it.
    var lingers: Bool { status == .headTooLarge }

    /// Whether the request line was being read: the log says so after "while".
    var isInRequestLine: Bool {
        switch self {
        case .invalidMethod, .invalidRequest, .invalidVersion, .invalidMethodInHTTP09,
            .requestLineTooLong, .invalidHostInRequestLine:
            true
        default: false
        }
    }

    /// What the connection was doing: the log line goes on with `while` and this.
    var action: StaticString {
        isInRequestLine ? "reading client request line" : "reading client request headers"
    }
}

extension ParseError {
    /// Longest part of a line that the log quotes, as in nginx: 2048 less room for the rest of the message.
    private static let quotedLimit = 1748

    /// Appends nginx's log message, without the "while" that follows it.
    func appendMessage(to output: Buffer, head: RequestHead) {
        let bytes = head.bytes
        switch self {
        case .fieldLineTooLong(let range):
            output.append("client sent too long header line: \"")
            let end = min(range.count, ParseError.quotedLimit) + Int(range.start)
            output.append(bytes.span(Int(range.start)..<end))
            output.append("...\"")
        case .invalidFieldLine(let range):
            output.append("client sent invalid header line: \"")
            output.append(bytes.span(range))
            output.append("\\x")
            if range.end < head.bytes.count {
                output.append(hex: UInt64(head.bytes[Int(range.end)]), width: 2)
            }
            output.append("...\"")
        case .duplicateHost(let index, let previous):
            output.append("client sent duplicate host header: \"")
            appendDuplicate(index, previous, to: output, head: head)
        case .duplicateField(let index, let previous):
            output.append("client sent duplicate header line: \"")
            appendDuplicate(index, previous, to: output, head: head)
        case .unknownTransferEncoding(let range):
            output.append("client sent unknown \"Transfer-Encoding\": \"")
            output.append(bytes.span(range))
            output.append(ASCII.quote)
        case .fieldBlock(let fault):
            fault.appendMessage(to: output, head: head)
        default:
            output.append(text)
        }
    }

    private func appendDuplicate(
        _ index: Int, _ previous: Int, to output: Buffer, head: RequestHead
    ) {
        appendField(head.fields[index], to: output, head: head)
        output.append("\", previous value: \"")
        appendField(head.fields[previous], to: output, head: head)
        output.append(ASCII.quote)
    }

    private func appendField(_ field: Field, to output: Buffer, head: RequestHead) {
        let bytes = head.bytes
        output.append(bytes.span(field.nameRange))
        output.append(": ")
        output.append(bytes.span(field.valueRange))
    }

    /// The message of the errors that quote nothing.
    private var text: StaticString {
        switch self {
        case .invalidMethod: "client sent invalid method"
        case .invalidVersion: "client sent invalid version"
        case .invalidMethodInHTTP09: "client sent invalid method in HTTP/0.9 request"
        case .requestLineTooLong: "client sent too long URI"
        case .headTooLarge: "client sent too large request"
        case .tooManyFields: "client sent too many header lines"
        case .invalidHostInRequestLine: "client sent invalid host in request line"
        case .invalidHost: "client sent invalid host header"
        case .missingHost: "client sent HTTP/1.1 request without \"Host\" header"
        case .proxyConnection: "client sent \"Proxy-Connection\" header"
        case .invalidContentLength: "client sent invalid \"Content-Length\" header"
        case .transferEncodingInHTTP10:
            "client sent HTTP/1.0 request with \"Transfer-Encoding\" header"
        case .contentLengthAndTransferEncoding:
            "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"
        case .connectNotAllowed: "client sent CONNECT method"
        case .connectWithBody: "client sent CONNECT request with body"
        case .traceNotAllowed: "client sent TRACE method"
        default: "client sent invalid request"
        }
    }
}
