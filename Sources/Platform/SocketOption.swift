import CLinux

/// Options of sockets whose value is one number.
struct SocketOption: Sendable {
    let level: Int32
    let name: Int32
    /// As messages show it.
    let text: String

    static let reuseAddress = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEADDR, text: "SO_REUSEADDR")
    static let reusePort = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEPORT, text: "SO_REUSEPORT")
    static let receiveBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_RCVBUF, text: "SO_RCVBUF")
    static let sendBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_SNDBUF, text: "SO_SNDBUF")
    static let keepalive = SocketOption(
        level: SOL_SOCKET, name: SO_KEEPALIVE, text: "SO_KEEPALIVE")
    static let type = SocketOption(level: SOL_SOCKET, name: SO_TYPE, text: "SO_TYPE")
    static let `protocol` = SocketOption(
        level: SOL_SOCKET, name: SO_PROTOCOL, text: "SO_PROTOCOL")
    static let keepaliveIdle = tcp(TCP_KEEPIDLE, "TCP_KEEPIDLE")
    static let keepaliveInterval = tcp(TCP_KEEPINTVL, "TCP_KEEPINTVL")
    static let keepaliveProbes = tcp(TCP_KEEPCNT, "TCP_KEEPCNT")
    static let fastOpen = tcp(TCP_FASTOPEN, "TCP_FASTOPEN")
    static let deferAccept = tcp(TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT")
    static let noDelay = tcp(TCP_NODELAY, "TCP_NODELAY")
    /// Datagrams come with the address they were sent to.
    static let packetInfo = SocketOption(
        level: Int32(IPPROTO_IP), name: IP_PKTINFO, text: "IP_PKTINFO")
    static let packetInfoIPv6 = SocketOption(
        level: Int32(IPPROTO_IPV6), name: IPV6_RECVPKTINFO, text: "IPV6_RECVPKTINFO")
    /// The port is chosen when the socket connects, so that one address serves more connections than it has ports.
    static let bindAddressNoPort = SocketOption(
        level: Int32(IPPROTO_IP), name: IP_BIND_ADDRESS_NO_PORT, text: "IP_BIND_ADDRESS_NO_PORT")
    static let ipv6Only = SocketOption(
        level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, text: "IPV6_V6ONLY")

    private static func tcp(_ name: Int32, _ text: String) -> SocketOption {
        SocketOption(level: Int32(IPPROTO_TCP), name: name, text: text)
    }

    func set(_ value: Int, on socket: Int32) throws(Errno) {
        var number = Int32(clamping: value)
        let size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(socket, level, name, &number, size) != 0 { throw Errno.last }
    }

    func value(on socket: Int32) throws(Errno) -> Int {
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(socket, level, name, &number, &size) != 0 { throw Errno.last }
        return Int(number)
    }
}
