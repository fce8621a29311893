/// How the next peer is found.
enum BalancingMethod: Sendable, Equatable {
    case roundRobin
    case leastConnections
    case addressHash
    case keyHash
    case consistentHash
    case random
    case randomTwo

    /// nginx refuses `backup` with methods that map a key, or chance, to one list of peers.
    var takesBackups: Bool { self == .roundRobin || self == .leastConnections }
}

/// Peers of one rank, in order: the primaries, or the backups.
struct PeerTier: Sendable {
    /// Indices into the group's peers.
    let range: Range<Int>
    let totalWeight: Int
    /// The most times that a request may be tried here: the peers that are not down.
    let tries: Int
    /// A lone peer is never marked failed: there is nothing to turn to.
    let isSingle: Bool

    init(_ peers: ArraySlice<Peer>, isSingle: Bool) {
        range = peers.indices
        totalWeight = peers.reduce(0) { $0 + $1.options.limits.weight }
        tries = peers.count { !$0.options.limits.isDown }
        self.isSingle = isSingle
    }
}

/// The servers that a request may be sent to, and how one is chosen. Frozen with the configuration.
final class UpstreamGroup: Sendable {
    let name: ByteString
    let method: BalancingMethod
    /// What the `hash` methods evaluate for `HashedKey(text:)`; nil with other methods.
    let hashKey: Template?
    /// Primaries first, then backups.
    let peers: [Peer]
    let keepalive: KeepaliveSettings
    /// Those of each peer, side by side.
    let limits: [PeerLimits]
    let primaries: PeerTier
    let backups: PeerTier?
    let states: RecordArray<PeerState>
    /// Points of the consistent hash, sorted; empty with other methods.
    let ring: HashRing
    let chance = Chance()
    /// The sum of the weights before each peer in its tier, for methods that draw a share of the total weight.
    let weightsBefore: [Int]

    /// `servers`: in the order of the configuration, each with the addresses that it stands for.
    init(
        name: ByteString, servers: [UpstreamServer], method: BalancingMethod = .roundRobin,
        hashKey: Template? = nil, keepalive: KeepaliveSettings = .init(), zone: Zone? = nil
    ) {
        var peers: [Peer] = []
        for isBackup in [false, true] {
            for server in servers where server.options.isBackup == isBackup {
                for address in server.addresses {
                    peers.append(
                        Peer(
                            index: peers.count, address: address, server: server.name,
                            options: server.options))
                }
            }
        }
        let backupCount = peers.count { $0.options.isBackup }
        let primaryCount = peers.count - backupCount
        self.name = name
        self.method = method
        self.hashKey = hashKey
        self.peers = peers
        self.keepalive = keepalive
        limits = peers.map(\.options.limits)
        primaries = PeerTier(
            peers[..<primaryCount], isSingle: primaryCount == 1 && backupCount == 0)
        backups = backupCount == 0 ? nil : PeerTier(peers[primaryCount...], isSingle: false)
        let weights = peers.map(\.options.limits.weight)
        states = RecordArray(
            count: peers.count, in: zone, initial: { PeerState(weight: weights[$0]) },
            repair: { $0.mended(weight: weights[$1]) })
        ring = HashRing(method == .consistentHash ? peers[..<primaryCount] : [])
        var sum = 0
        weightsBefore = peers.map {
            if $0.index == primaryCount { sum = 0 }
            sum += $0.options.limits.weight
            return sum - $0.options.limits.weight
        }
    }

    /// What stands for a group until one is chosen.
    static let none = UpstreamGroup(name: .empty, servers: [])

    /// A group of the addresses that a name has just resolved to, for one request whose upstream is not known before.
    convenience init(name: ByteString, addresses: [SocketAddress]) {
        self.init(
            name: name, servers: [UpstreamServer(name: name, addresses: addresses)],
            keepalive: .none)
    }

    /// What is known about each peer now, in order of `peers`.
    func snapshot() -> [PeerState] {
        states.withRecords { records in records.indices.map { records[$0] } }
    }
}
