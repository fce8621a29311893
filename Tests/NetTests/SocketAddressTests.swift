@testable import ApusServer
import CLinux
import Testing

// The expectation macros cannot pass spans.
private func ipv4(_ text: String) -> SocketAddress? { SocketAddress.ipv4(ByteString(text).span) }
private func ipv6(_ text: String) -> SocketAddress? { SocketAddress.ipv6(ByteString(text).span) }
private func ip(_ text: String) -> SocketAddress? { SocketAddress.ip(ByteString(text).span) }
private func range(_ text: String) -> Network? { Network.read(ByteString(text).span)?.network }

@Suite struct SocketAddressTests {
    @Test(arguments: [
        "::1", "::", "2001:db8::1", "fe80::1:2:3:4", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4",
        "::1.2.3.4", "1::", "1:0:0:2::3", "2001:db8:0:1:1:1:1:1",
    ])
    func ipv6TextIsReadAndWrittenTheSame(text: String) throws {
        let address = try #require(ipv6(text))
        let buffer = Buffer()
        address.appendText(to: buffer, withPort: false)
        #expect(buffer.span.text == text)
    }

    @Test(arguments: [
        ("0:0:0:0:0:0:0:1", "::1"), ("2001:DB8::0", "2001:db8::"),
        ("::ffff:102:304", "::ffff:1.2.3.4"),
        ("1:2::5.6.7.8", "1:2::506:708"), ("1::2:0:0:3", "1::2:0:0:3"),
    ])
    func ipv6TextIsWrittenInItsShortestForm(text: String, short: String) throws {
        let address = try #require(ipv6(text))
        let buffer = Buffer()
        address.appendText(to: buffer, withPort: false)
        #expect(buffer.span.text == short)
    }

    @Test(arguments: [
        "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1::2",
        "1:2:3:4:5:6:7::8:9", "::1.2.3", "::1.2.3.4.5", "1.2.3.4", "1:", "1:2:3:4:5:6:7:",
        "::1%eth0",
        "1:2:3:4:5:6:7:1.2.3.4",
    ])
    func whatIsNoIPv6AddressIsRefused(text: String) {
        #expect(ipv6(text) == nil)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a.b.c.d", "1.2.3.4 ", "1..2.3", "...", "1.2.3.",
        "255.255.255.255",
    ])
    func whatIsNoIPv4AddressIsRefused(text: String) {
        #expect(ipv4(text) == nil)
    }

    /// The C library reads and writes the same addresses.
    @Test func randomTextsAreReadLikeTheCLibraryReadsThem() {
        var generator = SystemRandomNumberGenerator()
        let pieces = ["1", "2f", "ff", "::", ":", ":", ":", "1.2.3.4", ".", "12345", "9", "255"]
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...16, using: &generator)
            let text = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }
                .joined()
            var bytes = [UInt8](repeating: 0, count: 16)
            let isSix = unsafe inet_pton(AF_INET6, text, &bytes) == 1
            let six = ipv6(text)
            #expect((six != nil) == isSix, "\(text)")
            if let six {
                let buffer = Buffer()
                six.appendBinary(to: buffer)
                #expect(Array(copying: buffer.span) == bytes, "\(text)")
                buffer.removeAll()
                six.appendText(to: buffer, withPort: false)
                #expect(ipv6(buffer.span.text) == six, "\(text)")
            }
            let isFour = unsafe inet_pton(AF_INET, text, &bytes) == 1
            #expect((ipv4(text) != nil) == isFour, "\(text)")
        }
    }

    @Test func aForwardedAddressMayHaveAPort() {
        func text(_ input: String) -> String? {
            SocketAddress.ipWithPort(ByteString(input).span)?.description
        }
        #expect(text("1.2.3.4") == "1.2.3.4:0")
        #expect(text("1.2.3.4:80") == "1.2.3.4:80")
        #expect(text("[::1]:80") == "[::1]:80")
        #expect(text("[::1]") == "[::1]:0")
        #expect(text("::1") == "[::1]:0")
        #expect(text("1.2.3.4:0") == nil)
        #expect(text("[::1") == nil)
        #expect(text("[::1]x") == nil)
    }

    @Test func binaryFormIsInNetworkOrder() throws {
        let buffer = Buffer()
        SocketAddress(ipv4: 0x0102_0304, port: 80).appendBinary(to: buffer)
        #expect(Array(copying: buffer.span) == [1, 2, 3, 4])
        buffer.removeAll()
        try #require(ipv6("::1")).appendBinary(to: buffer)
        #expect(Array(copying: buffer.span) == [UInt8](repeating: 0, count: 15) + [1])
    }

    @Test func aRangeContainsItsAddressesAndMappedOnes() throws {
        func address(_ text: String) throws -> SocketAddress {
            try #require(ip(text))
        }
        let ten = try #require(range("10.0.0.1/8"))
        #expect(ten.contains(try address("10.255.0.1")))
        #expect(ten.contains(try address("::ffff:10.1.2.3")))
        #expect(!ten.contains(try address("11.0.0.1")))
        #expect(!ten.contains(try address("::1")))
        let all = try #require(range("::/0"))
        #expect(all.contains(try address("2001:db8::1")))
        #expect(!all.contains(try address("1.2.3.4")))
        let one = try #require(range("2001:db8::/65"))
        #expect(one.contains(try address("2001:db8::7fff:0:0:1")))
        #expect(!one.contains(try address("2001:db8::8000:0:0:1")))
        #expect(range("10.0.0.0/33") == nil)
        #expect(range("10.0.0.0/") == nil)
        #expect(try #require(range("0.0.0.0/0")).contains(address("9.9.9.9")))
    }
}
