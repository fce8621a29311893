/// A set of byte strings, numbered in the order of insertion and found by hash: the keys of a `ByteTable`.
///
/// Open addressing with linear probing, at most half full. A lookup takes a span and allocates nothing. The hash is keyed
/// at random, so a client cannot aim at one slot.
struct ByteIndex: Sendable {
    private struct Entry {
        let hash: UInt64
        let start: Int
        let end: Int
    }

    private let sip: SipHash
    private let ignoringCase: Bool
    private var entries: [Entry] = []
    /// All keys, one after another.
    private var keys: [UInt8] = []
    /// Numbers of entries, -1 where free; the count is a power of two.
    private var slots: [Int32] = []
    /// The length of the longest key: longer strings need no hashing to be known absent.
    private(set) var longest = 0

    init(ignoringCase: Bool = false, sip: SipHash = SipHash()) {
        self.ignoringCase = ignoringCase
        self.sip = sip
    }

    var count: Int { entries.count }

    /// The key with this number, as it was inserted.
    func key(_ number: Int) -> ByteString {
        let entry = entries[number]
        return ByteString(Array(keys[entry.start..<entry.end]))
    }

    /// The number of the key, or nil.
    func number(of key: Span<UInt8>) -> Int? {
        guard key.count <= longest, !slots.isEmpty else { return nil }
        return number(of: key, hash: sip.hash(key, ignoringCase: ignoringCase))
    }

    private func number(of key: Span<UInt8>, hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 {
            let number = Int(slots[slot])
            let entry = entries[number]
            if entry.hash == hash {
                let candidate = keys.span.extracting(entry.start..<entry.end)
                if ignoringCase ? candidate.equalsIgnoringCase(key) : candidate.equals(key) {
                    return number
                }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Adds a key; false if it is there already.
    mutating func insert(_ key: Span<UInt8>) -> Bool {
        if (entries.count + 1) * 2 > slots.count { grow() }
        let hash = sip.hash(key, ignoringCase: ignoringCase)
        guard number(of: key, hash: hash) == nil else { return false }
        let start = keys.count
        for index in key.indices { keys.append(key[index]) }
        place(Int32(entries.count), hash: hash)
        entries.append(Entry(hash: hash, start: start, end: keys.count))
        longest = max(longest, key.count)
        return true
    }

    private mutating func place(_ number: Int32, hash: UInt64) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] >= 0 { slot = (slot + 1) & mask }
        slots[slot] = number
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: max(8, slots.count * 2))
        for number in entries.indices { place(Int32(number), hash: entries[number].hash) }
    }
}

/// Values found by byte strings: built while configuration is read, constant afterwards.
///
/// A dictionary would want its key as an owned value; this one is looked up by span, without allocation.
struct ByteTable<Value: Sendable>: Sendable {
    private var index: ByteIndex
    private var values: [Value] = []

    /// With `ignoringCase`, keys that differ in the case of ASCII letters only are the same.
    init(ignoringCase: Bool = false) {
        index = ByteIndex(ignoringCase: ignoringCase)
    }

    var count: Int { values.count }
    var isEmpty: Bool { values.isEmpty }
    /// The length of the longest key.
    var longest: Int { index.longest }

    /// Adds a value; false, with nothing changed, if the key is there already.
    mutating func insert(_ value: Value, for key: ByteString) -> Bool {
        guard index.insert(key.span) else { return false }
        values.append(value)
        return true
    }

    func find(_ key: Span<UInt8>) -> Value? {
        guard let number = index.number(of: key) else { return nil }
        return values[number]
    }

    func contains(_ key: Span<UInt8>) -> Bool {
        index.number(of: key) != nil
    }

    /// The keys, in the order of insertion.
    var keys: [ByteString] { (0..<index.count).map { index.key($0) } }
}
