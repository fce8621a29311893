@testable import ApusServer
import Testing


/// The methods beside round robin. Recorded strings are the choices of nginx 1.22 for the same servers and keys.
struct MethodsTests {
    private let servers: [Options] = [
        { $0.limits.weight = 5 }, { $0.limits.weight = 3 }, { $0.limits.isDown = true }, { _ in },
    ]

    private func keyed(_ method: BalancingMethod) -> String {
        let group = makeGroup(servers, method)
        return (0..<120).map { number in
            pick(group, hashed("key\(number)"))
        }.joined()
    }

    @Test func hashAgreesWithNginx() {
        #expect(
            keyed(.keyHash)
                == "bbabbbbbadadabbaaaabdaaabbabaaaabbaadaaaaaaaababbbadabaababb"
                + "aaaaabaaabbbabdababaaaaddababaaabaaaaaadbbadababdaaaaaaabbbd")
    }

    @Test func consistentHashAgreesWithNginx() {
        #expect(
            keyed(.consistentHash)
                == "aaaaabbbaabdabadaaaaaabadbbbaabbbbabbdaaaaabbaaabaaaaaaaabaa"
                + "bbbaaaaabbbaaabbabaadaaadaaabaabaaaaabaaaabbbbbabbaabbbbdbaa")
    }

    @Test func addressHashAgreesWithNginx() {
        let group = makeGroup(servers, .addressHash)
        let ipv4 = (0..<120).map { number in
            let address =
                UInt32(number % 223 + 1) << 24 | UInt32(number * 37 % 256) << 16
                | UInt32(number * 91 % 256) << 8 | 9
            return pick(group, HashedKey(client: SocketAddress(ipv4: address, port: 1)))
        }
        #expect(
            ipv4.joined()
                == "aadaaaababaabaaabadbaaabaaaabdbaabdaaaaaaabdbbabbaaaaaaababb"
                + "bbbaaaaaaabbbabbbaaaadaabbbabadaaaadababbabaaadaaaababaabaaa")
        let ipv6 = (0..<120).map { number in
            let low = UInt64(number * 7919 % 65536) << 16 | UInt64(number * 31)
            let address = SocketAddress(ipv6High: 0x2001_0DB8_0000_0000, low: low, port: 1)
            return pick(group, HashedKey(client: address))
        }
        #expect(
            ipv6.joined()
                == "dadbadbadaabbaabaaabaabaabadbadadbabaabbaaaababaabadbadbadaa"
                + "aabaabbabaabaababadbadbabaadbaaabaabaabadbadbababaaaaaababaa")
    }

    @Test(arguments: [BalancingMethod.keyHash, .consistentHash])
    func aKeyWithoutAValueGoesRoundRobin(method: BalancingMethod) {
        let group = makeGroup(weights(1, 1, 1), method)
        let empty = hashed("")
        #expect((0..<6).map { _ in pick(group, empty) }.joined() == "abcabc")
    }

    @Test(arguments: [
        BalancingMethod.keyHash, .consistentHash, .addressHash, .random, .randomTwo,
        .leastConnections,
    ])
    func everyPeerIsTriedOnceWhenAllFail(method: BalancingMethod) {
        for number in 0..<50 {
            let group = makeGroup(weights(1, 5, 1, 30), method)
            let client = SocketAddress(ipv4: UInt32(number) << 20, port: 1)
            let key =
                method == .addressHash
                ? HashedKey(client: client) : hashed("key\(number)")
            let order = tries(group, key)
            #expect(order.sorted() == ["a", "b", "c", "d"], "\(order)")
            #expect(tries(group, key) == "-")
        }
    }

    @Test func aFailedServersKeysMoveAndComeBack() {
        let group = makeGroup(weights(1, 1, 1), .consistentHash)
        let key = hashed("some key")
        let home = pick(group, key)
        #expect(pick(group, key, .failed, now: 100) == home)
        let other = pick(group, key, now: 105)
        #expect(other != home)
        #expect(pick(group, key, now: 105) == other)
        #expect(pick(group, key, now: 111) == home)
    }

    @Test func consistentHashSharesAServerOverItsAddresses() {
        let addresses = (0..<2).map { SocketAddress(ipv4: 0x7F00_0001, port: 18151 + $0) }
        let other = SocketAddress(ipv4: 0x7F00_0001, port: 18153)
        let group = UpstreamGroup(
            name: "u",
            servers: [
                UpstreamServer(name: "one", addresses: addresses),
                UpstreamServer(name: "two", addresses: [other]),
            ], method: .consistentHash)
        let chosen = (0..<200).map { number in
            let key = hashed("key\(number)")
            return pick(group, key) + pick(group, key)
        }
        #expect(Set(chosen) == ["ab", "ba", "cc"] || Set(chosen) == ["ab", "cc"])
    }

    @Test func leastConnectionsFillsTheEmptiest() {
        let group = makeGroup(weights(2, 1, 1), .leastConnections)
        var held: [PeerSelection] = []
        var order = ""
        for _ in 0..<8 {
            let selection = PeerSelection(group: group)
            order += letter(selection.nextPeer(now: 1))
            held.append(selection)
        }
        for (letter, count) in [("a", 4), ("b", 2), ("c", 2)] {
            #expect(order.filter { String($0) == letter }.count == count, "\(order)")
        }
        held[1].release(.succeeded, now: 1)
        let freed = String(Array(order)[1])
        #expect(pick(group, now: 1) == freed)
    }

    @Test func leastConnectionsIsRoundRobinAmongEquals() {
        #expect(picks(makeGroup(weights(1, 1, 1), .leastConnections), 6) == "abcabc")
    }

    @Test func randomKeepsToTheWeights() {
        let text = picks(makeGroup(weights(7, 2, 1), .random), 10_000)
        let share = text.filter { $0 == "a" }.count
        #expect((6500...7500).contains(share))
        #expect(text.contains("c"))
    }

    @Test func randomOfTwoTakesTheLessBusy() {
        let group = makeGroup(weights(1, 1), .randomTwo)
        let held = PeerSelection(group: group)
        let busy = letter(held.nextPeer(now: 1))
        // Two of two are always compared; only where 20 draws in a row fail does round robin decide.
        for _ in 0..<20 { #expect(pick(group, now: 1) != busy) }
    }
}
