/// What a client's bytes begin with.
enum HTTP2Preface {
    static let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    enum Match {
        case none, whole
        /// Too little to tell.
        case part
    }

    static func match(_ bytes: Span<UInt8>) -> Match {
        let text = Self.text.bytes
        let count = min(bytes.count, text.count)
        guard bytes.extracting(0..<count).equals(text.extracting(0..<count)) else { return .none }
        return count == text.count ? .whole : .part
    }
}

/// Collects the beginning of a client's bytes, the preface and the first frame's kind: it has to be SETTINGS.
///
/// nghttp2 insists on that. nginx takes any other frame, and so do we: settings without entries are made up for it.
struct HTTP2Opening {
    enum Step {
        case needMore
        case invalid
        /// The first frame is of another kind.
        case lacksSettings
        case complete
    }

    /// All that has come.
    let bytes = Buffer(capacity: 32)
    /// The preface, and of the frame its length, kind and flags.
    private static let size = 24 + 5
    /// A frame without entries.
    static let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]

    /// Takes bytes from a position on, as many as it needs.
    func take(_ input: Span<UInt8>, _ position: inout Int) -> Step {
        let count = min(Self.size - bytes.count, input.count - position)
        bytes.append(input.extracting(position..<position + count))
        position += count
        if HTTP2Preface.match(bytes.span) == .none { return .invalid }
        guard bytes.count == Self.size else { return .needMore }
        let kind = bytes[27]
        let isAcknowledgement = bytes[28] & 1 != 0
        return kind != Self.settings[3] || isAcknowledgement ? .lacksSettings : .complete
    }
}
