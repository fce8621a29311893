/// The SHA-1 digest (FIPS 180-4): for password files that are written with it, never where collisions matter.
struct SHA1 {
    private var state: [UInt32] = [
        0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0,
    ]
    private var schedule = [UInt32](repeating: 0, count: 80)
    private var blocks = DigestBlocks()

    mutating func update(_ bytes: Span<UInt8>) {
        for index in bytes.indices { update(bytes[index]) }
    }

    mutating func update(_ byte: UInt8) {
        if blocks.add(byte) { compress() }
    }

    /// The digest's 20 bytes, appended. Nothing more can be added afterwards.
    mutating func finish(into out: Buffer) {
        let bits = blocks.total &* 8
        update(0x80)
        while blocks.filled != 56 { update(0) }
        for index in 0..<8 { update(UInt8(truncatingIfNeeded: bits >> UInt64(56 - 8 * index))) }
        for word in state {
            for index in 0..<4 {
                out.append(UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * index)))
            }
        }
    }

    private mutating func compress() {
        for index in 0..<16 { schedule[index] = blocks.bigEndianWord(index) }
        for index in 16..<80 {
            let word =
                schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14]
                ^ schedule[index - 16]
            schedule[index] = word << 1 | word >> 31
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for step in 0..<80 {
            let mixed: UInt32
            switch step {
            case 0..<20: mixed = ((b & c) | (~b & d)) &+ 0x5A82_7999
            case 20..<40: mixed = (b ^ c ^ d) &+ 0x6ED9_EBA1
            case 40..<60: mixed = ((b & c) | (b & d) | (c & d)) &+ 0x8F1B_BCDC
            default: mixed = (b ^ c ^ d) &+ 0xCA62_C1D6
            }
            let sum = (a << 5 | a >> 27) &+ mixed &+ e &+ schedule[step]
            (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, sum)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
    }
}
