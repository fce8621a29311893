import CLinux

/// Options of sockets whose value is one number.
public struct SocketOption: Sendable {
    let level: Int32
    let name: Int32
    /// As messages show it.
    public let text: String

    public static let reuseAddress = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEADDR, text: "SO_REUSEADDR")
    public static let reusePort = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEPORT, text: "SO_REUSEPORT")
    public static let receiveBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_RCVBUF, text: "SO_RCVBUF")
    public static let sendBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_SNDBUF, text: "SO_SNDBUF")
    public static let keepalive = SocketOption(
        level: SOL_SOCKET, name: SO_KEEPALIVE, text: "SO_KEEPALIVE")
    public static let type = SocketOption(level: SOL_SOCKET, name: SO_TYPE, text: "SO_TYPE")
    public static let `protocol` = SocketOption(
        level: SOL_SOCKET, name: SO_PROTOCOL, text: "SO_PROTOCOL")
    public static let keepaliveIdle = tcp(TCP_KEEPIDLE, "TCP_KEEPIDLE")
    public static let keepaliveInterval = tcp(TCP_KEEPINTVL, "TCP_KEEPINTVL")
    public static let keepaliveProbes = tcp(TCP_KEEPCNT, "TCP_KEEPCNT")
    public static let fastOpen = tcp(TCP_FASTOPEN, "TCP_FASTOPEN")
    public static let deferAccept = tcp(TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT")
    public static let noDelay = tcp(TCP_NODELAY, "TCP_NODELAY")
    /// The port is chosen when the socket connects, so that one address serves more connections than it has ports.
    public static let bindAddressNoPort = SocketOption(
        level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT, text: "IP_BIND_ADDRESS_NO_PORT")
    public static let ipv6Only = SocketOption(
        level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, text: "IPV6_V6ONLY")

    private static func tcp(_ name: Int32, _ text: String) -> SocketOption {
        SocketOption(level: Int32(IPPROTO_TCP), name: name, text: text)
    }

    public func set(_ value: Int, on socket: Int32) throws(Errno) {
        var number = Int32(clamping: value)
        let size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(socket, level, name, &number, size) != 0 { throw Errno.last }
    }

    public func value(on socket: Int32) throws(Errno) -> Int {
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(socket, level, name, &number, &size) != 0 { throw Errno.last }
        return Int(number)
    }
}
