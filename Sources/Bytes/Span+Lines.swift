extension Span<UInt8> {
    /// The index of the first CR, LF or NUL from `start` on, or nil: what ends or spoils a line of a head.
    ///
    /// Bytes below 16 borrow into their top bit when 16 is taken from each. The lowest such bit is exact, ones above it need not be;
    /// a tab or another control byte found so is stepped over.
    func firstLineBreakOrNUL(from start: Int) -> Int? {
        let found = first(from: start) { word in
            (word &- 0x1010_1010_1010_1010) & ~word & 0x8080_8080_8080_8080
        } where: {
            $0 == ASCII.lf || $0 == ASCII.cr || $0 == ASCII.nul
        }
        return found < count ? found : nil
    }

    /// The index of the first byte from `start` on that names of fields mostly do not hold (`isASCIINameByte`); `count`: there is none.
    ///
    /// The top bits are kept out of the sums, so none carries into the next byte: the top bit of a sum says whether its byte is at
    /// least as large as the number that was added makes it.
    func firstNonNameByte(from start: Int) -> Int {
        first(from: start) { word in
            let low = word & 0x7F7F_7F7F_7F7F_7F7F
            let lowercase = low | 0x2020_2020_2020_2020
            let letters = (lowercase &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(lowercase &+ 0x0505_0505_0505_0505)
            let digits = (low &+ 0x5050_5050_5050_5050) & ~(low &+ 0x4646_4646_4646_4646)
            let hyphens = ~((low ^ 0x2D2D_2D2D_2D2D_2D2D) &+ 0x7F7F_7F7F_7F7F_7F7F)
            return (~(letters | digits | hyphens) | word) & 0x8080_8080_8080_8080
        } where: {
            !$0.isASCIINameByte
        }
    }

    /// The index of the first byte from `start` on that `isWanted`; `count`: there is none. Eight bytes are tested at a time: `marks` has
    /// the top bit of each byte of a word that may be wanted; the lowest that it has is of such a byte, those above need not be.
    @inline(__always)
    private func first(from start: Int, marks: (UInt64) -> UInt64, where isWanted: (UInt8) -> Bool) -> Int {
        precondition(start >= 0 && start <= count)
        return unsafe withUnsafeBytes { all in
            var index = start
            while index &+ 8 <= all.count {
                let marked = marks(unsafe UInt64(littleEndian: all.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
                if marked == 0 {
                    index &+= 8
                    continue
                }
                index &+= marked.trailingZeroBitCount >> 3
                if isWanted(unsafe all[index]) { return index }
                index &+= 1
            }
            while index < all.count, !isWanted(unsafe all[index]) { index &+= 1 }
            return index
        }
    }
}
