/// A block of IP addresses, as `10.0.0.0/8`.
struct AddressRange: Hashable, Sendable {
    let family: SocketAddress.Family
    let high: UInt64
    let low: UInt64
    /// Leading bits that count: up to 32 for IPv4, up to 128 for IPv6.
    let length: Int
    /// The text had bits set beyond the length, which nginx warns about: `low address bits of 10.0.0.1/8 are meaningless`.
    let hadLowBits: Bool
    private let maskHigh: UInt64
    private let maskLow: UInt64

    /// A block of `length` leading bits; nil if there are not that many.
    init?(_ address: SocketAddress, length: Int) {
        guard address.family != .unix, length >= 0 else { return nil }
        let width = address.family == .ipv4 ? 32 : 128
        guard length <= width else { return nil }
        // An IPv4 address is the low 32 bits of 128.
        let significant = length + 128 - width
        let highMask = significant >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(significant))
        let lowMask = significant <= 64 ? 0 : ~(UInt64.max >> UInt64(significant - 64))
        maskHigh = highMask
        maskLow = significant == 128 ? .max : lowMask
        family = address.family
        high = address.high & maskHigh
        low = address.low & maskLow
        hadLowBits = high != address.high || low != address.low
        self.length = length
    }

    /// Reads `10.0.0.0/8`, `::1`; an address alone is a block of one.
    init?(_ text: Span<UInt8>) {
        guard let slash = text.firstIndex(of: ASCII.slash) else {
            guard let address = SocketAddress.ip(text) else { return nil }
            self.init(address, length: address.family == .ipv4 ? 32 : 128)
            return
        }
        guard let address = SocketAddress.ip(text.extracting(0..<slash)),
            let length = text.extracting(slash + 1..<text.count).decimalValue
        else { return nil }
        self.init(address, length: length)
    }

    /// An IPv4 address that came over IPv6 (::ffff:a.b.c.d) is compared as IPv4.
    func contains(_ address: SocketAddress) -> Bool {
        let address = address.unmapped
        return address.family == family && address.high & maskHigh == high
            && address.low & maskLow == low
    }
}
