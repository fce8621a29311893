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

    /// The group: the last one until `begin` names another.
    var group: UpstreamGroup { lentGroup.object }
    private let lentGroup: Lent<UpstreamGroup>
    /// The place of the peer that was asked last, -1 for none.
    private var place = -1
    /// That peer is held.
    private(set) var isHolding = false
    /// How often `next` may still be asked after failures.
    private(set) var triesLeft: Int
    private var isOnBackups = false
    /// Peers of the present tier that were tried: the first 64, then the others.
    private var tried: UInt64 = 0
    private let triedBeyond = List<UInt64>()
    /// The key's part of the hash methods.
    var key: HashedKey
    /// Misses of the hash and random methods: after 20, round robin takes over.
    var misses = 0

    /// `key`: the evaluated key of `hash`, the client's address for `ip_hash`.
    ///
    /// - Parameter departed: see `Lent`.
    init(group: UpstreamGroup = .none, key: HashedKey = .none, departed: List<AnyObject> = List()) {
        lentGroup = Lent(group, departed: departed)
        self.key = key
        triesLeft = 0
        begin(group: group, key: key)
    }

    /// Begins anew, for another request.
    func begin(group: UpstreamGroup, key: HashedKey = .none) {
        precondition(!isHolding, "a peer is held already")
        lentGroup.hold(group)
        place = -1
        self.key = key
        triesLeft = group.primaries.tries + (group.backups?.tries ?? 0)
        isOnBackups = false
        tried = 0
        misses = 0
        let largest = max(group.primaries.range.count, group.backups?.range.count ?? 0)
        if largest > 64 || !triedBeyond.isEmpty {
            triedBeyond.removeAll()
            for _ in 0..<max(largest - 1, 0) / 64 { triedBeyond.append(0) }
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

    /// Chooses the peer to ask now, and holds it; false: none is live.
    func next(now: Int) -> Bool {
        precondition(!isHolding, "a peer is held already")
        let index = lentGroup.lend { group in
            group.states.withRecords { records in choose(&records, of: group, now: now) }
        }
        place = index ?? -1
        isHolding = index != nil
        return isHolding
    }

    /// The peer held now.
    var current: Peer? { isHolding ? group.peers[place] : nil }

    /// Lets `use` look at that peer, if there is one.
    @inline(__always)
    func lendCurrent<Result>(_ use: (Peer) -> Result) -> Result? {
        guard isHolding else { return nil }
        return lentGroup.lend { $0.peers.lend(place, use) }
    }

    /// The name of the peer that was asked last, or the group's if there was none.
    var lastName: ByteString { place >= 0 ? group.peers[place].name : group.name }

    private func choose(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        while true {
            if let index = pick(&states, of: group, now: now) {
                states[index].connections += 1
                return index
            }
            guard !isOnBackups, group.backups != nil else { return nil }
            isOnBackups = true
            tried = 0
            for word in triedBeyond.indices { triedBeyond[word] = 0 }
        }
    }

    private func pick(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        let tier = tier(of: group)
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
            case .roundRobin: pickRoundRobin(&states, of: group, now: now)
            case .leastConnections: pickLeastConnections(&states, of: group, now: now)
            case .addressHash: pickByAddress(&states, of: group, now: now)
            case .keyHash: pickByKey(&states, of: group, now: now)
            case .consistentHash: pickOnRing(&states, of: group, now: now)
            case .random: pickRandom(&states, of: group, now: now)
            case .randomTwo: pickRandomOfTwo(&states, of: group, now: now)
            }
        guard let index else { return nil }
        markTried(index - tier.range.lowerBound)
        // A failed peer whose time is over gets this one request, and a new window begins.
        if now - states[index].checked > group.limits[index].failTimeout {
            states[index].checked = now
        }
        return index
    }

    /// Gives the held peer back; true if its failures have made it unavailable just now.
    @discardableResult
    func release(_ outcome: PeerOutcome, now: Int) -> Bool {
        guard isHolding else { return false }
        isHolding = false
        return lentGroup.lend { release(outcome, of: $0, now: now) }
    }

    private func release(_ outcome: PeerOutcome, of group: UpstreamGroup, now: Int) -> Bool {
        let place = place
        let isSingle = tier(of: group).isSingle
        triesLeft = isSingle ? 0 : max(triesLeft - 1, 0)
        let limits = group.limits[place]
        return group.states.withRecords { states in
            var state = states[place]
            defer { states[place] = state }
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
    func tier(of group: UpstreamGroup) -> PeerTier {
        if isOnBackups, let backups = group.backups { return backups }
        return group.primaries
    }

    /// Whether the peer was not tried yet for this request and may be asked.
    func isEligible(_ index: Int, _ state: PeerState, of group: UpstreamGroup, now: Int) -> Bool {
        !wasTried(index - tier(of: group).range.lowerBound) && state.isAvailable(group.limits[index], now: now)
    }

    /// - Parameter bit: the place in its tier.
    private func wasTried(_ bit: Int) -> Bool {
        let word = bit < 64 ? tried : triedBeyond[bit / 64 - 1]
        return word >> UInt64(bit % 64) & 1 != 0
    }

    private func markTried(_ bit: Int) {
        if bit < 64 {
            tried |= 1 << UInt64(bit)
        } else {
            triedBeyond[bit / 64 - 1] |= 1 << UInt64(bit % 64)
        }
    }
}
