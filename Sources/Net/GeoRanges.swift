/// IPv4 ranges as `geo` with `ranges` takes them: one put into another splits it, one that cuts another is refused.
///
/// As in nginx, this is decided for each block of 65,536 addresses apart: a range that cuts another only by whole blocks
/// replaces those.
struct GeoRanges {
    struct Range: Equatable {
        var start: UInt32
        var end: UInt32
        var value: Int
    }

    enum Insertion: Equatable {
        case inserted
        /// The same range was there, with this value.
        case replaced(Int)
        case overlaps(Range)
    }

    /// Sorted ranges by the upper half of their addresses.
    private var blocks: [UInt32: [Range]] = [:]

    var isEmpty: Bool { blocks.isEmpty }

    /// All ranges, in order.
    var all: [Range] { blocks.keys.sorted().flatMap { blocks[$0] ?? [] } }

    mutating func insert(_ range: Range) -> Insertion {
        var result = Insertion.inserted
        for block in range.start >> 16...range.end >> 16 {
            let part = Self.part(of: range, in: block)
            switch insert(part, in: block) {
            case .inserted: continue
            case .replaced(let old): result = .replaced(old)
            case .overlaps(let other): return .overlaps(other)
            }
        }
        return result
    }

    /// Removes a range that was inserted just so; false if any part of it was not there.
    mutating func remove(_ range: Range) -> Bool {
        var isComplete = true
        for block in range.start >> 16...range.end >> 16 {
            let part = Self.part(of: range, in: block)
            let index = blocks[block]?.firstIndex { $0.start == part.start && $0.end == part.end }
            if let index { blocks[block]?.remove(at: index) } else { isComplete = false }
        }
        return isComplete
    }

    private static func part(of range: Range, in block: UInt32) -> Range {
        Range(
            start: max(range.start, block << 16), end: min(range.end, block << 16 | 0xFFFF),
            value: range.value)
    }

    private mutating func insert(_ new: Range, in block: UInt32) -> Insertion {
        var ranges = blocks[block] ?? []
        // From the end: files of ranges are mostly sorted.
        var index = ranges.count
        while index > 0, new.end < ranges[index - 1].start { index -= 1 }
        guard index > 0, new.start <= ranges[index - 1].end else {
            ranges.insert(new, at: index)
            blocks[block] = ranges
            return .inserted
        }
        let old = ranges[index - 1]
        if new.start < old.start || new.end > old.end { return .overlaps(old) }
        var parts = [new]
        if old.start < new.start {
            parts.insert(Range(start: old.start, end: new.start - 1, value: old.value), at: 0)
        }
        if new.end < old.end {
            parts.append(Range(start: new.end + 1, end: old.end, value: old.value))
        }
        ranges.replaceSubrange(index - 1..<index, with: parts)
        blocks[block] = ranges
        return parts.count == 1 ? .replaced(old.value) : .inserted
    }
}
