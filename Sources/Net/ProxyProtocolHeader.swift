/// What a PROXY protocol header told of the connection that a proxy passes on.
final class ProxyProtocolHeader {
    /// The client's end, and the proxy's end that the client connected to; nil where the header did not tell.
    let source: SocketAddress?
    let destination: SocketAddress?
    /// The additions of version 2: each a type, a length in two bytes, and a value.
    private let additions: ByteString

    init(
        source: SocketAddress?, destination: SocketAddress?, additions: ByteString = .empty
    ) {
        self.source = source
        self.destination = destination
        self.additions = additions
    }

    /// Appends an addition by its name in a variable, such as `alpn`, `ssl_cn` or `0x05`; false if there is none.
    func append(addition name: ByteString, to out: Buffer) -> Bool {
        let all = additions
        if name.hasPrefix("ssl_") {
            guard let ssl = Self.find(0x20, in: all.span, from: 0), ssl.count >= 5 else {
                return false
            }
            let part = name.slice(4..<name.count)
            if part == "verify" {
                var code = 0
                for index in 1..<5 { code = code << 8 | Int(all[ssl.lowerBound + index]) }
                out.append(decimal: code)
                return true
            }
            guard let type = Self.type(part, Self.sslNames) else { return false }
            let inner = all.span.extracting(0..<ssl.upperBound)
            return append(Self.find(type, in: inner, from: ssl.lowerBound + 5), to: out)
        }
        guard let type = Self.type(name, Self.names) else { return false }
        return append(Self.find(type, in: all.span, from: 0), to: out)
    }

    private func append(_ range: Range<Int>?, to out: Buffer) -> Bool {
        guard let range else { return false }
        let all = additions
        out.append(all.span.extracting(range))
        return true
    }

    private static let names: [(ByteString, UInt8)] = [
        ("alpn", 0x01), ("authority", 0x02), ("unique_id", 0x05), ("ssl", 0x20), ("netns", 0x30),
    ]
    private static let sslNames: [(ByteString, UInt8)] = [
        ("version", 0x21), ("cn", 0x22), ("cipher", 0x23), ("sig_alg", 0x24), ("key_alg", 0x25),
    ]

    private static func type(_ name: ByteString, _ names: [(ByteString, UInt8)]) -> UInt8? {
        if let known = names.first(where: { $0.0 == name }) { return known.1 }
        guard name.count == 4, name.hasPrefix("0x"), let high = name[2].hexValue,
            let low = name[3].hexValue
        else { return nil }
        return high << 4 | low
    }

    /// Where the value of the first addition of a type lies.
    private static func find(
        _ type: UInt8, in bytes: Span<UInt8>, from start: Int
    ) -> Range<Int>? {
        var position = start
        while position + 3 <= bytes.count {
            let length = Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            let value = position + 3..<position + 3 + length
            guard value.upperBound <= bytes.count else { return nil }
            if bytes[position] == type { return value }
            position = value.upperBound
        }
        return nil
    }
}
