/// The rows of all modules, found by name.
final class RowTable: Sendable {
    /// A row in the table.
    final class Entry: Sendable {
        let row: Row
        let name: ByteString
        let index: Int
        /// The index of the next row of the same hash bucket, or -1.
        let next: Int

        init(row: Row, name: ByteString, index: Int, next: Int) {
            self.row = row
            self.name = name
            self.index = index
            self.next = next
        }

        func matches(_ other: Span<UInt8>) -> Bool {
            let name = name
            return name.span.equals(other)
        }
    }

    let entries: [Entry]
    private let buckets: [Int32]

    /// Rows of one name are tried in order; the first whose contexts fit is taken.
    init(_ rows: [Row]) {
        var size = 64
        while size < rows.count * 2 { size *= 2 }
        var buckets = [Int32](repeating: -1, count: size)
        var entries: [Entry] = []
        entries.reserveCapacity(rows.count)
        // From the last to the first, so that a bucket's chain is in the order of the rows.
        for row in rows.reversed() {
            let name = ByteString(row.name)
            let bucket = Int(truncatingIfNeeded: name.span.fnv1a & UInt64(size - 1))
            entries.append(
                Entry(row: row, name: name, index: entries.count, next: Int(buckets[bucket])))
            buckets[bucket] = Int32(entries.count - 1)
        }
        self.entries = entries
        self.buckets = buckets
    }

    var rows: [Row] { entries.reversed().map(\.row) }

    /// Names that two rows have in one context: one of them can never be reached.
    var conflicts: [String] {
        var taken: [String: Contexts] = [:]
        var found: [String] = []
        for row in rows {
            let before = taken[row.name] ?? []
            if !before.isDisjoint(with: row.contexts) { found.append(row.name) }
            taken[row.name] = before.union(row.contexts)
        }
        return found
    }

    enum Match {
        case found(Entry)
        /// The name exists, in these contexts.
        case elsewhere(Contexts)
        case unknown
    }

    func find(_ word: Word, in context: Contexts) -> Match {
        let name = word.span
        var next = Int(buckets[Int(truncatingIfNeeded: name.fnv1a & UInt64(buckets.count - 1))])
        var others: Contexts = []
        while next >= 0 {
            let entry = entries[next]
            if entry.matches(name) {
                if entry.row.contexts.contains(context) { return .found(entry) }
                others.formUnion(entry.row.contexts)
            }
            next = entry.next
        }
        return others.isEmpty ? .unknown : .elsewhere(others)
    }
}
