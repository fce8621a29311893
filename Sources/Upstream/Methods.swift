// The balancing methods. Each is given the states of all peers, held alone, and answers the index of an eligible peer of the
// present tier, or nil.

extension PeerSelection {
    /// Smooth weighted round robin: everyone gains its weight, the richest is chosen and pays the sum.
    func pickRoundRobin(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        smoothest(&states, from: tier.range.lowerBound) { self.isEligible($0, $1, now: now) }
    }

    /// The fewest connections for its weight; round robin among equals.
    func pickLeastConnections(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        var best: Int?
        var hasEquals = false
        for index in tier.range where isEligible(index, states[index], now: now) {
            guard let present = best else {
                best = index
                continue
            }
            let difference = compareLoad(index, present, &states)
            if difference < 0 {
                best = index
                hasEquals = false
            } else if difference == 0 {
                hasEquals = true
            }
        }
        guard let best, hasEquals else { return best }
        let load = (states[best].connections, group.limits[best].weight)
        return smoothest(&states, from: best) { index, state in
            state.connections * load.1 == load.0 * self.group.limits[index].weight
                && self.isEligible(index, state, now: now)
        }
    }

    /// `ip_hash`: the client's network decides.
    func pickByAddress(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        pickDrawn(&states, now: now) { selection in
            selection.peer(atWeight: selection.key.nextAddressHash())
        }
    }

    /// `hash`: a key decides, in the way of Cache::Memcached.
    func pickByKey(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        if key.isEmpty { return pickRoundRobin(&states, now: now) }
        return pickDrawn(&states, now: now) { selection in
            selection.peer(atWeight: selection.key.nextRehash())
        }
    }

    /// `random`: chance decides, by weight.
    func pickRandom(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        pickDrawn(&states, now: now) { selection in selection.randomPeer() }
    }

    /// `random two least_conn`: of two random peers, the one with fewer connections for its weight.
    func pickRandomOfTwo(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        var first: Int?
        while misses <= 20, tier.range.count >= 2 {
            let index = randomPeer()
            if index != first, isEligible(index, states[index], now: now) {
                guard let other = first else {
                    first = index
                    continue
                }
                return compareLoad(index, other, &states) > 0 ? other : index
            }
            misses += 1
        }
        return pickRoundRobin(&states, now: now)
    }

    /// `hash ... consistent`: the first server on the ring at or after the key; round robin among its addresses.
    func pickOnRing(_ states: inout MutableSpan<PeerState>, now: Int) -> Int? {
        if key.isEmpty || !group.ring.covers(tier.range) {
            return pickRoundRobin(&states, now: now)
        }
        while misses <= 20 {
            let server = group.ring.server(at: key.ringPosition(on: group.ring) + misses)
            let found = smoothest(&states, from: tier.range.lowerBound) { index, state in
                self.group.ring.servers[index] == server && self.isEligible(index, state, now: now)
            }
            if let found { return found }
            misses += 1
        }
        return pickRoundRobin(&states, now: now)
    }

    // MARK: - Parts

    /// One step of smooth weighted round robin over the peers that `isIn` lets in.
    private func smoothest(
        _ states: inout MutableSpan<PeerState>, from start: Int, _ isIn: (Int, PeerState) -> Bool
    ) -> Int? {
        var best: Int?
        var total = 0
        for index in start..<tier.range.upperBound where isIn(index, states[index]) {
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
        _ states: inout MutableSpan<PeerState>, now: Int, _ draw: (PeerSelection) -> Int
    ) -> Int? {
        while misses <= 20, tier.range.count >= 2 {
            let index = draw(self)
            if isEligible(index, states[index], now: now) { return index }
            misses += 1
        }
        return pickRoundRobin(&states, now: now)
    }

    /// Below 0 if the first of two peers has fewer connections for its weight.
    private func compareLoad(
        _ left: Int, _ right: Int, _ states: inout MutableSpan<PeerState>
    ) -> Int {
        states[left].connections * group.limits[right].weight
            - states[right].connections * group.limits[left].weight
    }

    /// The peer in whose share of the total weight a number falls.
    private func peer(atWeight number: Int) -> Int {
        let point = number % tier.totalWeight
        var low = tier.range.lowerBound
        var high = tier.range.upperBound
        while high - low > 1 {
            let middle = (low + high) / 2
            if point < group.weightsBefore[middle] { high = middle } else { low = middle }
        }
        return low
    }

    private func randomPeer() -> Int {
        peer(atWeight: group.chance.below(tier.totalWeight))
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
