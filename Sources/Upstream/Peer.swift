/// The part of a `server` line that balancing works with: plain numbers, which cost nothing to copy.
struct PeerLimits: BitwiseCopyable, Sendable, Equatable {
    var weight = 1
    /// 0 is no limit.
    var maxConnections = 0
    /// Failures within `failTimeout` that make the peer unavailable; 0 never does.
    var maxFails = 1
    /// Seconds.
    var failTimeout = 10
    var isDown = false
}

/// What a `server` line of an upstream says, or its defaults.
struct PeerOptions: Sendable, Equatable {
    var limits = PeerLimits()
    var isBackup = false
    /// A name for session affinity; empty if none is given.
    var route: ByteString = .empty

    init() {}
}

/// A `server` line with the addresses that its name resolved to.
struct UpstreamServer: Sendable {
    /// As written.
    var name: ByteString
    var addresses: [SocketAddress]
    var options: PeerOptions

    init(name: ByteString, addresses: [SocketAddress], options: PeerOptions = .init()) {
        self.name = name
        self.addresses = addresses
        self.options = options
    }
}

/// One address that requests can be sent to. Frozen; what changes is its `PeerState`.
final class Peer: Sendable {
    /// The place in the group: primary peers, then backup peers.
    let index: Int
    let address: SocketAddress
    /// The address as text, for logs and `$upstream_addr`.
    let name: ByteString
    /// The server as the configuration writes it; peers of one name that resolved to several addresses share it.
    let server: ByteString
    let options: PeerOptions

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
struct PeerState: BitwiseCopyable, Equatable, Sendable {
    /// The smooth weighted round robin's running balance.
    var currentWeight = 0
    /// The weight, lowered by failures and regained request by request.
    var effectiveWeight: Int
    /// Failures since the last success after a check.
    var fails = 0
    /// Second of the last failure.
    var accessed = 0
    /// Second of the last failure, or from which the current window counts.
    var checked = 0
    /// Requests that hold the peer now.
    var connections = 0

    init(weight: Int) {
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
