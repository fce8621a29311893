extension Span where Element == UInt8 {
    /// Whether a list of entity tags, as in `If-None-Match`, holds a tag.
    ///
    /// - Parameters:
    ///   - tag: the entity's tag with its quotes and perhaps `W/`; nil if it has none, which only `*` matches.
    ///   - isWeak: compare without regard to `W/` (RFC 9110 8.8.3.2).
    func matchesEntityTag(_ tag: Span<UInt8>?, isWeak: Bool) -> Bool {
        if count == 1, self[0] == ASCII.asterisk { return true }
        guard let whole = tag else { return false }
        let tag =
            isWeak && whole.count > 2 && whole.hasPrefix("W/")
            ? whole.extracting(2..<whole.count) : whole
        var start = 0
        while start < count {
            if isWeak, count - start > 2, extracting(start..<count).hasPrefix("W/") { start += 2 }
            if tag.count > count - start { return false }
            if extracting(start..<start + tag.count).equals(tag) {
                start += tag.count
                while start < count, isBlank(start) { start += 1 }
                if start == count || self[start] == ASCII.comma { return true }
            }
            while start < count, self[start] != ASCII.comma { start += 1 }
            while start < count, isBlank(start) || self[start] == ASCII.comma { start += 1 }
        }
        return false
    }

    private func isBlank(_ index: Int) -> Bool {
        self[index] == ASCII.space || self[index] == ASCII.tab
    }
}
