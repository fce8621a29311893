/// Writes the header of the PROXY protocol, which comes before all other bytes of a connection.
enum ProxyProtocolWriter {
    enum Version: Sendable {
        /// A line of text.
        case one
        /// Binary, with additions.
        case two
    }

    /// Appends the header of a connection from `source` to `destination`. Where one of them is no IP address, it says only that
    /// there is a proxy. `additions` are those of version 2, as `append(addition:_:to:)` makes them.
    static func append(
        _ version: Version, source: SocketAddress, destination: SocketAddress, additions: Buffer, to out: Buffer
    ) {
        let isKnown = !source.isUnix && !destination.isUnix
        let isShort = source.family == .ipv4 && destination.family == .ipv4
        let ends = isShort ? (source, destination) : (source.mapped, destination.mapped)
        switch version {
        case .one: appendLine(isKnown ? ends : nil, isShort, to: out)
        case .two: appendBinary(isKnown ? ends : nil, isShort, additions, to: out)
        }
    }

    private static func appendLine(_ ends: (SocketAddress, SocketAddress)?, _ isShort: Bool, to out: Buffer) {
        guard let (source, destination) = ends else { return out.append("PROXY UNKNOWN\r\n") }
        out.append(isShort ? "PROXY TCP4 " : "PROXY TCP6 ")
        source.appendText(to: out, withPort: false)
        out.append(ASCII.space)
        destination.appendText(to: out, withPort: false)
        out.append(ASCII.space)
        out.append(decimal: Int(source.port))
        out.append(ASCII.space)
        out.append(decimal: Int(destination.port))
        out.append("\r\n")
    }

    private static func appendBinary(
        _ ends: (SocketAddress, SocketAddress)?, _ isShort: Bool, _ additions: Buffer, to out: Buffer
    ) {
        for byte in ProxyProtocolSyntax.signature { out.append(byte) }
        // Version 2, of a proxied connection; then the family of its addresses, and that it is a stream.
        out.append(0x21)
        out.append(ends == nil ? 0x00 : isShort ? 0x11 : 0x21)
        let size = ends.map { 2 * ($0.0.binaryCount + 2) } ?? 0
        append(UInt16(size + additions.count), to: out)
        if let (source, destination) = ends {
            source.appendBinary(to: out)
            destination.appendBinary(to: out)
            append(source.port, to: out)
            append(destination.port, to: out)
        }
        out.append(additions.span)
    }

    /// Appends an addition: its type, its length, its value.
    static func append(addition type: UInt8, _ value: Span<UInt8>, to out: Buffer) {
        out.append(type)
        append(UInt16(value.count), to: out)
        out.append(value)
    }

    private static func append(_ word: UInt16, to out: Buffer) {
        out.append(UInt8(truncatingIfNeeded: word >> 8))
        out.append(UInt8(truncatingIfNeeded: word))
    }
}
