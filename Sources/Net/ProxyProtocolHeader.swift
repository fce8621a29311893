/// What a PROXY protocol header told of the connection that a proxy passes on.
final class ProxyProtocolHeader {
    /// One end of the proxied connection. The text is what variables show; version 1's is as the proxy wrote it.
    struct End {
        let text: ByteString
        let port: UInt16

        init(text: ByteString, port: UInt16) {
            self.text = text
            self.port = port
        }

        init(_ address: SocketAddress) {
            let text = Buffer(capacity: 48)
            address.appendText(to: text, withPort: false)
            self.init(text: ByteString(text.span), port: address.port)
        }

        /// The end as an address, with its port; nil if what a proxy wrote is none.
        var address: SocketAddress? {
            let address = SocketAddress.ipv4(text.span) ?? SocketAddress.ipv6(text.span)
            return address?.with(port: port)
        }
    }

    /// The client's end, and the proxy's end that the client connected to.
    let source: End
    let destination: End
    /// The additions of version 2: each a type, a length in two bytes, and a value.
    private let additions: ByteString

    init(source: End, destination: End, additions: ByteString = .empty) {
        self.source = source
        self.destination = destination
        self.additions = additions
    }

    /// What a look for an addition came to.
    enum Lookup {
        case found, absent
        /// nginx's message: the name stands for nothing, or the additions are malformed.
        case failed(StaticString, showsName: Bool)
    }

    /// Appends an addition by its name in a variable, such as `alpn`, `ssl_cn` or `0x05`.
    func append(addition name: ByteString, to out: Buffer) -> Lookup {
        let all = additions
        guard name.hasPrefix(Self.tlsPrefix) else { return append(name, Self.names, in: 0..<all.count, to: out) }
        switch Self.find(Int(Self.tlsType), in: all.span, 0..<all.count) {
        case .absent: return .absent
        case .broken: return Self.broken
        case .value(let ssl):
            // A byte of flags and the result of the verification come before what is nested.
            guard ssl.count >= 5 else { return .absent }
            let part = name.slice(4..<name.count)
            guard part == Self.verification else {
                return append(part, Self.tlsNames, in: ssl.lowerBound + 5..<ssl.upperBound, to: out)
            }
            var code = 0
            for index in 1..<5 { code = code << 8 | Int(all[ssl.lowerBound + index]) }
            out.append(decimal: code)
            return .found
        }
    }

    private func append(
        _ name: ByteString, _ names: [(ByteString, UInt8)], in range: Range<Int>, to out: Buffer
    ) -> Lookup {
        let type: Int
        switch Self.type(name, names) {
        case .known(let number): type = number
        case .invalid: return .failed("invalid PROXY protocol TLV", showsName: true)
        case .unknown: return .failed("unknown PROXY protocol TLV", showsName: true)
        }
        let all = additions
        switch Self.find(type, in: all.span, range) {
        case .absent: return .absent
        case .broken: return Self.broken
        case .value(let value):
            out.append(all.span.extracting(value))
            return .found
        }
    }

    private static let broken = Lookup.failed("broken PROXY protocol TLV", showsName: false)

    private static let names: [(ByteString, UInt8)] = [
        ("alpn", 0x01), ("authority", 0x02), ("unique_id", 0x05), ("ssl", tlsType), ("netns", 0x30),
    ]
    private static let tlsNames: [(ByteString, UInt8)] = [
        ("version", 0x21), ("cn", certificateName), ("cipher", 0x23), ("sig_alg", 0x24), ("key_alg", 0x25),
    ]
    private static let tlsPrefix: ByteString = "ssl_"
    private static let verification: ByteString = "verify"
    /// The type of what is told of the client's TLS, and in it that of its certificate's name.
    static let tlsType: UInt8 = 0x20
    static let certificateName: UInt8 = 0x22

    /// What the name of an addition stands for.
    enum AdditionName: Sendable {
        case plain(UInt8)
        /// A part of what is told of the client's TLS.
        case ofTLS(UInt8)
        /// Whether the client's certificate was found to be good.
        case verification
    }

    /// An addition by its name, such as `alpn`, `ssl_cn` or `0x05`; nil: there is none, or it is not to be written as a whole.
    static func addition(named name: ByteString) -> AdditionName? {
        let isOfTLS = name.hasPrefix(tlsPrefix)
        let part = isOfTLS ? name.slice(tlsPrefix.count..<name.count) : name
        if isOfTLS, part == verification { return .verification }
        guard case .known(let number) = type(part, isOfTLS ? tlsNames : names),
            let type = UInt8(exactly: number), isOfTLS || type != tlsType
        else { return nil }
        return isOfTLS ? .ofTLS(type) : .plain(type)
    }

    private enum TypeLookup {
        case known(Int)
        case invalid, unknown
    }

    private static func type(_ name: ByteString, _ names: [(ByteString, UInt8)]) -> TypeLookup {
        if let known = names.first(where: { $0.0 == name }) { return .known(Int(known.1)) }
        guard name.hasPrefix("0x") else { return .unknown }
        return number(name.span.extracting(2..<name.count)).map { .known($0) } ?? .invalid
    }

    /// A hexadecimal number; one that no type can have stays above all of them.
    private static func number(_ text: Span<UInt8>) -> Int? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for index in text.indices {
            guard let digit = text[index].hexValue else { return nil }
            value = min(value << 4 | Int(digit), 0x1000)
        }
        return value
    }

    private enum Found {
        case value(Range<Int>)
        case absent, broken
    }

    /// Where the value of the first addition of a type lies.
    private static func find(_ type: Int, in bytes: Span<UInt8>, _ range: Range<Int>) -> Found {
        var position = range.lowerBound
        while position < range.upperBound {
            guard position + 3 <= range.upperBound else { return .broken }
            let length = Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            let value = position + 3..<position + 3 + length
            guard value.upperBound <= range.upperBound else { return .broken }
            if Int(bytes[position]) == type { return .value(value) }
            position = value.upperBound
        }
        return .absent
    }
}
