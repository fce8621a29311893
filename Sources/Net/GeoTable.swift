/// What a `geo` maps: values found by IP address.
///
/// Networks within networks are laid flat into neighbouring segments when the table is built, so that an address is found by
/// one binary search in one array of numbers.
struct GeoTable: Sendable {
    /// Each segment reaches from its start to the next one's; the first starts at 0.
    struct Segments<Number: FixedWidthInteger & Sendable>: Sendable {
        private var starts: [Number] = []
        private var values: [Int32] = []

        /// The segments must come in order; a later one with the same start replaces the one before.
        mutating func append(_ value: Int, from start: Number) {
            if starts.last == start {
                values[values.count - 1] = Int32(value)
            } else if values.last != Int32(value) {
                starts.append(start)
                values.append(Int32(value))
            }
        }

        func find(_ address: Number) -> Int {
            var low = 0
            var high = starts.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= address { low = middle } else { high = middle }
            }
            return Int(values[low])
        }

        var count: Int { starts.count }
    }

    let ipv4: Segments<UInt32>
    let ipv6: Segments<UInt128>
    let values: [ByteString]

    /// The value for an address. As in nginx, an address that is unknown or of no IP family is looked up as
    /// 255.255.255.255.
    func find(_ address: SocketAddress?) -> ByteString {
        guard let address = address?.unmapped, !address.isUnix else {
            return values[ipv4.find(.max)]
        }
        if address.family == .ipv4 {
            return values[ipv4.find(UInt32(truncatingIfNeeded: address.low))]
        }
        return values[ipv6.find(address.number)]
    }

    /// Lays networks flat; of two that hold an address, the one with the longer prefix counts.
    static func flatten<Number>(
        _ networks: [(network: Network, value: Int)], to: Number.Type
    ) -> Segments<Number> {
        let sorted = networks.sorted {
            ($0.network.first, $0.network.prefixLength)
                < ($1.network.first, $1.network.prefixLength)
        }
        var segments = Segments<Number>()
        segments.append(0, from: 0)
        var open: [(last: UInt128, value: Int)] = [(UInt128(Number.max), 0)]
        func close(before start: UInt128) {
            while open.count > 1, let inner = open.last, inner.last < start {
                open.removeLast()
                guard let outer = open.last, inner.last < UInt128(Number.max) else { continue }
                segments.append(outer.value, from: Number(inner.last + 1))
            }
        }
        for (network, value) in sorted {
            close(before: network.first)
            segments.append(value, from: Number(network.first))
            open.append((network.last, value))
        }
        while open.count > 1, let inner = open.popLast(), let outer = open.last {
            if inner.last < UInt128(Number.max) {
                segments.append(outer.value, from: Number(inner.last + 1))
            }
        }
        return segments
    }
}
