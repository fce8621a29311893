/// What log formats read straight from the request. The variables of these names, where there are any, have the same values.
final class RequestLogFields: LogFields, @unchecked Sendable {
    private enum Number: Int, CaseIterable {
        /// Whether the request had come before the answer to the one before it was sent: "p" or ".".
        case pipe
        case requestTime
        case status
        case bytesSent
        case bodyBytesSent
        case remoteAddress
        case requestLine

        var field: Field {
            switch self {
            case .pipe: Field(name: "pipe")
            case .requestTime: Field(name: "request_time")
            case .status: Field(name: "status")
            case .bytesSent: Field(name: "bytes_sent")
            case .bodyBytesSent: Field(name: "body_bytes_sent")
            case .remoteAddress: Field(name: "remote_addr")
            case .requestLine: Field(name: "request", needsEscape: true)
            }
        }
    }

    init() {
        super.init(Number.allCases.map(\.field))
    }

    override func append(_ number: Int, of scope: VariableScope, to line: Buffer) -> Bool {
        guard let request = scope as? Request, let number = Number(rawValue: number) else { return false }
        switch number {
        case .pipe: line.append(request.flags.contains(.pipelined) ? "p" : ".")
        case .requestTime:
            CoreVariables.appendSeconds(request.connection.loop.now - request.timing.start, to: line)
        case .status: CoreVariables.appendStatus(of: request, to: line)
        case .bytesSent: line.append(decimal: request.bytesSent)
        case .bodyBytesSent: line.append(decimal: max(request.bodyBytesSent, 0))
        case .remoteAddress: request.address.appendText(to: line, withPort: false)
        case .requestLine: request.appendRequestLine(to: line)
        }
        return true
    }
}
