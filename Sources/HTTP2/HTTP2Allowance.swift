/// What a peer may still cost before it is taken for a flood.
///
/// Frames that carry nothing (empty ones, settings, pings, window updates, priorities) and streams that are broken off cost;
/// what is carried, and time, gives back. Apart from that are bytes that are passed over, of frames of unknown types and of
/// bodies that nobody wants any more: they cost next to nothing, and there may be many of them on their way when a stream is
/// broken off. nginx counts all alike, and lets eight megabytes pass.
final class HTTP2Allowance {
    /// Within a megabyte, with what one read may bring before anybody looks.
    static let whole = 512 * 1_024
    /// A stream that was opened and broken off, or refused: 512 of them in a row are too many.
    static let costOfStream = 1_024
    /// Given back in a second: a connection that is kept alive by pings never comes to its end.
    private static let perSecond = 1_024
    /// Bytes that may be passed over, and more of them for each stream that is broken off from here.
    private static let ignorable = 8 * 1_048_576
    private static let onItsWay = 16 * 1_048_576

    private var left = HTTP2Allowance.whole
    private var second = 0
    private var ignored = 0
    private var mayBeIgnored = HTTP2Allowance.ignorable

    init() {}

    var isUsedUp: Bool { left < 0 || ignored > mayBeIgnored }

    /// A frame came or went, of which so many bytes carry nothing.
    func spend(_ count: Int) { left &-= count }

    /// Bytes of a body or of fields came or went.
    func carry(_ count: Int) { left = min(left &+ 8 &* count, Self.whole) }

    func spendStream() { left &-= Self.costOfStream }

    /// Bytes were passed over.
    func ignore(_ count: Int) { ignored &+= count }

    /// A stream was broken off while its body was coming in.
    func expectLeftovers() { mayBeIgnored &+= Self.onItsWay }

    /// Gives back what the time since the last call is worth.
    func advance(to second: Int) {
        guard second != self.second else { return }
        let passed = self.second == 0 ? 0 : second - self.second
        self.second = second
        guard passed > 0 else { return }
        left = min(left + min(passed, 3_600) * Self.perSecond, Self.whole)
    }
}
