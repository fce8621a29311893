public import Bytes
public import Net

/// The part of a `server` line that balancing works with: plain numbers, which cost nothing to copy.
public struct PeerLimits: BitwiseCopyable, Sendable, Equatable {
    public var weight = 1
    /// 0 is no limit.
    public var maxConnections = 0
    /// Failures within `failTimeout` that make the peer unavailable; 0 never does.
    public var maxFails = 1
    /// Seconds.
    public var failTimeout = 10
    public var isDown = false
}

/// What a `server` line of an upstream says, or its defaults.
public struct PeerOptions: Sendable, Equatable {
    public var limits = PeerLimits()
    public var isBackup = false
    /// A name for session affinity; empty if none is given.
    public var route: ByteString = .empty

    public init() {}
}

/// A `server` line with the addresses that its name resolved to.
public struct UpstreamServer: Sendable {
    /// As written.
    public var name: ByteString
    public var addresses: [SocketAddress]
    public var options: PeerOptions

    public init(name: ByteString, addresses: [SocketAddress], options: PeerOptions = .init()) {
        self.name = name
        self.addresses = addresses
        self.options = options
    }
}

/// One address that requests can be sent to. Frozen; what changes is its `PeerState`.
public final class Peer: Sendable {
    /// The place in the group: primary peers, then backup peers.
    public let index: Int
    public let address: SocketAddress
    /// The address as text, for logs and `$upstream_addr`.
    public let name: ByteString
    /// The server as the configuration writes it; peers of one name that resolved to several addresses share it.
    public let server: ByteString
    public let options: PeerOptions

    init(index: Int, address: SocketAddress, server: ByteString, options: PeerOptions) {
        self.index = index
        self.address = address
        let text = Buffer()
        address.appendText(to: text, withPort: true)
        name = ByteString(text.span)
        self.server = server
        self.options = options
    }
}

/// What balancing keeps about a peer: in each worker, or in a zone for all.
public struct PeerState: BitwiseCopyable, Equatable, Sendable {
    /// The smooth weighted round robin's running balance.
    public var currentWeight = 0
    /// The weight, lowered by failures and regained request by request.
    public var effectiveWeight: Int
    /// Failures since the last success after a check.
    public var fails = 0
    /// Second of the last failure.
    public var accessed = 0
    /// Second of the last failure, or from which the current window counts.
    public var checked = 0
    /// Requests that hold the peer now.
    public var connections = 0

    public init(weight: Int) {
        effectiveWeight = weight
    }

    /// Within the bounds that every operation keeps; for records that a dying process may have left half written.
    func mended(weight: Int) -> PeerState {
        var state = self
        if !(0...weight).contains(effectiveWeight) { state.effectiveWeight = weight }
        if fails < 0 { state.fails = 0 }
        if connections < 0 { state.connections = 0 }
        return state
    }

    /// Whether the peer may be asked.
    func isAvailable(_ limits: PeerLimits, now: Int) -> Bool {
        if limits.isDown { return false }
        if limits.maxFails > 0, fails >= limits.maxFails, now - checked <= limits.failTimeout {
            return false
        }
        return limits.maxConnections == 0 || connections < limits.maxConnections
    }
}
