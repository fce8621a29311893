public import EventLoop
public import Net
public import Platform

/// A client's connection, whatever protocol it speaks: who it is, and the configuration that it was accepted under.
open class ClientConnection: Endpoint {
    /// Counts the connections of all workers... of this one, from 1: shown as `*n` in the error log and as `$connection`.
    public final let number: UInt64
    /// Where the connection came in: its servers and parameters.
    public final var binding: ListenBinding
    /// The peer's address as accepted, compact; see `address`.
    public final var rawAddress: RawAddress
    /// Replaces the accepted address: set by realip and the PROXY protocol.
    public final var assumedAddress: SocketAddress?
    /// Requests that came over it so far.
    public final var requestCount: Int32 = 0
    /// When it was accepted, in `loop.now`.
    public final let acceptedAt: Int
    /// What the connection is doing, for the error log: " while ...".
    public final var action: Action = .waiting

    public enum Action: UInt8 {
        case none, waiting, readingRequestLine, readingHead, readingBody, keepAlive, sending
        case closing
    }

    public init(
        loop: EventLoop, descriptor: Int32, address: RawAddress, binding: ListenBinding,
        number: UInt64
    ) {
        self.binding = binding
        self.number = number
        rawAddress = address
        acceptedAt = loop.now
        super.init(loop: loop, descriptor: descriptor)
    }

    public final var cycle: HTTPCycle { binding.cycle }

    /// The client's address: the peer's, or what replaces it.
    public final var address: SocketAddress {
        assumedAddress ?? peerAddress
    }

    /// The peer's address, whatever replaces it elsewhere.
    public final var peerAddress: SocketAddress {
        SocketAddress(rawAddress)
    }

    /// Our side's address: that of the socket, since the listening one may be a wildcard.
    public final var localAddress: SocketAddress {
        guard binding.address.isWildcard else { return binding.address }
        var raw = RawAddress()
        guard loop.kernel.localAddress(descriptor, &raw) == 0 else { return binding.address }
        return SocketAddress(raw)
    }

    /// Whether the bytes on the wire are protected by TLS.
    open var isSecure: Bool { false }
}

/// One address that a configuration listens on, as connections see it.
public final class ListenBinding {
    public let address: SocketAddress
    public let servers: VirtualServers
    public let cycle: HTTPCycle
    public var isSecure = false
    public var hasHTTP2 = false
    public var expectsProxyProtocol = false
    public let descriptor: Int32

    public init(
        address: SocketAddress, servers: VirtualServers, cycle: HTTPCycle, descriptor: Int32
    ) {
        self.address = address
        self.servers = servers
        self.cycle = cycle
        self.descriptor = descriptor
    }
}
