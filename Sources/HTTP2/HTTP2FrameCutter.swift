/// Finds where frames end in bytes that come torn anywhere, so that each can be read alone.
struct HTTP2FrameCutter {
    private static let headSize = 9
    /// Bytes of the frame so far.
    private var seen = 0
    /// The length that its head tells, as far as it has come.
    private var length = 0

    init() {}

    /// All frames that have begun are complete.
    var isBetweenFrames: Bool { seen == 0 }

    /// The index up to which bytes belong to one frame, from `start` on.
    mutating func end(in bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while seen < Self.headSize {
            guard index < bytes.count else { return index }
            if seen < 3 { length = length << 8 | Int(bytes[index]) }
            seen += 1
            index += 1
        }
        let part = min(Self.headSize + length - seen, bytes.count - index)
        seen += part
        if seen == Self.headSize + length {
            seen = 0
            length = 0
        }
        return index + part
    }
}
