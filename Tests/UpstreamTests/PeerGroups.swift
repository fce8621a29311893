@testable import ApusServer


typealias Options = (inout PeerOptions) -> Void

/// A group of servers named a, b, c, ... on ports of 127.0.0.1 from 18151 on.
func makeGroup(_ options: [Options], _ method: BalancingMethod = .roundRobin) -> UpstreamGroup {
    let servers = options.enumerated().map { index, set in
        var options = PeerOptions()
        set(&options)
        let port = UInt16(18151 + index)
        let address = SocketAddress(ipv4: 0x7F00_0001, port: port)
        return UpstreamServer(
            name: ByteString("127.0.0.1:\(port)"), addresses: [address], options: options)
    }
    return UpstreamGroup(name: "u", servers: servers, method: method)
}

func weights(_ weights: Int...) -> [Options] {
    weights.map { weight in { $0.limits.weight = weight } }
}

/// The hashed key of a text.
func hashed(_ text: String) -> HashedKey {
    let text = ByteString(text)
    return HashedKey(text: text.span)
}

extension PeerSelection {
    /// The peer that is chosen now, nil if none is live.
    func nextPeer(now: Int) -> Peer? { next(now: now) ? current : nil }
}

func letter(_ peer: Peer?) -> String {
    guard let peer else { return "-" }
    return String(UnicodeScalar(UInt8(ascii: "a") + UInt8(peer.address.port - 18151)))
}

/// Where one request is sent to; it ends with `outcome`.
func pick(
    _ group: UpstreamGroup, _ key: HashedKey = .none, _ outcome: PeerOutcome = .succeeded,
    now: Int = 100
) -> String {
    let selection = PeerSelection(group: group, key: key)
    let peer = selection.nextPeer(now: now)
    selection.release(outcome, now: now)
    return letter(peer)
}

func picks(_ group: UpstreamGroup, _ count: Int, now: Int = 100) -> String {
    (0..<count).map { _ in pick(group, now: now) }.joined()
}

/// Where one request is sent to if every try fails.
func tries(_ group: UpstreamGroup, _ key: HashedKey = .none, now: Int = 100) -> String {
    let selection = PeerSelection(group: group, key: key)
    var text = ""
    while true {
        let peer = selection.nextPeer(now: now)
        text += letter(peer)
        if peer == nil { return text }
        selection.release(.failed, now: now)
        if selection.triesLeft == 0 { return text }
    }
}
