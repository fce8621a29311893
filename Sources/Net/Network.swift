/// A range of IP addresses with a common prefix, such as `10.0.0.0/8`: what `allow`, `geo` and trusted proxies are told.
struct Network: Hashable, Sendable {
    let isIPv4: Bool
    /// The lowest address as a number; an IPv4 one is in the low 32 bits.
    let first: UInt128
    /// The number of leading bits that all addresses share.
    let prefixLength: Int

    /// The network around an address; bits behind the prefix are cleared.
    init(isIPv4: Bool, _ address: UInt128, prefixLength: Int) {
        self.isIPv4 = isIPv4
        self.prefixLength = prefixLength
        first = address & ~Self.rest(isIPv4 ? 32 : 128, prefixLength)
    }

    /// All addresses of a family.
    static func all(isIPv4: Bool) -> Network {
        Network(isIPv4: isIPv4, 0, prefixLength: 0)
    }

    /// The highest address.
    var last: UInt128 { first | Self.rest(isIPv4 ? 32 : 128, prefixLength) }

    /// A number with the bits set that lie behind a prefix.
    private static func rest(_ width: Int, _ prefixLength: Int) -> UInt128 {
        let count = width - prefixLength
        return count == 128 ? .max : (1 << UInt128(count)) - 1
    }

    /// Reads an address with or without a prefix length. `isExact` is false where bits behind the prefix were set, which
    /// nginx warns about: `low address bits of TEXT are meaningless`.
    static func read(_ text: Span<UInt8>) -> (network: Network, isExact: Bool)? {
        let slash = text.firstIndex(of: ASCII.slash)
        guard let address = SocketAddress.ip(text.extracting(0..<(slash ?? text.count))) else {
            return nil
        }
        let isIPv4 = address.family == .ipv4
        var length = isIPv4 ? 32 : 128
        if let slash {
            guard let number = text.extracting(slash + 1..<text.count).decimalValue,
                number <= length
            else { return nil }
            length = number
        }
        let network = Network(isIPv4: isIPv4, address.number, prefixLength: length)
        return (network, network.first == address.number)
    }

    /// Whether the address lies in the network. As in nginx, an IPv4 address mapped into IPv6 counts as IPv4.
    func contains(_ address: SocketAddress) -> Bool {
        let address = address.unmapped
        guard !address.isUnix, isIPv4 == (address.family == .ipv4) else { return false }
        return first <= address.number && address.number <= last
    }
}

extension SocketAddress {
    /// The address without its port, as a number.
    var number: UInt128 { UInt128(high) << 64 | UInt128(low) }
}
