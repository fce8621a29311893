import CLinux

/// Options of sockets whose value is one number.
package struct SocketOption: Sendable {
    let level: Int32
    let name: Int32
    /// As messages show it.
    package let text: String

    package static let reuseAddress = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEADDR, text: "SO_REUSEADDR")
    package static let reusePort = SocketOption(
        level: SOL_SOCKET, name: SO_REUSEPORT, text: "SO_REUSEPORT")
    package static let receiveBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_RCVBUF, text: "SO_RCVBUF")
    package static let sendBuffer = SocketOption(
        level: SOL_SOCKET, name: SO_SNDBUF, text: "SO_SNDBUF")
    package static let keepalive = SocketOption(
        level: SOL_SOCKET, name: SO_KEEPALIVE, text: "SO_KEEPALIVE")
    package static let type = SocketOption(level: SOL_SOCKET, name: SO_TYPE, text: "SO_TYPE")
    package static let `protocol` = SocketOption(
        level: SOL_SOCKET, name: SO_PROTOCOL, text: "SO_PROTOCOL")
    package static let keepaliveIdle = tcp(TCP_KEEPIDLE, "TCP_KEEPIDLE")
    package static let keepaliveInterval = tcp(TCP_KEEPINTVL, "TCP_KEEPINTVL")
    package static let keepaliveProbes = tcp(TCP_KEEPCNT, "TCP_KEEPCNT")
    package static let fastOpen = tcp(TCP_FASTOPEN, "TCP_FASTOPEN")
    package static let deferAccept = tcp(TCP_DEFER_ACCEPT, "TCP_DEFER_ACCEPT")
    package static let noDelay = tcp(TCP_NODELAY, "TCP_NODELAY")
    package static let ipv6Only = SocketOption(
        level: Int32(IPPROTO_IPV6), name: IPV6_V6ONLY, text: "IPV6_V6ONLY")

    private static func tcp(_ name: Int32, _ text: String) -> SocketOption {
        SocketOption(level: Int32(IPPROTO_TCP), name: name, text: text)
    }

    package func set(_ value: Int, on socket: Int32) throws(Errno) {
        var number = Int32(clamping: value)
        let size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(socket, level, name, &number, size) != 0 { throw Errno.last }
    }

    package func value(on socket: Int32) throws(Errno) -> Int {
        var number: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe getsockopt(socket, level, name, &number, &size) != 0 { throw Errno.last }
        return Int(number)
    }
}
