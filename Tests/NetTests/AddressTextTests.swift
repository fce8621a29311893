@testable import ApusServer
import Testing

@Suite struct AddressTextTests {
    private func addresses(_ text: String, _ rules: AddressText.Rules) throws -> [String] {
        try AddressText(ByteString(text), rules).addresses.map(\.description)
    }

    private func message(_ text: String, _ rules: AddressText.Rules) -> String? {
        do throws(AddressError) {
            _ = try AddressText(ByteString(text), rules)
            return nil
        } catch {
            return error.message
        }
    }

    @Test(arguments: [
        ("80", "0.0.0.0:80"), ("*:81", "0.0.0.0:81"), ("*", "0.0.0.0:8000"),
        ("127.0.0.1", "127.0.0.1:8000"), ("127.0.0.1:1", "127.0.0.1:1"), ("[::]:80", "[::]:80"),
        ("[::1]", "[::1]:8000"), ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("UNIX:/run/x", "unix:/run/x"),
    ])
    func aListenStandsForOneAddress(text: String, address: String) throws {
        #expect(try addresses(text, .listen(defaultPort: 8_000)) == [address])
    }

    @Test func aListenMayBeARangeOfPorts() throws {
        let rules = AddressText.Rules.listen(defaultPort: 80)
        #expect(try addresses("127.0.0.1:10-12", rules).count == 3)
        #expect(try addresses("8000-8001", rules) == ["0.0.0.0:8000", "0.0.0.0:8001"])
        #expect(try addresses("[::1]:7-8", rules) == ["[::1]:7", "[::1]:8"])
    }

    @Test(arguments: [
        ("127.0.0.1:0", "invalid port"), ("127.0.0.1:65536", "invalid port"),
        ("127.0.0.1:", "invalid port"), ("127.0.0.1:x", "invalid port"), ("0", "invalid port"),
        ("99999", "invalid port"), ("20-10", "invalid port range"),
        ("1.1.1.1:9-8", "invalid port range"),
        (":80", "no host"), ("", "no host"), ("[]:80", "no host"), ("[::1", "invalid host"),
        ("[::1]80", "invalid host"), ("[::x]", "invalid IPv6 address"), ("a/b", "invalid host"),
        ("unix:", "no path in the unix domain socket"),
        ("unix:/" + String(repeating: "x", count: 107), "too long path in the unix domain socket"),
        ("no-such-host.invalid:80", "host not found"),
    ])
    func aWrongListenIsRefusedInNginxsWords(text: String, expected: String) {
        #expect(message(text, .listen(defaultPort: 80)) == expected)
    }

    @Test func anUpstreamAddressMayHaveAURI() throws {
        let rules = AddressText.Rules(allowsURI: true, resolves: false, defaultPort: 80)
        let plain = try AddressText("backend:8080/a?b", rules)
        #expect(plain.host == "backend")
        #expect(plain.port == 8_080)
        #expect(plain.portText == "8080")
        #expect(plain.uri == "/a?b")
        #expect(plain.addresses.isEmpty)
        let query = try AddressText("backend?x/y:1", rules)
        #expect(query.host == "backend")
        #expect(query.uri == "?x/y:1")
        #expect(query.hasNoPort)
        let unix = try AddressText("unix:/s:/a", rules)
        #expect(unix.host == "/s")
        #expect(unix.uri == "/a")
        let six = try AddressText("[::1]:90/z", rules)
        #expect(six.host == "[::1]")
        #expect(six.port == 90)
        #expect(six.uri == "/z")
    }

    @Test func outsideOfListenANumberIsAHostAndARangeIsNone() {
        let rules = AddressText.Rules(resolves: false, defaultPort: 80)
        #expect((try? AddressText("8080", rules))?.host == "8080")
        #expect(message("h:1-2", rules) == "invalid port")
    }

    @Test func listenParametersAboutTheSocketAreRead() throws {
        var options = ListenOptions()
        for word in ["backlog=5", "rcvbuf=8k", "so_keepalive=30m::10", "reuseport", "ipv6only=off"]
        {
            #expect(try options.read(ByteString(word)))
        }
        #expect(options.backlog == 5)
        #expect(options.receiveBuffer == 8_192)
        #expect(options.keepalive == .init(isOn: true, idle: 1_800, interval: 0, probes: 10))
        #expect(options.reusePort && !options.isIPv6Only && options.isBound)
        #expect(try !options.read("ssl"))
    }

    @Test(arguments: [
        ("backlog=0", "invalid backlog \"backlog=0\""), ("sndbuf=x", "invalid sndbuf \"sndbuf=x\""),
        ("so_keepalive=::", "invalid so_keepalive value: \"::\""),
        ("ipv6only=oh", "invalid ipv6only flags \"oh\""),
    ])
    func aWrongListenParameterIsRefused(word: String, expected: String) {
        var options = ListenOptions()
        let error = #expect(throws: AddressError.self) { try options.read(ByteString(word)) }
        #expect(error?.message == expected)
    }
}
