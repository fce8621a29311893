/// SipHash-1-3 with 128 bits of result: keys of zones are chosen by clients, who must not be able to make them collide.
struct KeyedHash {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    private init(_ k0: UInt64, _ k1: UInt64) {
        v0 = k0 ^ 0x736F_6D65_7073_6575
        v1 = k1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE
        v2 = k0 ^ 0x6C79_6765_6E65_7261
        v3 = k1 ^ 0x7465_6462_7974_6573
    }

    private mutating func round() {
        v0 &+= v1
        v2 &+= v3
        v1 = (v1 << 13 | v1 >> 51) ^ v0
        v3 = (v3 << 16 | v3 >> 48) ^ v2
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v1
        v0 &+= v3
        v1 = (v1 << 17 | v1 >> 47) ^ v2
        v3 = (v3 << 21 | v3 >> 43) ^ v0
        v2 = v2 << 32 | v2 >> 32
    }

    private mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    private mutating func squeeze() -> UInt64 {
        for _ in 0..<3 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }

    static func of(_ bytes: Span<UInt8>, seed: (UInt64, UInt64)) -> (UInt64, UInt64) {
        var state = KeyedHash(seed.0, seed.1)
        var word: UInt64 = 0
        for index in bytes.indices {
            word |= UInt64(bytes[index]) << UInt64(8 * (index & 7))
            if index & 7 == 7 {
                state.absorb(word)
                word = 0
            }
        }
        state.absorb(word | UInt64(truncatingIfNeeded: bytes.count) << 56)
        state.v2 ^= 0xEE
        let first = state.squeeze()
        state.v1 ^= 0xDD
        return (first, state.squeeze())
    }
}
