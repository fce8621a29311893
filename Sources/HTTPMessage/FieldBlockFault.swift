/// Why the fields of an HTTP/2 request are refused, beyond what is refused in HTTP/1 too.
enum FieldBlockFault: Equatable, Sendable {
    /// What a request line says in HTTP/1.
    enum Pseudo: UInt8, Sendable {
        case method, scheme, path, authority

        var name: StaticString {
            switch self {
            case .method: ":method"
            case .scheme: ":scheme"
            case .path: ":path"
            case .authority: "\":authority\""
            }
        }
    }

    case invalidName(ByteRange)
    case invalidValue(name: ByteRange, value: ByteRange)
    case pseudoOutOfOrder
    /// The name without the colon.
    case unknownPseudo(ByteRange)
    case duplicate(Pseudo)
    case empty(Pseudo)
    case invalidMethod(ByteRange)
    case invalid(Pseudo, ByteRange)
    case invalidAuthority
    case missing(Pseudo)
    /// A field that is about the connection in HTTP/1.
    case connectionField(FieldName)
    case invalidTE
    case noHost
    case hostsDiffer
    /// A body was announced, and the stream has ended.
    case bodyMissing
    case protocolDisabled

    /// Appends nginx's log message.
    func appendMessage(to output: Buffer, head: RequestHead) {
        let bytes = head.bytes
        output.append("client ")
        switch self {
        case .invalidName(let name): quote("sent invalid header name: \"", bytes, name, output)
        case .invalidValue(let name, let value):
            quote("sent header \"", bytes, name, output)
            quote(" with invalid value: \"", bytes, value, output)
        case .unknownPseudo(let name): quote("sent unknown pseudo-header \":", bytes, name, output)
        case .invalidMethod(let value): quote("sent invalid method: \"", bytes, value, output)
        case .invalid(let pseudo, let value):
            output.append("sent invalid ")
            output.append(pseudo.name)
            quote(" header: \"", bytes, value, output)
        case .duplicate(let pseudo): append("sent duplicate ", pseudo, to: output)
        case .empty(let pseudo): append("sent empty ", pseudo, to: output)
        case .missing(let pseudo): append("sent no ", pseudo, to: output)
        case .connectionField(let name):
            output.append("sent \"")
            output.append(name.name)
            output.append("\" header")
        default:
            output.append(text)
        }
    }

    private func append(_ text: StaticString, _ pseudo: Pseudo, to output: Buffer) {
        output.append(text)
        output.append(pseudo.name)
        output.append(" header")
    }

    private func quote(_ text: StaticString, _ bytes: Buffer, _ range: ByteRange, _ output: Buffer) {
        output.append(text)
        output.append(bytes, range)
        output.append(ASCII.quote)
    }

    /// The message of the faults that quote nothing.
    private var text: StaticString {
        switch self {
        case .pseudoOutOfOrder: "sent out of order pseudo-headers"
        case .invalidAuthority: "sent invalid \":authority\" header"
        case .invalidTE: "sent invalid \"TE\" header"
        case .noHost: "sent neither \":authority\" nor \"Host\" header"
        case .hostsDiffer: "sent \":authority\" and \"Host\" headers with different values"
        case .bodyMissing: "prematurely closed stream"
        case .protocolDisabled:
            "attempted to request the server name for which the negotiated protocol is disabled"
        default: "sent invalid request"
        }
    }
}
