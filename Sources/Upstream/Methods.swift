// The balancing methods. Each is given the states of all peers, held alone, and answers the index of an eligible peer of the
// present tier, or nil.

extension PeerSelection {
    /// Smooth weighted round robin: everyone gains its weight, the richest is chosen and pays the sum.
    func pickRoundRobin(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        smoothest(&states, of: group, from: tier(of: group).range.lowerBound) { isEligible($0, $1, of: group, now: now) }
    }

    /// The fewest connections for its weight; round robin among equals.
    func pickLeastConnections(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        var best: Int?
        var hasEquals = false
        for index in tier(of: group).range where isEligible(index, states[index], of: group, now: now) {
            guard let present = best else {
                best = index
                continue
            }
            let difference = compareLoad(index, present, &states, of: group)
            if difference < 0 {
                best = index
                hasEquals = false
            } else if difference == 0 {
                hasEquals = true
            }
        }
        guard let best, hasEquals else { return best }
        let load = (states[best].connections, group.limits[best].weight)
        return smoothest(&states, of: group, from: best) { index, state in
            state.connections * load.1 == load.0 * group.limits[index].weight
                && isEligible(index, state, of: group, now: now)
        }
    }

    /// `ip_hash`: the client's network decides.
    func pickByAddress(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        pickDrawn(&states, of: group, now: now) { peer(of: group, atWeight: changeKey { $0.nextAddressHash() }) }
    }

    /// `hash`: a key decides, in the way of Cache::Memcached.
    func pickByKey(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        if key.isEmpty { return pickRoundRobin(&states, of: group, now: now) }
        return pickDrawn(&states, of: group, now: now) { peer(of: group, atWeight: changeKey { $0.nextRehash() }) }
    }

    /// `random`: chance decides, by weight.
    func pickRandom(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        pickDrawn(&states, of: group, now: now) { randomPeer(of: group) }
    }

    /// `random two least_conn`: of two random peers, the one with fewer connections for its weight.
    func pickRandomOfTwo(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        var first: Int?
        while misses <= 20, tier(of: group).range.count >= 2 {
            let index = randomPeer(of: group)
            if index != first, isEligible(index, states[index], of: group, now: now) {
                guard let other = first else {
                    first = index
                    continue
                }
                return compareLoad(index, other, &states, of: group) > 0 ? other : index
            }
            misses += 1
        }
        return pickRoundRobin(&states, of: group, now: now)
    }

    /// `hash ... consistent`: the first server on the ring at or after the key; round robin among its addresses.
    func pickOnRing(_ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int) -> Int? {
        if key.isEmpty || !group.ring.covers(tier(of: group).range) {
            return pickRoundRobin(&states, of: group, now: now)
        }
        while misses <= 20 {
            let server = group.ring.server(at: changeKey { $0.ringPosition(on: group.ring) } + misses)
            let found = smoothest(&states, of: group, from: tier(of: group).range.lowerBound) { index, state in
                group.ring.servers[index] == server && isEligible(index, state, of: group, now: now)
            }
            if let found { return found }
            misses += 1
        }
        return pickRoundRobin(&states, of: group, now: now)
    }

    // MARK: - Parts

    /// Taken out and put back, since a change in place would be a checked access at each of its uses.
    private func changeKey(_ change: (inout HashedKey) -> Int) -> Int {
        var key = self.key
        defer { self.key = key }
        return change(&key)
    }

    /// One step of smooth weighted round robin over the peers that `isIn` lets in.
    private func smoothest(
        _ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, from start: Int, _ isIn: (Int, PeerState) -> Bool
    ) -> Int? {
        var best: Int?
        var total = 0
        for index in start..<tier(of: group).range.upperBound where isIn(index, states[index]) {
            let effective = states[index].effectiveWeight
            states[index].currentWeight += effective
            total += effective
            if effective < group.limits[index].weight { states[index].effectiveWeight += 1 }
            if let present = best,
                states[index].currentWeight <= states[present].currentWeight
            {
                continue
            }
            best = index
        }
        if let best { states[best].currentWeight -= total }
        return best
    }

    /// Draws until an eligible peer comes up; after 20 misses in a request's life, round robin.
    private func pickDrawn(
        _ states: inout MutableSpan<PeerState>, of group: UpstreamGroup, now: Int, _ draw: () -> Int
    ) -> Int? {
        while misses <= 20, tier(of: group).range.count >= 2 {
            let index = draw()
            if isEligible(index, states[index], of: group, now: now) { return index }
            misses += 1
        }
        return pickRoundRobin(&states, of: group, now: now)
    }

    /// Below 0 if the first of two peers has fewer connections for its weight.
    private func compareLoad(
        _ left: Int, _ right: Int, _ states: inout MutableSpan<PeerState>, of group: UpstreamGroup
    ) -> Int {
        states[left].connections * group.limits[right].weight
            - states[right].connections * group.limits[left].weight
    }

    /// The peer in whose share of the total weight a number falls.
    private func peer(of group: UpstreamGroup, atWeight number: Int) -> Int {
        let point = number % tier(of: group).totalWeight
        var low = tier(of: group).range.lowerBound
        var high = tier(of: group).range.upperBound
        while high - low > 1 {
            let middle = (low + high) / 2
            if point < group.weightsBefore[middle] { high = middle } else { low = middle }
        }
        return low
    }

    private func randomPeer(of group: UpstreamGroup) -> Int {
        peer(of: group, atWeight: group.chance.below(tier(of: group).totalWeight))
    }
}

/// Numbers for balancing: nobody gains by guessing them, and the system's source costs a system call each.
struct Chance: Sendable {
    /// The state of SplitMix64. Each worker has its own, seeded at its first use.
    private let state = RecordArray<UInt64>(
        count: 1, initial: { _ in 0 }, repair: { value, _ in value })

    func below(_ bound: Int) -> Int {
        state.withRecords { state in
            if state[0] == 0 { state[0] = UInt64.random(in: 1...UInt64.max) }
            state[0] &+= 0x9E37_79B9_7F4A_7C15
            var word = state[0]
            word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
            return Int((word ^ word >> 31).multipliedFullWidth(by: UInt64(bound)).high)
        }
    }
}
