public import EventLoop
package import Net
package import Platform

/// A client's connection, whatever protocol it speaks: who it is, and the configuration that it was accepted under.
open class ClientConnection: Endpoint {
    /// Counts the connections of all workers... of this one, from 1: shown as `*n` in the error log and as `$connection`.
    package final let number: UInt64
    /// Where the connection came in: its servers and parameters.
    package final var binding: ListenBinding
    /// The peer's address as accepted, compact; see `address`.
    package final var rawAddress: RawAddress
    /// Replaces the accepted address: set by realip and the PROXY protocol.
    package final var assumedAddress: SocketAddress?
    /// Requests that came over it so far.
    package final var requestCount: Int32 = 0
    /// When it was accepted, in `loop.now`.
    package final let acceptedAt: Int
    /// What the connection is doing, for the error log: " while ...".
    package final var action: Action = .waiting

    package enum Action: UInt8 {
        case none, waiting, readingRequestLine, readingHead, readingBody, keepAlive, sending
        case closing
    }

    package init(
        loop: EventLoop, descriptor: Int32, address: RawAddress, binding: ListenBinding,
        number: UInt64
    ) {
        self.binding = binding
        self.number = number
        rawAddress = address
        acceptedAt = loop.now
        super.init(loop: loop, descriptor: descriptor)
    }

    package final var cycle: HTTPCycle { binding.cycle }

    /// The client's address: the peer's, or what replaces it.
    package final var address: SocketAddress {
        assumedAddress ?? peerAddress
    }

    /// The peer's address, whatever replaces it elsewhere.
    package final var peerAddress: SocketAddress {
        SocketAddress(rawAddress)
    }

    /// Our side's address: that of the socket, since the listening one may be a wildcard.
    package final var localAddress: SocketAddress {
        guard binding.address.isWildcard else { return binding.address }
        var raw = RawAddress()
        guard loop.kernel.localAddress(descriptor, &raw) == 0 else { return binding.address }
        return SocketAddress(raw)
    }

    /// Whether the bytes on the wire are protected by TLS.
    open var isSecure: Bool { false }
}

/// One address that a configuration listens on, as connections see it.
package final class ListenBinding {
    package let address: SocketAddress
    package let servers: VirtualServers
    package let cycle: HTTPCycle
    package var isSecure = false
    package var hasHTTP2 = false
    package var expectsProxyProtocol = false
    package let descriptor: Int32

    package init(
        address: SocketAddress, servers: VirtualServers, cycle: HTTPCycle, descriptor: Int32
    ) {
        self.address = address
        self.servers = servers
        self.cycle = cycle
        self.descriptor = descriptor
    }
}
