/// Huffman's code of RFC 7541 appendix B. It is canonical: codes of one length follow each other in the order of their bytes,
/// so that the lengths say all, and a code is decoded from them without a tree.
///
/// All of it is made once and never changed.
final class HuffmanCode: @unchecked Sendable {
    static let shared = HuffmanCode()

    /// Bits of each byte's code; the last is that of the end of a string.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ]
    private static let longest = 30
    /// Bits that one look into the table decodes: those of all that texts are made of.
    private static let quick = 9

    /// Bits of each byte's code.
    let lengths = Buffer(capacity: 256)
    private let codes = List<UInt32>(capacity: 256)
    /// By the next nine bits: a byte, and in the upper half the length of its code; 0 for longer ones.
    private let table = List<UInt16>(capacity: 1 << HuffmanCode.quick)
    /// Bytes in the order of their codes.
    private let symbols = List<UInt16>(capacity: 257)
    /// For each length the first code behind those of that length, moved to the top of 32 bits, and where its symbols begin.
    private let limits = List<UInt64>(capacity: 32)
    private let offsets = List<Int>(capacity: 32)

    private init() {
        let all = Self.lengths
        precondition(all.count == 257)
        for _ in 0..<256 { codes.append(0) }
        for _ in 0..<1 << Self.quick { table.append(0) }
        for byte in 0..<256 { lengths.append(all[byte]) }
        var code: UInt32 = 0
        for length in 0...Self.longest {
            code <<= 1
            offsets.append(symbols.count - Int(code))
            for symbol in all.indices where Int(all[symbol]) == length {
                symbols.append(UInt16(symbol))
                if symbol < 256 { note(UInt8(symbol), code, length) }
                code += 1
            }
            limits.append(UInt64(code) << UInt64(32 - length))
        }
    }

    private func note(_ byte: UInt8, _ code: UInt32, _ length: Int) {
        codes[Int(byte)] = code
        guard length <= Self.quick else { return }
        let spare = Self.quick - length
        for rest in 0..<1 << spare {
            table[Int(code) << spare | rest] = UInt16(length) << 8 | UInt16(byte)
        }
    }

    // MARK: - Decoding

    /// Appends what a code stands for. False: it is none.
    ///
    /// The padding may be longer than a byte, which RFC 7541 5.2 forbids: some clients send such, and nginx takes them.
    func decode(_ bytes: Span<UInt8>, to output: Buffer) -> Bool {
        var window: UInt64 = 0
        var count = 0
        var index = 0
        output.reserve(bytes.count * 8 / 5 + 1)
        while true {
            if count <= 32 {
                if index &+ 4 <= bytes.count {
                    window |= UInt64(bytes.word(at: index)) << UInt64(32 &- count)
                    index &+= 4
                    count &+= 32
                } else {
                    while count <= 32, index < bytes.count {
                        window |= UInt64(bytes[index]) << UInt64(56 &- count)
                        index &+= 1
                        count &+= 8
                    }
                }
            }
            let entry = table[Int(truncatingIfNeeded: window >> UInt64(64 - Self.quick))]
            let length = Int(entry >> 8)
            if length > 0, length <= count {
                output.append(UInt8(truncatingIfNeeded: entry))
                window <<= UInt64(length)
                count &-= length
                continue
            }
            if length == 0, let (symbol, length) = longCode(window, count) {
                guard symbol < 256 else { return false }
                output.append(UInt8(truncatingIfNeeded: symbol))
                window <<= UInt64(length)
                count &-= length
                continue
            }
            // What is left is padding: the beginning of the code for the end.
            return index == bytes.count && count < Self.longest && window == ~(UInt64.max >> UInt64(count))
        }
    }

    /// A symbol whose code the table has no room for.
    private func longCode(_ window: UInt64, _ count: Int) -> (UInt16, Int)? {
        let top = window >> 32
        var length = Self.quick + 1
        while length <= Self.longest {
            if top < limits[length] {
                guard length <= count else { return nil }
                return (symbols[Int(top >> UInt64(32 - length)) + offsets[length]], length)
            }
            length += 1
        }
        return nil
    }

    // MARK: - Encoding

    /// The bytes that the code of a text takes.
    func size(of bytes: Span<UInt8>) -> Int {
        var bits = 7
        for index in bytes.indices { bits &+= Int(lengths[Int(bytes[index])]) }
        return bits >> 3
    }

    /// Appends the code of a text.
    func encode(_ bytes: Span<UInt8>, lowercasing: Bool = false, to output: Buffer) {
        var window: UInt64 = 0
        var count = 0
        for index in bytes.indices {
            let byte = Int(lowercasing ? bytes[index].asciiLowercased : bytes[index])
            let length = Int(lengths[byte])
            window = window << UInt64(length) | UInt64(codes[byte])
            count &+= length
            while count >= 8 {
                count &-= 8
                output.append(UInt8(truncatingIfNeeded: window >> UInt64(count)))
            }
        }
        if count > 0 {
            output.append(UInt8(truncatingIfNeeded: window << UInt64(8 - count)) | 0xFF >> UInt8(count))
        }
    }
}
