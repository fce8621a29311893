import Testing

@testable import ApusServer

/// The header that is sent to those behind: what a reader makes of it.
@Suite struct ProxyProtocolWriterTests {
    private static let client = SocketAddress(ipv4: 0xC000_0201, port: 123)
    private static let server = SocketAddress(ipv4: 0xC000_0202, port: 5678)
    private static let client6 = SocketAddress(ipv6High: 0x2001_0DB8 << 32, low: 1, port: 65_535)

    private func written(
        _ version: ProxyProtocolWriter.Version, _ source: SocketAddress, _ destination: SocketAddress = server,
        additions: [(UInt8, [UInt8])] = []
    ) -> [UInt8] {
        let all = Buffer(capacity: 16)
        for (type, value) in additions { ProxyProtocolWriter.append(addition: type, value.span, to: all) }
        let out = Buffer(capacity: 16)
        ProxyProtocolWriter.append(version, source: source, destination: destination, additions: all, to: out)
        return out.span.indices.map { out.span[$0] }
    }

    @Test func aLineNamesBothEnds() {
        #expect(written(.one, Self.client) == Array("PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n".utf8))
        #expect(written(.one, Self.client6) == Array("PROXY TCP6 2001:db8::1 ::ffff:192.0.2.2 65535 5678\r\n".utf8))
        #expect(written(.one, SocketAddress(unix: "/socket")) == Array("PROXY UNKNOWN\r\n".utf8))
    }

    @Test func theBytesOfVersionTwo() {
        let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
        #expect(
            written(.two, Self.client, additions: [(0xE0, [7, 8])])
                == signature + [0x21, 0x11, 0, 17, 192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 0x16, 0x2E, 0xE0, 0, 2, 7, 8])
        #expect(written(.two, SocketAddress(unix: "/socket")) == signature + [0x21, 0, 0, 0])
    }

    @Test(arguments: [ProxyProtocolWriter.Version.one, .two], [client, client6])
    func aReaderFindsWhatWasWritten(_ version: ProxyProtocolWriter.Version, _ source: SocketAddress) {
        let bytes = written(version, source)
        let reader = ProxyProtocolReader()
        #expect(reader.take((bytes + [1, 2]).span) == .complete(bytes.count))
        #expect(reader.header?.source.address == source)
        #expect(reader.header?.destination.address?.unmapped == Self.server)
    }

    @Test func additionsAreReadByTheirNames() {
        let additions: [(UInt8, [UInt8])] = [(0x01, Array("h2".utf8)), (0xE0, [UInt8](repeating: 65, count: 300))]
        let reader = ProxyProtocolReader()
        _ = reader.take(written(.two, Self.client6, additions: additions).span)
        for (name, value) in [("alpn", "h2"), ("0xe0", String(repeating: "A", count: 300))] {
            let out = Buffer(capacity: 16)
            let lookup = reader.header?.append(addition: ByteString(Array(name.utf8)), to: out)
            guard case .found? = lookup else {
                Issue.record("\(name) was not found")
                continue
            }
            #expect(ByteString(out.span) == ByteString(Array(value.utf8)))
        }
    }

    @Test func namesOfAdditions() {
        func known(_ name: ByteString) -> String {
            ProxyProtocolHeader.addition(named: name).map { "\($0)" } ?? "none"
        }
        #expect(known("alpn") == "plain(1)")
        #expect(known("0xE0") == "plain(224)")
        #expect(known("ssl_cn") == "ofTLS(34)")
        #expect(known("ssl_0x26") == "ofTLS(38)")
        #expect(known("ssl_verify") == "verification")
        for none: ByteString in ["ssl", "0x20", "0x100", "0xg", "verify", "cn", "ssl_alpn", ""] { #expect(known(none) == "none") }
    }
}
