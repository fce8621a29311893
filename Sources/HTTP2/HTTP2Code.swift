/// Why a stream or a connection ends (RFC 9113 7).
struct HTTP2Code: RawRepresentable, Equatable, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }

    static let noError = HTTP2Code(rawValue: 0)
    static let protocolError = HTTP2Code(rawValue: 1)
    static let internalError = HTTP2Code(rawValue: 2)
    static let flowControlError = HTTP2Code(rawValue: 3)
    static let settingsTimeout = HTTP2Code(rawValue: 4)
    static let streamClosed = HTTP2Code(rawValue: 5)
    static let frameSizeError = HTTP2Code(rawValue: 6)
    static let refusedStream = HTTP2Code(rawValue: 7)
    static let cancel = HTTP2Code(rawValue: 8)
    static let compressionError = HTTP2Code(rawValue: 9)
    static let connectError = HTTP2Code(rawValue: 10)
    static let enhanceYourCalm = HTTP2Code(rawValue: 11)
    static let inadequateSecurity = HTTP2Code(rawValue: 12)
    static let http11Required = HTTP2Code(rawValue: 13)

    private static let names: [StaticString] = [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
        "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR",
        "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ]

    /// The code's name, for logs.
    var text: StaticString {
        rawValue < UInt32(Self.names.count) ? Self.names[Int(rawValue)] : "an unknown error"
    }
}
