/// Fields of an upstream's answer that the client does not see: `proxy_hide_header`, less `proxy_pass_header`.
final class HiddenHeaders: Sendable {
    /// What is hidden of answers in HTTP.
    static let standard: [ByteString] = [
        "Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate",
        "X-Accel-Buffering", "X-Accel-Charset",
    ]

    /// What is meant for the server alone, in all families.
    static let ofServer: [ByteString] = [
        "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset",
    ]

    /// What is hidden of the answers of FastCGI and SCGI.
    static let ofGateways = ["Status"] + ofServer

    private let known: FieldNameSet
    private let others: [ByteString]

    init(hidden: [ByteString], passed: [ByteString], standard: [ByteString]) {
        var known: FieldNameSet = []
        var others: [ByteString] = []
        for name in standard + hidden
        where !passed.contains(where: { $0.span.equalsIgnoringCase(name.span) }) {
            let field = FieldName(name.span)
            if field == .other { others.append(name) } else { known.insert(field) }
        }
        self.known = known
        self.others = others
    }

    func contains(_ field: Field, of bytes: Buffer) -> Bool {
        if field.name != .other { return known.contains(field.name) }
        return !others.isEmpty && contains(.other, spelled: bytes.span(field.nameRange))
    }

    /// `name` is the field's well-known name, or `.other` with its spelling.
    func contains(_ name: FieldName, spelled spelling: Span<UInt8>) -> Bool {
        if name != .other { return known.contains(name) }
        for other in others where other.span.equalsIgnoringCase(spelling) { return true }
        return false
    }
}

/// Fields of an answer that are not acted upon: `proxy_ignore_headers`.
struct IgnoredHeaders: OptionSet, Sendable {
    let rawValue: UInt16
    init(rawValue: UInt16) { self.rawValue = rawValue }

    static let redirect = IgnoredHeaders(rawValue: 1 << 0)
    static let accelExpires = IgnoredHeaders(rawValue: 1 << 1)
    static let limitRate = IgnoredHeaders(rawValue: 1 << 2)
    static let buffering = IgnoredHeaders(rawValue: 1 << 3)
    static let charset = IgnoredHeaders(rawValue: 1 << 4)
    static let expires = IgnoredHeaders(rawValue: 1 << 5)
    static let cacheControl = IgnoredHeaders(rawValue: 1 << 6)
    static let setCookie = IgnoredHeaders(rawValue: 1 << 7)
    static let vary = IgnoredHeaders(rawValue: 1 << 8)

    static let choices: [(String, IgnoredHeaders)] = [
        ("X-Accel-Redirect", .redirect), ("X-Accel-Expires", .accelExpires),
        ("X-Accel-Limit-Rate", .limitRate), ("X-Accel-Buffering", .buffering),
        ("X-Accel-Charset", .charset), ("Expires", .expires), ("Cache-Control", .cacheControl),
        ("Set-Cookie", .setCookie), ("Vary", .vary),
    ]
}
