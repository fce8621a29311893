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
}
