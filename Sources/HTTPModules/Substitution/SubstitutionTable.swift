/// Texts to be found together, without regard to case: at the leftmost place, and there the first in their order.
///
/// The search looks at the last byte of the shortest text's length first and skips as far as that byte allows (Horspool).
struct SubstitutionTable: Sendable {
    /// In lower case, none of them empty.
    let patterns: [ByteString]
    let shortest: Int
    let longest: Int
    /// How far a byte lets the search go on, by its value in lower case; 0 where a text may end its first part with it.
    private let shifts: [Int]
    /// For each byte, the texts that have it at the end of their first part.
    private let candidates: [[Int]]

    /// `patterns` is not empty.
    init(_ patterns: [ByteString]) {
        precondition(!patterns.isEmpty && patterns.allSatisfy { !$0.isEmpty })
        self.patterns = patterns
        let shortest = patterns.reduce(Int.max) { min($0, $1.count) }
        self.shortest = shortest
        longest = patterns.reduce(0) { max($0, $1.count) }
        var shifts = [Int](repeating: shortest, count: 256)
        var candidates = [[Int]](repeating: [], count: 256)
        for (number, pattern) in patterns.enumerated() {
            for index in 0..<shortest {
                let byte = Int(pattern[index])
                shifts[byte] = min(shifts[byte], shortest - 1 - index)
            }
            candidates[Int(pattern[shortest - 1])].append(number)
        }
        self.shifts = shifts
        self.candidates = candidates
    }

    enum Found: Equatable {
        /// A text begins here; its number.
        case match(Int, Int)
        /// What begins here may be one of the texts, if the right bytes follow.
        case partial(Int)
        case nothing
    }

    /// The first text at or after `start`. Those in `used` are not looked for. At the end of all text nothing is partial.
    func find(in text: Span<UInt8>, from start: Int, used: [Bool], isLast: Bool) -> Found {
        var end = start + shortest - 1
        while end < text.count {
            let byte = Int(text[end].asciiLowercased)
            if shifts[byte] > 0 {
                end += shifts[byte]
                continue
            }
            let place = end - shortest + 1
            for number in candidates[byte] where !used[number] {
                switch compare(number, text, place) {
                case .same: return .match(place, number)
                case .cut where !isLast: return .partial(place)
                case .cut, .different: continue
                }
            }
            end += 1
        }
        return isLast ? .nothing : findPartial(in: text, from: end - shortest + 1, used: used)
    }

    /// At the end of what has come any text may begin.
    private func findPartial(in text: Span<UInt8>, from start: Int, used: [Bool]) -> Found {
        var place = start
        while place < text.count {
            for number in patterns.indices where !used[number] {
                if compare(number, text, place) == .cut { return .partial(place) }
            }
            place += 1
        }
        return .nothing
    }

    private enum Comparison {
        case same, different
        /// The same as far as there is text.
        case cut
    }

    private func compare(_ number: Int, _ text: Span<UInt8>, _ place: Int) -> Comparison {
        let pattern = patterns[number]
        let count = min(pattern.count, text.count - place)
        let part = text.extracting(place..<place + count)
        guard part.equalsIgnoringCase(pattern.span.extracting(0..<count)) else { return .different }
        return count == pattern.count ? .same : .cut
    }
}
