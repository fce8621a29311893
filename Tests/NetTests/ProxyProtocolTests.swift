import Testing

@testable import ApusServer

/// The header that a proxy sends before anything else.
@Suite struct ProxyProtocolTests {
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let addresses: [UInt8] = [192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 0x16, 0x2E]

    private func read(_ text: String) -> (ProxyProtocolReader, ProxyProtocolReader.Outcome) {
        read(Array(text.utf8))
    }

    private func read(_ bytes: [UInt8]) -> (ProxyProtocolReader, ProxyProtocolReader.Outcome) {
        let reader = ProxyProtocolReader()
        return (reader, reader.take(bytes.span))
    }

    private func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        Self.signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    private func addition(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
        [type, UInt8(value.count >> 8), UInt8(value.count & 255)] + value
    }

    @Test func aLineNamesBothEnds() {
        let (reader, outcome) = read("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET /")
        #expect(outcome == .complete(41))
        #expect(reader.header?.source.text == "192.0.2.1")
        #expect(reader.header?.source.port == 123)
        #expect(reader.header?.destination.text == "192.0.2.2")
        #expect(reader.header?.destination.port == 5678)
        #expect(reader.header?.source.address == SocketAddress(ipv4: 0xC000_0201, port: 123))
    }

    @Test func anAddressStaysAsItIsWritten() {
        let (reader, _) = read("PROXY TCP6 2001:Db8::1 ::FFFF:1.2.3.4 1 0\r\n")
        #expect(reader.header?.source.text == "2001:Db8::1")
        #expect(reader.header?.source.address?.description == "[2001:db8::1]:1")
        #expect(reader.header?.destination.text == "::FFFF:1.2.3.4")
    }

    @Test func charactersOfAnAddressThatAreNone() {
        let (reader, outcome) = read("PROXY TCP4 999.1 a.b 1 2\r\n")
        #expect(outcome == .complete(26))
        #expect(reader.header?.source.text == "999.1")
        #expect(reader.header?.source.address == nil)
    }

    @Test(arguments: ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN 1 2 3 4 5 6\r\n", "PROXY UNKNOWNS\r\n"])
    func unknownTellsNothing(_ text: String) {
        let (reader, outcome) = read(text)
        #expect(outcome == .complete(text.utf8.count))
        #expect(reader.header == nil && reader.isComplete)
    }

    @Test(arguments: [
        "GET / HTTP/1.0\r\n", "PROXY\r\n", "PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n", "PROXY TCP4 g 1.1.1.1 1 1\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n", "proxy unknown\r\n",
        "PROXY TCP4 1.1.1.1 1.1.1.1  1 1\r\n", "\r\n\r\n\0\r\nQUIX", "\n",
    ])
    func whatIsNoHeaderIsRefused(_ text: String) {
        guard case .failed(.broken) = read(text).1 else {
            Issue.record("taken: \(text)")
            return
        }
    }

    @Test func theMessageShowsTheFirstLine() {
        let message = Buffer()
        ProxyProtocolError.broken("GET / HTTP/1.0").append(to: message)
        #expect(message.span.text == "broken header: \"GET / HTTP/1.0\"")
    }

    @Test func aLineWithoutAnEndIsNotWaitedForForEver() {
        let reader = ProxyProtocolReader()
        let start = Array("PROXY UNKNOWN ".utf8)
        #expect(reader.take(start.span) == .needMore)
        let filler = [UInt8](repeating: 0x41, count: 1_000)
        var outcome = ProxyProtocolReader.Outcome.needMore
        var rounds = 0
        while outcome == .needMore, rounds < 10 {
            outcome = reader.take(filler.span)
            rounds += 1
        }
        guard case .failed(.broken) = outcome else {
            Issue.record("still waiting after \(rounds) thousand bytes")
            return
        }
    }

    @Test func aBinaryHeaderOfIPv4() {
        let bytes = binary(0x21, 0x11, Self.addresses) + [71]
        let (reader, outcome) = read(bytes)
        #expect(outcome == .complete(28))
        #expect(reader.header?.source.text == "192.0.2.1")
        #expect(reader.header?.destination.port == 5678)
    }

    @Test func aBinaryHeaderOfIPv6() {
        let address: [UInt8] = [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11)
        let (reader, outcome) = read(binary(0x21, 0x21, address + [1] + address + [2] + [0, 1, 0, 2]))
        #expect(outcome == .complete(52))
        #expect(reader.header?.source.text == "2001:db8::1")
        #expect(reader.header?.destination.text == "2001:db8::2")
    }

    @Test(arguments: [(0x20, 0x11), (0x21, 0x12), (0x21, 0x01), (0x21, 0x31), (0x22, 0x11)] as [(UInt8, UInt8)])
    func whatIsNoProxiedStreamIsSkipped(_ command: UInt8, _ family: UInt8) {
        let (reader, outcome) = read(binary(command, family, Self.addresses))
        #expect(outcome == .complete(28))
        #expect(reader.header == nil)
    }

    @Test func wrongBinaryHeaders() {
        #expect(read(binary(0x31, 0x11, Self.addresses)).1 == .failed(.unknownVersion(3)))
        #expect(read(Self.signature + [0x21, 0x11, 0xFF, 0xFF]).1 == .failed(.tooLarge))
        #expect(read(binary(0x21, 0x11, [1, 2, 3])).1 == .failed(.tooShort))
        #expect(read(binary(0x21, 0x21, Self.addresses)).1 == .failed(.tooShort))
    }

    @Test func additionsAreFoundByName() {
        let ssl: [UInt8] = [1, 0, 0, 0, 7] + addition(0x22, Array("name".utf8)) + addition(0x99, [120])
        let all =
            addition(1, Array("h2".utf8)) + addition(0x20, ssl) + addition(0xAE, Array("own".utf8))
            + addition(5, [])
        let header = read(binary(0x21, 0x11, Self.addresses + all)).0.header
        func value(_ name: ByteString) -> String {
            let out = Buffer()
            guard let header else { return "no header" }
            switch header.append(addition: name, to: out) {
            case .found: return out.span.text
            case .absent: return "absent"
            case .failed(let message, _): return "\(message)"
            }
        }
        #expect(value("alpn") == "h2")
        #expect(value("0x01") == "h2")
        #expect(value("0x1") == "h2")
        #expect(value("0xae") == "own")
        #expect(value("unique_id") == "")
        #expect(value("ssl_verify") == "7")
        #expect(value("ssl_cn") == "name")
        #expect(value("ssl_0x99") == "x")
        #expect(value("ssl_cipher") == "absent")
        #expect(value("authority") == "absent")
        #expect(value("0x1ae") == "absent")
        #expect(value("0xg") == "invalid PROXY protocol TLV")
        #expect(value("what") == "unknown PROXY protocol TLV")
    }

    @Test func additionsThatEndTooSoonAreBroken() {
        for rest: [UInt8] in [[1], [1, 0], [1, 0, 9, 104]] {
            let header = read(binary(0x21, 0x11, Self.addresses + rest)).0.header
            let out = Buffer()
            guard let header, case .failed = header.append(addition: "alpn", to: out) else {
                Issue.record("\(rest) was taken")
                continue
            }
        }
    }

    @Test func byteByByteItIsTheSame() {
        let bytes = binary(0x21, 0x11, Self.addresses + addition(1, [104, 50]))
        let reader = ProxyProtocolReader()
        for index in bytes.indices.dropLast() {
            #expect(reader.take(bytes.span.extracting(index..<index + 1)) == .needMore)
        }
        #expect(reader.take([bytes[bytes.count - 1], 71].span) == .complete(1))
        #expect(reader.header?.source.text == "192.0.2.1")
    }
}
