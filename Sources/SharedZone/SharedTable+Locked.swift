import CLinux

/// A record's place. It may be kept: once the record is removed, the slot is told from its successor.
struct TableSlot: Equatable, Sendable {
    let number: UInt32
    let generation: UInt32
}

extension SharedTable {
    /// The table, held alone. It cannot leave the closure that it is given to.
    struct Locked: ~Copyable {
        let table: SharedTable<Record>

        var count: Int { unsafe Int(table.header.pointee.count) }
        var isFull: Bool { count == table.capacity }

        /// The record of `key`, without making it the newest.
        func find(_ key: Span<UInt8>) -> TableSlot? {
            table.find(key, hash: table.hash(key))
        }

        /// Makes the record the most recently used.
        func touch(_ slot: TableSlot) {
            guard isCurrent(slot), unsafe table.header.pointee.newest != slot.number else { return }
            table.unlinkFromOrder(slot.number)
            table.linkAsNewest(slot.number)
        }

        /// Adds a record for a key that is not there, as the newest; nil if the table is full.
        func insert(_ key: Span<UInt8>, _ record: Record) -> TableSlot? {
            table.insert(key, hash: table.hash(key), record)
        }

        /// The record of `key`, made the newest, or a new one; if the table is full, in place of the oldest.
        func findOrInsert(
            _ key: Span<UInt8>, _ initial: @autoclosure () -> Record
        ) -> (slot: TableSlot, isNew: Bool) {
            let hash = table.hash(key)
            if let slot = table.find(key, hash: hash) {
                touch(slot)
                return (slot, false)
            }
            if isFull, let oldest { remove(oldest) }
            guard let slot = table.insert(key, hash: hash, initial()) else {
                preconditionFailure("a shared table has no room after an eviction")
            }
            return (slot, true)
        }

        /// Whether the record is still the one that the slot was given for.
        func isCurrent(_ slot: TableSlot) -> Bool {
            let links = unsafe table.links(slot.number)
            return unsafe links.pointee.isUsed != 0 && links.pointee.generation == slot.generation
        }

        /// The record, or nil if it was removed since.
        func record(_ slot: TableSlot) -> Record? {
            isCurrent(slot) ? unsafe table.record(slot.number).pointee : nil
        }

        /// Changes a record in place; nil if it was removed since. A process that dies within leaves the table without it.
        func update<Result>(
            _ slot: TableSlot, _ body: (inout Record) -> Result
        ) -> Result? {
            guard isCurrent(slot) else { return nil }
            table.beginWriting(slot.number)
            defer { table.endWriting() }
            return unsafe body(&table.record(slot.number).pointee)
        }

        func remove(_ slot: TableSlot) {
            if isCurrent(slot) { table.remove(slot.number) }
        }

        /// The least recently used record.
        var oldest: TableSlot? { table.slot(unsafe table.header.pointee.oldest) }

        /// The record used next after this one: iteration from the oldest.
        func newer(than slot: TableSlot) -> TableSlot? {
            isCurrent(slot) ? table.slot(unsafe table.links(slot.number).pointee.newer) : nil
        }

        /// Appends the record's key; false if it was too long to be stored.
        func appendKey(of slot: TableSlot, to buffer: Buffer) -> Bool {
            guard isCurrent(slot),
                unsafe table.links(slot.number).pointee.keyLength != EntryLinks.longKey
            else { return false }
            let key = unsafe table.key(slot.number)
            for index in 0..<key.count { unsafe buffer.append(key[index]) }
            return true
        }

        func removeAll() {
            while let oldest { remove(oldest) }
        }

        /// Whether all links agree with each other, in time proportional to the size. For tests.
        var isConsistent: Bool { table.isConsistent }
    }

    // MARK: - The work

    func hash(_ key: Span<UInt8>) -> (UInt64, UInt64) {
        unsafe KeyedHash.of(key, seed: (header.pointee.seed0, header.pointee.seed1))
    }

    func slot(_ number: UInt32) -> TableSlot? {
        guard number != 0 else { return nil }
        return TableSlot(number: number, generation: unsafe links(number).pointee.generation)
    }

    /// Notes the entry that a death from here on would leave half written.
    func beginWriting(_ number: UInt32) {
        unsafe header.pointee.writing = number
        apus_compiler_barrier()
    }

    func endWriting() {
        apus_compiler_barrier()
        unsafe header.pointee.writing = 0
    }

    func find(_ key: Span<UInt8>, hash: (UInt64, UInt64)) -> TableSlot? {
        let short = UInt32(truncatingIfNeeded: hash.0)
        var number = unsafe bucket(short).pointee
        while number != 0 {
            if unsafe links(number).pointee.hash == short, isKey(of: number, key, hash) {
                return slot(number)
            }
            number = unsafe links(number).pointee.next
        }
        return nil
    }

    private func isKey(
        of number: UInt32, _ key: Span<UInt8>, _ hash: (UInt64, UInt64)
    ) -> Bool {
        let length = unsafe links(number).pointee.keyLength
        let stored = unsafe self.key(number)
        guard key.count <= keyCapacity else {
            return unsafe length == EntryLinks.longKey
                && stored.loadUnaligned(as: UInt64.self) == hash.0
                && stored.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == hash.1
        }
        guard Int(length) == key.count else { return false }
        return unsafe key.withUnsafeBytes { bytes in
            guard let wanted = bytes.baseAddress, let have = stored.baseAddress else { return true }
            return unsafe memcmp(wanted, have, bytes.count) == 0
        }
    }

    func insert(
        _ key: Span<UInt8>, hash: (UInt64, UInt64), _ value: Record
    ) -> TableSlot? {
        let number: UInt32
        if unsafe header.pointee.free != 0 {
            number = unsafe header.pointee.free
        } else if unsafe header.pointee.highest < capacity {
            number = unsafe header.pointee.highest + 1
        } else {
            return nil
        }
        beginWriting(number)
        defer { endWriting() }
        if unsafe header.pointee.free != 0 {
            unsafe header.pointee.free = links(number).pointee.next
        } else {
            unsafe header.pointee.highest = number
        }
        unsafe record(number).initialize(to: value)
        store(key, hash, in: number)
        unsafe header.pointee.generation &+= 1
        unsafe links(number).pointee.generation = unsafe header.pointee.generation
        unsafe links(number).pointee.isUsed = 1
        linkIntoBucket(number)
        linkAsNewest(number)
        unsafe header.pointee.count += 1
        return slot(number)
    }

    private func store(_ key: Span<UInt8>, _ hash: (UInt64, UInt64), in number: UInt32) {
        unsafe links(number).pointee.hash = UInt32(truncatingIfNeeded: hash.0)
        unsafe links(number).pointee.keyLength =
            key.count <= keyCapacity ? UInt16(key.count) : EntryLinks.longKey
        let stored = unsafe self.key(number)
        if key.count > keyCapacity {
            unsafe stored.storeBytes(of: hash.0, as: UInt64.self)
            unsafe stored.storeBytes(of: hash.1, toByteOffset: 8, as: UInt64.self)
        } else {
            unsafe key.withUnsafeBytes { unsafe stored.copyMemory(from: $0) }
        }
    }

    func remove(_ number: UInt32) {
        beginWriting(number)
        defer { endWriting() }
        unsafe links(number).pointee.isUsed = 0
        unlinkFromBucket(number)
        unlinkFromOrder(number)
        unsafe links(number).pointee.next = header.pointee.free
        unsafe header.pointee.free = number
        unsafe header.pointee.count -= 1
    }

    // MARK: - Links

    func linkIntoBucket(_ number: UInt32) {
        let first = unsafe bucket(links(number).pointee.hash)
        unsafe links(number).pointee.next = first.pointee
        unsafe first.pointee = number
    }

    private func unlinkFromBucket(_ number: UInt32) {
        var place = unsafe bucket(links(number).pointee.hash)
        while unsafe place.pointee != number {
            let other = unsafe links(place.pointee)
            unsafe place = UnsafeMutableRawPointer(other).assumingMemoryBound(to: UInt32.self)
        }
        unsafe place.pointee = links(number).pointee.next
    }

    func linkAsNewest(_ number: UInt32) {
        let newest = unsafe header.pointee.newest
        unsafe links(number).pointee.newer = 0
        unsafe links(number).pointee.older = newest
        if newest != 0 {
            unsafe links(newest).pointee.newer = number
        } else {
            unsafe header.pointee.oldest = number
        }
        unsafe header.pointee.newest = number
    }

    func unlinkFromOrder(_ number: UInt32) {
        let (newer, older) = unsafe (links(number).pointee.newer, links(number).pointee.older)
        if newer != 0 {
            unsafe links(newer).pointee.older = older
        } else {
            unsafe header.pointee.newest = older
        }
        if older != 0 {
            unsafe links(older).pointee.newer = newer
        } else {
            unsafe header.pointee.oldest = newer
        }
    }
}
