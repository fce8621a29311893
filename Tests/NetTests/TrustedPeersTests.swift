import Testing

@testable import ApusServer

@Suite struct TrustedPeersTests {
    private func follow(
        _ list: ByteString, recursive: Bool = false
    ) -> (String, TrustedPeers.Answer) {
        var trusted = TrustedPeers()
        for text: ByteString in ["127.0.0.1", "10.0.0.0/8"] {
            if let found = Network.read(text.span) { trusted.networks.append(found.network) }
        }
        var address = SocketAddress(ipv4: 0x7F00_0001, port: 1)
        let answer = trusted.follow(list.span, from: &address, recursive: recursive)
        return (address.description, answer)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1:0"), ("192.0.2.1:80", "192.0.2.1:80"), ("", "127.0.0.1:1"),
        ("x", "127.0.0.1:1"), (", ,", "127.0.0.1:1"), ("192.0.2.9, 192.0.2.1 ,", "192.0.2.1:0"),
        ("[2001:db8::1]:8", "[2001:db8::1]:8"), ("192.0.2.1, 10.0.0.1", "10.0.0.1:0"),
    ])
    func theLastOfAList(_ list: String, _ expected: String) {
        #expect(follow(ByteString(list)).0 == expected)
    }

    @Test(arguments: [
        ("192.0.2.1, 10.0.0.1", "192.0.2.1:0"), ("192.0.2.9, 192.0.2.1, 10.0.0.1", "192.0.2.1:0"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3:0"), ("bad, 10.0.0.2", "10.0.0.2:0"),
        ("192.0.2.1,10.0.0.2,,", "192.0.2.1:0"),
    ])
    func theLastThatIsNotTrusted(_ list: String, _ expected: String) {
        #expect(follow(ByteString(list), recursive: true).0 == expected)
    }

    @Test func aListThatWasSentBeforeGoesOnOnlyBehindTrustedOnes() {
        if case .exhausted = follow("10.0.0.3", recursive: true).1 {} else {
            Issue.record("all of the list was taken")
        }
        if case .final = follow("192.0.2.9, 192.0.2.1", recursive: true).1 {} else {
            Issue.record("the list ends at an address that is not trusted")
        }
    }
}
