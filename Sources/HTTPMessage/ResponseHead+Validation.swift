/// Why an upstream's head is refused; nginx tries the next server or answers 502. The level is `error`.
enum ResponseError: Error, Equatable, Sendable {
    /// What came is not HTTP/1.
    case noStatusLine
    /// The line up to the bad byte, which is the one after the range.
    case invalidFieldLine(ByteRange)
    /// The indices of the second and of the first field.
    case duplicateField(Int, previous: Int)
    case contentLengthAndTransferEncoding
    /// The field's index.
    case invalidContentLength(Int)
    /// The value's range.
    case unknownTransferEncoding(ByteRange)

    /// Appends nginx's log message.
    func appendMessage(to output: Buffer, head: ResponseHead) {
        let bytes = head.bytes
        switch self {
        case .noStatusLine:
            output.append("upstream sent no valid HTTP/1.0 header")
        case .invalidFieldLine(let range):
            output.append("upstream sent invalid header: \"")
            output.append(bytes.span(range))
            output.append("\\x")
            if range.end < bytes.count {
                output.append(hex: UInt64(bytes[Int(range.end)]), width: 2)
            }
            output.append("...\"")
        case .duplicateField(let index, let previous):
            output.append("upstream sent duplicate header line: \"")
            head.appendField(at: index, to: output)
            output.append("\", previous value: \"")
            head.appendField(at: previous, to: output)
            output.append(ASCII.quote)
        case .contentLengthAndTransferEncoding:
            output.append("upstream sent \"Content-Length\" and \"Transfer-Encoding\"")
            output.append(" headers at the same time")
        case .invalidContentLength(let index):
            output.append("upstream sent invalid \"Content-Length\" header: \"")
            head.appendField(at: index, to: output)
            output.append(ASCII.quote)
        case .unknownTransferEncoding(let range):
            output.append("upstream sent unknown \"Transfer-Encoding\": \"")
            output.append(bytes.span(range))
            output.append(ASCII.quote)
        }
    }
}

extension ResponseHead {
    fileprivate func appendField(at index: Int, to output: Buffer) {
        let bytes = self.bytes
        let field = fields[index]
        output.append(bytes.span(field.nameRange))
        output.append(": ")
        output.append(bytes.span(field.valueRange))
    }

    /// Adds a received field; those that say where the body ends are checked at once.
    func accept(_ field: Field) -> ResponseError? {
        let index = fields.count
        let bytes = self.bytes
        switch field.name {
        case .contentLength:
            let previous = fields.firstIndex(of: .contentLength)
            let hasEncoding = fields.contains(.transferEncoding)
            fields.append(field)
            if let previous { return .duplicateField(index, previous: previous) }
            if hasEncoding { return .contentLengthAndTransferEncoding }
            guard let value = bytes.span(field.valueRange).decimalValue else {
                return .invalidContentLength(index)
            }
            contentLength = value
        case .transferEncoding:
            let previous = fields.firstIndex(of: .transferEncoding)
            let hasLength = fields.contains(.contentLength)
            fields.append(field)
            if let previous { return .duplicateField(index, previous: previous) }
            if hasLength { return .contentLengthAndTransferEncoding }
            guard bytes.span(field.valueRange).equalsIgnoringCase("chunked") else {
                return .unknownTransferEncoding(field.valueRange)
            }
            isChunked = true
        case .connection:
            fields.append(field)
            if bytes.span(field.valueRange).containsIgnoringCase("close") { closes = true }
        default:
            fields.append(field)
        }
        return nil
    }
}
