/// Traps unless the condition holds. Unlike `precondition` it takes a value, since a closure may not hold on to a span.
func require(
    _ condition: Bool, _ message: StaticString = "a property does not hold",
    file: StaticString = #file, line: UInt = #line
) {
    precondition(condition, "\(message)", file: file, line: line)
}

extension Span where Element == UInt8 {
    /// Whether a text occurs anywhere.
    func holds(_ needle: StaticString) -> Bool { firstIndex(of: needle.bytes) != nil }
}

/// Everything that was queued, from `start` on, is frames of HTTP/2, one after the other.
func requireFrames(in queue: OutputQueue, from first: Int) {
    queue.sealTail()
    let all = Buffer()
    for index in queue.pieces.indices {
        guard let (buffer, range) = queue.pieces[index].buffer else { continue }
        all.append(buffer, range)
    }
    var start = min(first, all.count)
    while start < all.count {
        require(all.count - start >= 9)
        let length = Int(all[start]) << 16 | Int(all[start + 1]) << 8 | Int(all[start + 2])
        require(all[start + 3] <= 9 && all[start + 5] < 128)
        start += 9 + length
        require(start <= all.count)
    }
}
