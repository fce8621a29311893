/// Reads the header of the PROXY protocol, version 1 or 2, in front of all other bytes of a connection: a machine without I/O.
///
/// The bytes may come torn anywhere; nginx refuses a header that does not come at once. As in nginx, a version 2 header that
/// is not about a proxied stream of IPv4 or IPv6 is skipped, and version 1's addresses are kept as they are written.
final class ProxyProtocolReader {
    enum Outcome: Equatable {
        /// All bytes were taken, and more are needed.
        case needMore
        /// The header has ended before this index of the bytes just given.
        case complete(Int)
        case failed(ProxyProtocolError)
    }

    /// What the header told; nil if it told nothing, or is not complete.
    private(set) var header: ProxyProtocolHeader?
    private(set) var isComplete = false
    /// What came of a header that is not complete.
    private var pending: Buffer?

    /// The longest header: that of nginx, and more than a version 1 line or usual additions take.
    static let limit = 4_096

    init() {}

    /// Whether a part of the header has come.
    var hasBegun: Bool { pending != nil }

    func take(_ bytes: Span<UInt8>) -> Outcome {
        guard let pending else {
            let outcome = ProxyProtocolSyntax.parse(bytes)
            if case .needMore = outcome {
                let rest = Buffer(capacity: 256)
                rest.append(bytes)
                pending = rest
            }
            return settle(outcome, before: 0)
        }
        let before = pending.count
        // What follows the header is not kept, so no more than the longest header is.
        let taken = min(bytes.count, Self.limit - before)
        pending.append(bytes.extracting(0..<taken))
        return settle(ProxyProtocolSyntax.parse(pending.span), before: before)
    }

    /// The peer has ended within the header.
    var incompleteError: ProxyProtocolError? {
        guard let pending else { return nil }
        return .broken(ProxyProtocolSyntax.firstLine(pending.span))
    }

    private func settle(_ outcome: ProxyProtocolSyntax.Outcome, before: Int) -> Outcome {
        switch outcome {
        case .needMore: return .needMore
        case .failed(let error):
            pending = nil
            return .failed(error)
        case .complete(let end, let header):
            self.header = header
            isComplete = true
            pending = nil
            return .complete(end - before)
        }
    }
}

/// Why a header cannot be taken.
enum ProxyProtocolError: Equatable, Sendable {
    /// Neither version; what came up to the first line's end.
    case broken(ByteString)
    case unknownVersion(Int)
    case tooLarge
    /// The block of addresses is shorter than its family needs. nginx closes without a word.
    case tooShort

    /// Appends the message, which is nginx's where it has one.
    func append(to line: Buffer) {
        switch self {
        case .broken(let text):
            line.append("broken header: \"")
            line.append(text)
            line.append(ASCII.quote)
        case .unknownVersion(let version):
            line.append("unknown PROXY protocol version: ")
            line.append(decimal: version)
        case .tooLarge: line.append("header is too large")
        case .tooShort: line.append("header is too short for its addresses")
        }
    }
}

/// The two forms of the header.
enum ProxyProtocolSyntax {
    enum Outcome {
        case needMore
        case complete(Int, ProxyProtocolHeader?)
        case failed(ProxyProtocolError)
    }

    static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    static func parse(_ bytes: Span<UInt8>) -> Outcome {
        let start = min(bytes.count, signature.count)
        if start > 0, bytes.extracting(0..<start).equals(signature.span.extracting(0..<start)) {
            return start < signature.count ? .needMore : parseBinary(bytes)
        }
        return parseLine(bytes)
    }

    /// The bytes up to the first end of a line, for the log.
    static func firstLine(_ bytes: Span<UInt8>) -> ByteString {
        var end = 0
        while end < bytes.count, bytes[end] != ASCII.cr, bytes[end] != ASCII.lf { end += 1 }
        return ByteString(bytes.extracting(0..<end))
    }

    // MARK: - Version 1

    private static let opening: StaticString = "PROXY "

    /// `PROXY TCP4 192.0.2.1 192.0.2.2 123 5678` and a line's end, or `PROXY UNKNOWN` with anything behind it.
    private static func parseLine(_ bytes: Span<UInt8>) -> Outcome {
        let known = min(bytes.count, opening.utf8CodeUnitCount)
        guard bytes.extracting(0..<known).equals(opening.bytes.extracting(0..<known)) else {
            return .failed(.broken(firstLine(bytes)))
        }
        let window = bytes.extracting(0..<min(bytes.count, ProxyProtocolReader.limit))
        guard let end = window.firstIndex(of: ASCII.lf) else {
            if bytes.count < ProxyProtocolReader.limit { return .needMore }
            return .failed(.broken(firstLine(bytes)))
        }
        guard end > known, bytes[end - 1] == ASCII.cr else {
            return .failed(.broken(firstLine(bytes)))
        }
        let rest = bytes.extracting(known..<end - 1)
        if rest.hasPrefix("UNKNOWN") { return .complete(end + 1, nil) }
        guard rest.hasPrefix("TCP4 ") || rest.hasPrefix("TCP6 "),
            let header = addresses(rest.extracting(5..<rest.count))
        else { return .failed(.broken(firstLine(bytes))) }
        return .complete(end + 1, header)
    }

    private static func addresses(_ text: Span<UInt8>) -> ProxyProtocolHeader? {
        var starts = (0, 0, 0)
        guard let first = text.firstIndex(of: ASCII.space) else { return nil }
        starts.0 = first + 1
        guard let second = text.firstIndex(of: ASCII.space, from: starts.0) else { return nil }
        starts.1 = second + 1
        guard let third = text.firstIndex(of: ASCII.space, from: starts.1) else { return nil }
        starts.2 = third + 1
        let source = text.extracting(0..<first)
        let destination = text.extracting(starts.0..<second)
        guard isAddress(source), isAddress(destination),
            let sourcePort = port(text.extracting(starts.1..<third)),
            let destinationPort = port(text.extracting(starts.2..<text.count))
        else { return nil }
        return ProxyProtocolHeader(
            source: .init(text: ByteString(source), port: sourcePort),
            destination: .init(text: ByteString(destination), port: destinationPort))
    }

    /// nginx looks at the characters only; whoever needs an address finds out whether it is one.
    private static func isAddress(_ text: Span<UInt8>) -> Bool {
        for index in text.indices
        where text[index].hexValue == nil && text[index] != ASCII.colon && text[index] != ASCII.dot {
            return false
        }
        return true
    }

    private static func port(_ text: Span<UInt8>) -> UInt16? {
        text.decimalValue.flatMap { UInt16(exactly: $0) }
    }

    // MARK: - Version 2

    /// Bytes in front of the addresses: the signature, version and command, family and transport, and the length in two.
    private static let fixedSize = 16

    private static func parseBinary(_ bytes: Span<UInt8>) -> Outcome {
        guard bytes.count >= fixedSize else { return .needMore }
        let version = bytes[12] >> 4
        guard version == 2 else { return .failed(.unknownVersion(Int(version))) }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        let end = fixedSize + length
        guard end <= ProxyProtocolReader.limit else { return .failed(.tooLarge) }
        guard bytes.count >= end else { return .needMore }
        let isProxied = bytes[12] & 15 == 1
        let isStream = bytes[13] & 15 == 1
        guard isProxied, isStream else { return .complete(end, nil) }
        let body = bytes.extracting(fixedSize..<end)
        switch bytes[13] >> 4 {
        case 1: return addresses(body, size: 4, end)
        case 2: return addresses(body, size: 16, end)
        default: return .complete(end, nil)
        }
    }

    /// Both addresses, both ports, then the additions.
    private static func addresses(_ body: Span<UInt8>, size: Int, _ end: Int) -> Outcome {
        let ports = 2 * size
        guard body.count >= ports + 4 else { return .failed(.tooShort) }
        let header = ProxyProtocolHeader(
            source: .init(address(body.extracting(0..<size), port: word(body, ports))),
            destination: .init(address(body.extracting(size..<ports), port: word(body, ports + 2))),
            additions: ByteString(body.extracting(ports + 4..<body.count)))
        return .complete(end, header)
    }

    private static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt16 {
        UInt16(bytes[index]) << 8 | UInt16(bytes[index + 1])
    }

    private static func address(_ bytes: Span<UInt8>, port: UInt16) -> SocketAddress {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in bytes.indices {
            high = high << 8 | low >> 56
            low = low << 8 | UInt64(bytes[index])
        }
        return bytes.count == 4
            ? SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: port)
            : SocketAddress(ipv6High: high, low: low, port: port)
    }
}
