extension SharedTable {
    /// Makes the table consistent after a process died while it held the lock.
    ///
    /// Links of any kind may be half written, records only where the header says so. So: the entries in use are listed in
    /// the order of use as far as that can still be followed, everything that links is emptied, and all are linked again.
    func rebuild() {
        let highest = unsafe min(Int(header.pointee.highest), capacity)
        let order = usedEntries(highest: highest)
        for index in 0..<bucketCount { unsafe bucket(UInt32(index)).pointee = 0 }
        unsafe header.pointee.free = 0
        unsafe header.pointee.newest = 0
        unsafe header.pointee.oldest = 0
        unsafe header.pointee.count = 0
        unsafe header.pointee.highest = UInt32(highest)
        var isKept = [Bool](repeating: false, count: highest + 1)
        for number in order { isKept[Int(number)] = true }
        var number = UInt32(highest)
        while number > 0 {
            if !isKept[Int(number)] {
                unsafe links(number).pointee.isUsed = 0
                unsafe links(number).pointee.next = header.pointee.free
                unsafe header.pointee.free = number
            }
            number -= 1
        }
        for number in order {
            linkIntoBucket(number)
            linkAsNewest(number)
            unsafe header.pointee.count += 1
        }
        endWriting()
    }

    /// The sound entries, oldest first; those that neither end of the order leads to stand in the middle.
    private func usedEntries(highest: Int) -> [UInt32] {
        let writing = unsafe Int(header.pointee.writing)
        var isWaiting = [Bool](repeating: false, count: highest + 1)
        for number in 1..<(highest + 1) where number != writing {
            isWaiting[number] = isSound(UInt32(number))
        }
        var oldest: [UInt32] = []
        var number = unsafe header.pointee.oldest
        while number >= 1, number <= highest, isWaiting[Int(number)] {
            isWaiting[Int(number)] = false
            oldest.append(number)
            number = unsafe links(number).pointee.newer
        }
        var newest: [UInt32] = []
        number = unsafe header.pointee.newest
        while number >= 1, number <= highest, isWaiting[Int(number)] {
            isWaiting[Int(number)] = false
            newest.append(number)
            number = unsafe links(number).pointee.older
        }
        for number in 1..<(highest + 1) where isWaiting[number] {
            oldest.append(UInt32(number))
        }
        return oldest + newest.reversed()
    }

    private func isSound(_ number: UInt32) -> Bool {
        let links = unsafe links(number).pointee
        guard links.isUsed == 1 else { return false }
        if links.keyLength == EntryLinks.longKey {
            let low = unsafe key(number).loadUnaligned(as: UInt32.self)
            return low == links.hash
        }
        guard links.keyLength <= keyCapacity else { return false }
        let bytes = unsafe key(number)
        let hash = unsafe hash(Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(bytes)))
        return UInt32(truncatingIfNeeded: hash.0) == links.hash
    }

    /// Whether every entry in use is in its bucket and in the order once, and every other one is free.
    var isConsistent: Bool {
        let header = unsafe header.pointee
        guard header.writing == 0, header.highest <= capacity else { return false }
        var inOrder = 0
        var before: UInt32 = 0
        var number = header.oldest
        while number != 0, inOrder <= capacity {
            let links = unsafe links(number).pointee
            guard links.isUsed == 1, links.older == before, isSound(number) else { return false }
            before = number
            number = links.newer
            inOrder += 1
        }
        guard before == header.newest, inOrder == header.count else { return false }
        var inBuckets = 0
        for index in 0..<bucketCount {
            number = unsafe bucket(UInt32(index)).pointee
            while number != 0, inBuckets <= capacity {
                let links = unsafe links(number).pointee
                guard links.isUsed == 1, Int(links.hash) & (bucketCount - 1) == index else {
                    return false
                }
                number = links.next
                inBuckets += 1
            }
        }
        var free = 0
        number = header.free
        while number != 0, free <= capacity {
            guard unsafe links(number).pointee.isUsed == 0 else { return false }
            number = unsafe links(number).pointee.next
            free += 1
        }
        return inBuckets == inOrder && inOrder + free == Int(header.highest)
    }
}
