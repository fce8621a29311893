/// How an attempt at a peer ended, as far as balancing cares.
enum PeerOutcome: Sendable {
    case succeeded
    /// An error, a timeout, or an answer that `proxy_next_upstream` counts as one.
    case failed
}

/// The state of one request's tries at the peers of a group.
///
/// `next` chooses a peer and counts the request as a connection of it; `release` gives it back with the outcome. Both take the
/// second of a clock that never jumps (`EventLoop.now / 1000`).
final class PeerSelection {
    /// nginx's words for `next` returning nil.
    static let noLivePeers: StaticString = "no live upstreams"
    /// nginx's words for `release` returning true.
    static let disabled: StaticString = "upstream server temporarily disabled"

    private(set) var group: UpstreamGroup
    /// The peer held now.
    private(set) var current: Peer?
    /// How often `next` may still be asked after failures.
    private(set) var triesLeft: Int
    private var isOnBackups = false
    /// Peers of the present tier that were tried: the first 64, then the others.
    private var tried: UInt64 = 0
    private var triedBeyond: [UInt64] = []
    /// The key's part of the hash methods.
    var key: HashedKey
    /// Misses of the hash and random methods: after 20, round robin takes over.
    var misses = 0

    /// `key`: the evaluated key of `hash`, the client's address for `ip_hash`.
    init(group: UpstreamGroup, key: HashedKey = .none) {
        self.group = group
        self.key = key
        triesLeft = 0
        begin(group: group, key: key)
    }

    /// Begins anew, for another request.
    func begin(group: UpstreamGroup, key: HashedKey = .none) {
        precondition(current == nil, "a peer is held already")
        if self.group !== group { self.group = group }
        self.key = key
        triesLeft = group.primaries.tries + (group.backups?.tries ?? 0)
        isOnBackups = false
        tried = 0
        misses = 0
        let largest = max(group.primaries.range.count, group.backups?.range.count ?? 0)
        if largest > 64 || !triedBeyond.isEmpty {
            triedBeyond = [UInt64](repeating: 0, count: max(largest - 1, 0) / 64)
        }
    }

    /// Allows at most `limit` tries (`proxy_next_upstream_tries`); 0 is no limit.
    func limitTries(to limit: Int) {
        if limit > 0, triesLeft > limit { triesLeft = limit }
    }

    /// Allows one try more: the one before it failed on a connection that had been idle, which says little about the server.
    func allowAnotherTry() {
        triesLeft += 1
    }

    /// The peer to ask now, or nil if none is live.
    func next(now: Int) -> Peer? {
        precondition(current == nil, "a peer is held already")
        let states = group.states
        let index = states.withRecords { records in choose(&records, now: now) }
        guard let index else { return nil }
        current = group.peers[index]
        return current
    }

    private func choose(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        while true {
            if let index = pick(&states, now: now) {
                states[index].connections += 1
                return index
            }
            guard !isOnBackups, group.backups != nil else { return nil }
            isOnBackups = true
            tried = 0
            for word in triedBeyond.indices { triedBeyond[word] = 0 }
        }
    }

    private func pick(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        if tier.isSingle {
            let index = tier.range.lowerBound
            let limits = group.limits[index]
            if limits.isDown { return nil }
            let isFull =
                limits.maxConnections > 0 && states[index].connections >= limits.maxConnections
            return isFull ? nil : index
        }
        let index =
            switch group.method {
            case .roundRobin: pickRoundRobin(&states, now: now)
            case .leastConnections: pickLeastConnections(&states, now: now)
            case .addressHash: pickByAddress(&states, now: now)
            case .keyHash: pickByKey(&states, now: now)
            case .consistentHash: pickOnRing(&states, now: now)
            case .random: pickRandom(&states, now: now)
            case .randomTwo: pickRandomOfTwo(&states, now: now)
            }
        guard let index else { return nil }
        markTried(index)
        // A failed peer whose time is over gets this one request, and a new window begins.
        if now - states[index].checked > group.limits[index].failTimeout {
            states[index].checked = now
        }
        return index
    }

    /// Gives the held peer back; true if its failures have made it unavailable just now.
    @discardableResult
    func release(_ outcome: PeerOutcome, now: Int) -> Bool {
        guard let peer = current else { return false }
        current = nil
        let isSingle = tier.isSingle
        triesLeft = isSingle ? 0 : max(triesLeft - 1, 0)
        let limits = peer.options.limits
        return group.states.withRecords { states in
            var state = states[peer.index]
            defer { states[peer.index] = state }
            state.connections = max(state.connections - 1, 0)
            if isSingle {
                state.fails = 0
                return false
            }
            guard outcome == .failed else {
                // A success clears the failures only if it was chosen after the last one.
                if state.accessed < state.checked { state.fails = 0 }
                return false
            }
            state.fails += 1
            state.accessed = now
            state.checked = now
            guard limits.maxFails > 0 else { return false }
            state.effectiveWeight -= limits.weight / limits.maxFails
            state.effectiveWeight = max(state.effectiveWeight, 0)
            return state.fails >= limits.maxFails
        }
    }

    // MARK: - For the methods

    /// The peers in play.
    var tier: PeerTier {
        if isOnBackups, let backups = group.backups { return backups }
        return group.primaries
    }

    /// Whether the peer was not tried yet for this request and may be asked.
    func isEligible(_ index: Int, _ state: PeerState, now: Int) -> Bool {
        !wasTried(index) && state.isAvailable(group.limits[index], now: now)
    }

    private func wasTried(_ index: Int) -> Bool {
        let bit = index - tier.range.lowerBound
        let word = bit < 64 ? tried : triedBeyond[bit / 64 - 1]
        return word >> UInt64(bit % 64) & 1 != 0
    }

    private func markTried(_ index: Int) {
        let bit = index - tier.range.lowerBound
        if bit < 64 {
            tried |= 1 << UInt64(bit)
        } else {
            triedBeyond[bit / 64 - 1] |= 1 << UInt64(bit % 64)
        }
    }
}
