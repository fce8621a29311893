/// Reads the records of FastCGI, however torn.
struct FastCGIRecords: Sendable {
    /// What a record may be in an answer.
    enum Kind: UInt8, Sendable {
        case endRequest = 3
        case output = 6
        case errors = 7
    }

    enum Event: Equatable, Sendable {
        /// All bytes were looked at.
        case needMore
        /// A record begins, with so many bytes of content.
        case begin(Kind, Int)
        /// These bytes are content of the record.
        case content(Kind, Range<Int>)
        /// The record is over, its padding included.
        case end(Kind)
        case failed(Fault)
    }

    /// What is wrong with a record's head, and the byte that is.
    enum Fault: Equatable, Sendable {
        case version(UInt8)
        case kind(UInt8)
        case identifier(UInt8, isHigh: Bool)

        /// Appends nginx's words.
        func appendMessage(to output: Buffer) {
            switch self {
            case .version(let byte):
                output.append("upstream sent unsupported FastCGI protocol version: ")
                output.append(decimal: Int(byte))
            case .kind(let byte):
                output.append("upstream sent invalid FastCGI record type: ")
                output.append(decimal: Int(byte))
            case .identifier(let byte, let isHigh):
                output.append("upstream sent unexpected FastCGI request id ")
                output.append(isHigh ? "high byte: " : "low byte: ")
                output.append(decimal: Int(byte))
            }
        }
    }

    private enum Place: UInt8, Sendable {
        case head, content, padding
    }

    private var place = Place.head
    /// Bytes of the head that have come.
    private var headCount = 0
    private var kind = Kind.output
    private var contentLeft = 0
    private var paddingLeft = 0

    /// Reads on; `cursor` moves behind what was read.
    mutating func next(_ bytes: Span<UInt8>, _ cursor: inout Int) -> Event {
        while true {
            switch place {
            case .head:
                guard cursor < bytes.count else { return .needMore }
                if let fault = readHead(bytes[cursor]) { return .failed(fault) }
                cursor += 1
                guard headCount == 8 else { continue }
                headCount = 0
                place = contentLeft > 0 ? .content : .padding
                return .begin(kind, contentLeft)
            case .content:
                guard cursor < bytes.count else { return .needMore }
                let start = cursor
                let count = min(contentLeft, bytes.count - start)
                cursor += count
                contentLeft -= count
                if contentLeft == 0 { place = .padding }
                return .content(kind, start..<cursor)
            case .padding:
                let count = min(paddingLeft, bytes.count - cursor)
                cursor += count
                paddingLeft -= count
                guard paddingLeft == 0 else { return .needMore }
                place = .head
                return .end(kind)
            }
        }
    }

    /// The last bytes of the content that was read last are to be read again.
    mutating func unread(_ count: Int) {
        if count == 0 { return }
        contentLeft += count
        place = .content
    }

    private mutating func readHead(_ byte: UInt8) -> Fault? {
        switch headCount {
        case 0: if byte != 1 { return .version(byte) }
        case 1:
            guard let known = Kind(rawValue: byte) else { return .kind(byte) }
            kind = known
        case 2: if byte != 0 { return .identifier(byte, isHigh: true) }
        case 3: if byte != 1 { return .identifier(byte, isHigh: false) }
        case 4: contentLeft = Int(byte) << 8
        case 5: contentLeft |= Int(byte)
        case 6: paddingLeft = Int(byte)
        default: break
        }
        headCount += 1
        return nil
    }
}

/// Writes the records of a request.
enum FastCGIWriter {
    static let headSize = 8
    /// As large as records of a body are: nginx's size.
    static let bodyRecord = 32_768

    private enum Kind: UInt8 {
        case beginRequest = 1
        case parameters = 4
        case input = 5
    }

    private static func appendHead(_ kind: Kind, _ count: Int, to output: Buffer) {
        output.append(1 as UInt8)
        output.append(kind.rawValue)
        output.append(0 as UInt8)
        output.append(1 as UInt8)
        output.append(UInt8(truncatingIfNeeded: count >> 8))
        output.append(UInt8(truncatingIfNeeded: count))
        output.append(0 as UInt8)
        output.append(0 as UInt8)
    }

    /// Appends the record that begins a request for an answer.
    static func appendBegin(keepsConnection: Bool, to output: Buffer) {
        appendHead(.beginRequest, 8, to: output)
        // The role: a responder.
        output.append(0 as UInt8)
        output.append(1 as UInt8)
        output.append(keepsConnection ? 1 : 0 as UInt8)
        for _ in 0..<5 { output.append(0 as UInt8) }
    }

    static func appendParametersHead(_ count: Int, to output: Buffer) { appendHead(.parameters, count, to: output) }
    static func appendInputHead(_ count: Int, to output: Buffer) { appendHead(.input, count, to: output) }

    /// Appends a name or a value's length: one byte, or four.
    static func append(length: Int, to output: Buffer) {
        if length < 128 { return output.append(UInt8(length)) }
        output.append(UInt8(truncatingIfNeeded: length >> 24) | 0x80)
        output.append(UInt8(truncatingIfNeeded: length >> 16))
        output.append(UInt8(truncatingIfNeeded: length >> 8))
        output.append(UInt8(truncatingIfNeeded: length))
    }
}
