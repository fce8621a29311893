/// Finds the name that was probably meant by a misspelt one, for advice in messages.
enum NearestName {
    /// The nearest of the candidates, if it is near enough: a third of the letters may be wrong.
    static func find(_ name: ByteString, among candidates: [ByteString]) -> ByteString? {
        var best: (distance: Int, name: ByteString)?
        let limit = max(1, name.count / 3)
        // Sorted, so that the same advice is given each time.
        for candidate in candidates.sorted() {
            guard abs(candidate.count - name.count) <= limit else { continue }
            let distance = distance(name, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.name
    }

    /// The number of bytes to insert, drop, change or swap with a neighbour.
    private static func distance(_ left: ByteString, _ right: ByteString) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            for column in 0..<right.count {
                let change = left[row] == right[column] ? 0 : 1
                var least = min(last[column] + change, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
