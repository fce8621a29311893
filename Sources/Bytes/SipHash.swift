/// A keyed 64-bit hash (SipHash-1-3) of bytes: for tables that are looked up with what clients send.
///
/// Without the key nobody can choose inputs that fall into one slot. The key is drawn at random once per table.
struct SipHash: Sendable {
    private let key0: UInt64
    private let key1: UInt64

    /// A hash with a random key.
    init() {
        self.init(key0: .random(in: 0 ... .max), key1: .random(in: 0 ... .max))
    }

    init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// The hash of the bytes; with `ignoringCase`, of the bytes with ASCII letters in lower case.
    func hash(_ bytes: Span<UInt8>, ignoringCase: Bool = false) -> UInt64 {
        var state = State(key0: key0, key1: key1)
        let words = bytes.count / 8
        unsafe bytes.withUnsafeBytes { raw in
            for index in 0..<words {
                let word = unsafe raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                state.compress(ignoringCase ? Self.lowercased(word) : word)
            }
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        for index in words * 8..<bytes.count {
            let byte = ignoringCase ? bytes[index].asciiLowercased : bytes[index]
            last |= UInt64(byte) << shift
            shift += 8
        }
        state.compress(last)
        return state.finish()
    }

    /// Eight bytes at once with the ASCII upper-case letters among them in lower case.
    private static func lowercased(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let low = word & (ones &* 0x7F)
        // The high bit of each byte of the sums tells whether its low seven bits reach 'A', and whether they pass 'Z'.
        let fromA = low &+ ones &* (0x80 - 0x41)
        let pastZ = low &+ ones &* (0x80 - 0x5B)
        let upper = (fromA & ~pastZ) & ~word & (ones &* 0x80)
        return word | (upper >> 2)
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(key0: UInt64, key1: UInt64) {
            v0 = key0 ^ 0x736F_6D65_7073_6575
            v1 = key1 ^ 0x646F_7261_6E64_6F6D
            v2 = key0 ^ 0x6C79_6765_6E65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        mutating func round() {
            v0 = v0 &+ v1
            v1 = (v1 &<< 13 | v1 &>> 51) ^ v0
            v0 = v0 &<< 32 | v0 &>> 32
            v2 = v2 &+ v3
            v3 = (v3 &<< 16 | v3 &>> 48) ^ v2
            v0 = v0 &+ v3
            v3 = (v3 &<< 21 | v3 &>> 43) ^ v0
            v2 = v2 &+ v1
            v1 = (v1 &<< 17 | v1 &>> 47) ^ v2
            v2 = v2 &<< 32 | v2 &>> 32
        }

        @inline(__always)
        mutating func compress(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }
    }
}
