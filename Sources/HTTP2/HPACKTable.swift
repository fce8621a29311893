/// A field of one of HPACK's tables: its name and value lie one after the other.
struct HPACKEntry: Sendable {
    /// Where its bytes begin, counted from the first byte that the table ever held.
    var start: Int
    var nameCount: UInt16
    var valueCount: UInt16
    var facts: HPACKFacts

    var count: Int { Int(nameCount) &+ Int(valueCount) }
}

/// The table of fields that both sides learn as they go (RFC 7541 2.3.2), for either side.
///
/// Entries are numbered in the order in which they came. Their bytes lie one after the other in one buffer; the room of those
/// that were dropped is closed when more is needed.
final class HPACKTable {
    /// The size that both sides begin with, and the largest that is used here.
    static let largest = 4_096
    /// What an entry counts besides its bytes.
    private static let overhead = 32
    /// There are fewer entries than this.
    private static let slots = 128

    let bytes = Buffer(capacity: 512)
    private let ring = List<HPACKEntry>(capacity: 16)
    /// The number of the oldest entry, and of the one that comes next.
    private(set) var first = 0
    private(set) var next = 0
    private(set) var size = 0
    private(set) var limit = HPACKTable.largest
    /// Bytes that are not in `bytes` any more.
    private var dropped = 0

    init() {}

    var count: Int { next &- first }

    /// Whether the entry of a number is still there.
    func contains(_ number: Int) -> Bool { number >= first && number < next }

    /// Whether an entry has this name and this value.
    func holds(_ number: Int, _ name: FieldName, _ value: Span<UInt8>) -> Bool {
        guard contains(number) else { return false }
        let entry = ring[number & (Self.slots - 1)]
        guard entry.facts.name == name, Int(entry.valueCount) == value.count else { return false }
        return bytes.holds(value, at: entry.start &- dropped &+ Int(entry.nameCount))
    }

    /// Appends an entry's name and value, or its name alone, and returns it.
    func append(_ number: Int, nameOnly: Bool, to output: Buffer) -> HPACKEntry {
        precondition(contains(number))
        let entry = ring[number & (Self.slots - 1)]
        let start = entry.start &- dropped
        output.append(bytes, start..<start &+ (nameOnly ? Int(entry.nameCount) : entry.count))
        return entry
    }

    /// Adds a field. One that is larger than the table only empties it (RFC 7541 4.4).
    func insert(_ name: Span<UInt8>, _ value: Span<UInt8>, _ facts: HPACKFacts) {
        let count = name.count + value.count
        guard makeRoom(for: count + Self.overhead) else { return }
        closeGap(for: count)
        let entry = HPACKEntry(
            start: bytes.count &+ dropped, nameCount: UInt16(name.count), valueCount: UInt16(value.count), facts: facts)
        bytes.append(name)
        bytes.append(value)
        size &+= count &+ Self.overhead
        let slot = next & (Self.slots - 1)
        if slot == ring.count { ring.append(entry) } else { ring[slot] = entry }
        next &+= 1
    }

    /// Drops the oldest entries until so much fits. False: it never does.
    private func makeRoom(for cost: Int) -> Bool {
        while size &+ cost > limit, first < next { dropFirst() }
        return cost <= limit
    }

    private func dropFirst() {
        size &-= ring[first & (Self.slots - 1)].count &+ Self.overhead
        first &+= 1
    }

    private func closeGap(for count: Int) {
        guard bytes.free < count else { return }
        let gap = first < next ? ring[first & (Self.slots - 1)].start &- dropped : bytes.count
        // Half of it is gone: closing the gap costs less than what has come since. Else the buffer grows, to twice the table.
        guard gap * 2 >= bytes.count else { return }
        bytes.removeFirst(gap)
        dropped &+= gap
    }

    /// Sets the size that the entries may have, at most `largest`.
    func setLimit(_ newLimit: Int) {
        precondition(newLimit >= 0 && newLimit <= Self.largest)
        limit = newLimit
        while size > limit { dropFirst() }
    }
}

/// The table of fields that both sides know from the start (RFC 7541 appendix A). Made once and never changed.
final class HPACKStaticTable: @unchecked Sendable {
    static let shared = HPACKStaticTable()

    /// The number of the last entry; the first is 1.
    static let count = 61

    /// Names and values of all entries.
    let bytes = Buffer(capacity: 1_024)
    private let entries = List<HPACKEntry>(capacity: 62)
    /// For each well-known name its first entry, or 0.
    private let indices = List<UInt8>(capacity: 64)

    private init() {
        for _ in 0..<64 { indices.append(0) }
        let bytes = self.bytes
        for (number, line) in Self.fields.enumerated() {
            let start = bytes.count
            bytes.append(line.0)
            let middle = bytes.count
            bytes.append(line.1)
            let facts = HPACKFacts(bytes.span(start..<middle), bytes.span(middle..<bytes.count))
            entries.append(
                HPACKEntry(
                    start: start, nameCount: UInt16(middle - start), valueCount: UInt16(bytes.count - middle),
                    facts: facts))
            let name = Int(facts.name.rawValue)
            if facts.name != .other, indices[name] == 0 { indices[name] = UInt8(number + 1) }
        }
        precondition(entries.count == Self.count)
    }

    /// Appends an entry's name and value, or its name alone, and returns it; entries are numbered from 1 on.
    func append(_ number: Int, nameOnly: Bool, to output: Buffer) -> HPACKEntry {
        let entry = entries[number &- 1]
        output.append(bytes, entry.start..<entry.start &+ (nameOnly ? Int(entry.nameCount) : entry.count))
        return entry
    }

    /// The number of the first entry with a well-known name, or 0.
    func index(of name: FieldName) -> Int { Int(indices[Int(name.rawValue)]) }

    private static let fields: [(StaticString, StaticString)] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
        ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
        ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
        ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
        ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ]
}
