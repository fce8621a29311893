extension Span where Element == UInt8 {
    /// The index of the first NUL, CR or LF at or after `start`, or nil: what ends or spoils a line of a head.
    ///
    /// Eight bytes are tested at a time: those below 16 borrow into their top bit when 16 is taken from each. The lowest
    /// such bit is exact, ones above it need not be; a tab or another control byte found so is stepped over.
    func firstLineBreakOrNUL(from start: Int) -> Int? {
        precondition(start >= 0 && start <= count)
        return unsafe withUnsafeBytes { all in
            var index = start
            while index &+ 8 <= all.count {
                let word = unsafe UInt64(
                    littleEndian: all.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let low = (word &- 0x1010_1010_1010_1010) & ~word & 0x8080_8080_8080_8080
                if low == 0 {
                    index &+= 8
                    continue
                }
                index &+= low.trailingZeroBitCount >> 3
                let byte = unsafe all[index]
                if byte == ASCII.lf || byte == ASCII.cr || byte == ASCII.nul { return index }
                index &+= 1
            }
            while index < all.count {
                let byte = unsafe all[index]
                if byte == ASCII.lf || byte == ASCII.cr || byte == ASCII.nul { return index }
                index &+= 1
            }
            return nil
        }
    }

    /// The index of the first byte from `start` on that names of fields mostly do not hold (`isASCIINameByte`); `count`: there is none.
    ///
    /// Eight bytes are tested at a time. Their top bits are kept out of the sums, so none carries into the next byte: the top bit
    /// of a sum says whether its byte is at least as large as the number that was added makes it.
    func firstNonNameByte(from start: Int) -> Int {
        precondition(start >= 0 && start <= count)
        return unsafe withUnsafeBytes { all in
            var index = start
            while index &+ 8 <= all.count {
                let word = unsafe UInt64(
                    littleEndian: all.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let low = word & 0x7F7F_7F7F_7F7F_7F7F
                let lowercase = low | 0x2020_2020_2020_2020
                let letters = (lowercase &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(lowercase &+ 0x0505_0505_0505_0505)
                let digits = (low &+ 0x5050_5050_5050_5050) & ~(low &+ 0x4646_4646_4646_4646)
                let hyphens = ~((low ^ 0x2D2D_2D2D_2D2D_2D2D) &+ 0x7F7F_7F7F_7F7F_7F7F)
                let others = (~(letters | digits | hyphens) | word) & 0x8080_8080_8080_8080
                if others != 0 { return index &+ others.trailingZeroBitCount >> 3 }
                index &+= 8
            }
            while index < all.count, unsafe all[index].isASCIINameByte { index &+= 1 }
            return index
        }
    }
}
