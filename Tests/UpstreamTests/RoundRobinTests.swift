import Bytes
import Testing

@testable import Upstream

/// A group of peers named a, b, c, ... with the given options.
func makeGroup(
    _ method: BalancingMethod = .roundRobin, _ options: [(inout PeerOptions) -> Void]
) -> UpstreamGroup {
    let servers = options.enumerated().map { index, set in
        var options = PeerOptions()
        set(&options)
        let name = ByteString([UInt8(ascii: "a") + UInt8(index)])
        return UpstreamServer(name: name, addresses: [name], options: options)
    }
    return UpstreamGroup(name: "u", servers: servers, method: method)
}

func weights(_ weights: Int...) -> [(inout PeerOptions) -> Void] {
    weights.map { weight in { $0.weight = weight } }
}

/// The peers that `count` requests, one after the other, are sent to; all succeed.
func picks(_ group: UpstreamGroup, _ count: Int, now: Int = 100) -> String {
    (0..<count).map { _ in
        var selection = PeerSelection(group: group)
        let name = selection.next(now: now)?.name.text ?? "-"
        selection.release(.succeeded, now: now)
        return name
    }.joined()
}

struct RoundRobinTests {
    @Test func theOrderIsSmooth() {
        #expect(picks(makeGroup(.roundRobin, weights(5, 1, 1)), 14) == "aabacaaaabacaa")
        #expect(picks(makeGroup(.roundRobin, weights(1, 1, 1)), 6) == "abcabc")
    }
}
