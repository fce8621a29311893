/// The address of one end of a socket: IPv4 or IPv6 with a port, or a Unix domain path.
///
/// An IP address is held inline and costs nothing to copy; only a Unix path lives elsewhere. Ports are in host order.
struct SocketAddress: Hashable, Sendable {
    enum Family: UInt8, Sendable {
        case ipv4, ipv6, unix
    }

    /// The address as one big-endian number of 128 bits; an IPv4 address is in the low 32 bits of `low`.
    let high: UInt64
    let low: UInt64
    /// The interface of a link-local IPv6 address.
    let scope: UInt32
    /// 0 for a Unix domain socket.
    var port: UInt16
    let family: Family
    /// The path of a Unix domain socket; empty for one without a name.
    let path: ByteString?

    /// An IPv4 address as a number: 127.0.0.1 is 0x7F000001.
    init(ipv4 address: UInt32, port: UInt16) {
        self.init(.ipv4, high: 0, low: UInt64(address), scope: 0, port: port, path: nil)
    }

    init(ipv6High high: UInt64, low: UInt64, scope: UInt32 = 0, port: UInt16) {
        self.init(.ipv6, high: high, low: low, scope: scope, port: port, path: nil)
    }

    init(unix path: ByteString) {
        self.init(.unix, high: 0, low: 0, scope: 0, port: 0, path: path)
    }

    private init(
        _ family: Family, high: UInt64, low: UInt64, scope: UInt32, port: UInt16, path: ByteString?
    ) {
        self.family = family
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
        self.path = path
    }

    /// 0.0.0.0 or ::.
    var isWildcard: Bool { family != .unix && high == 0 && low == 0 }
    var isUnix: Bool { family == .unix }

    /// ::ffff:a.b.c.d, which IPv6 sockets report for IPv4 peers.
    var isMappedIPv4: Bool { family == .ipv6 && high == 0 && low >> 32 == 0xFFFF }

    /// The IPv4 address in a mapped IPv6 one; any other address as it is.
    var unmapped: SocketAddress {
        isMappedIPv4
            ? SocketAddress(ipv4: UInt32(truncatingIfNeeded: low), port: port) : self
    }

    /// An IPv4 address written as one of IPv6; others as they are.
    var mapped: SocketAddress {
        family == .ipv4 ? SocketAddress(ipv6High: 0, low: 0xFFFF << 32 | low, port: port) : self
    }

    func with(port: UInt16) -> SocketAddress {
        var copy = self
        copy.port = port
        return copy
    }

    /// The number of bytes that `appendBinary` appends: 4, 16 or 0.
    var binaryCount: Int {
        switch family {
        case .ipv4: 4
        case .ipv6: 16
        case .unix: 0
        }
    }

    /// Appends the address in network order, without the port: nginx's `$binary_remote_addr`. For a Unix domain
    /// socket nginx takes the text `unix:`.
    func appendBinary(to buffer: Buffer) {
        switch family {
        case .ipv4: appendBytes(of: low, count: 4, to: buffer)
        case .ipv6:
            appendBytes(of: high, count: 8, to: buffer)
            appendBytes(of: low, count: 8, to: buffer)
        case .unix: buffer.append("unix:")
        }
    }

    private func appendBytes(of value: UInt64, count: Int, to buffer: Buffer) {
        for index in (0..<count).reversed() {
            buffer.append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8)))
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The form in nginx's messages: `127.0.0.1:80`, `[::1]:80`, `unix:/path`.
    var description: String {
        let buffer = Buffer(capacity: 64)
        appendText(to: buffer, withPort: true)
        return buffer.span.text
    }
}
