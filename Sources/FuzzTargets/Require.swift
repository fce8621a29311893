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
