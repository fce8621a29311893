/// The header names that the server gives a meaning to, in requests and in responses; any other is `.other`.
///
/// There are fewer than 64, so that a set of them is one word.
enum FieldName: UInt8, Sendable, CaseIterable {
    case other
    case host, connection, proxyConnection, ifModifiedSince, ifUnmodifiedSince, ifMatch
    case ifNoneMatch, userAgent, referer, contentLength, contentRange, contentType, range, ifRange
    case transferEncoding, te, expect, upgrade, acceptEncoding, via, authorization
    case proxyAuthorization, keepAlive, xForwardedFor, xRealIP, accept, acceptLanguage, depth
    case destination, overwrite, date, cookie, status, lastModified, eTag, server, wwwAuthenticate
    case location, refresh, setCookie, contentDisposition, cacheControl, expires, acceptRanges
    case vary, link, xAccelExpires, xAccelRedirect, xAccelLimitRate, xAccelBuffering
    case xAccelCharset, contentEncoding, xPad, pragma, age, allow, trailer, proxyAuthenticate
    case lockToken, contentLanguage

    /// The name in its usual spelling; empty for `.other`.
    var name: StaticString {
        switch self {
        case .other: ""
        case .host: "Host"
        case .connection: "Connection"
        case .proxyConnection: "Proxy-Connection"
        case .ifModifiedSince: "If-Modified-Since"
        case .ifUnmodifiedSince: "If-Unmodified-Since"
        case .ifMatch: "If-Match"
        case .ifNoneMatch: "If-None-Match"
        case .userAgent: "User-Agent"
        case .referer: "Referer"
        case .contentLength: "Content-Length"
        case .contentRange: "Content-Range"
        case .contentType: "Content-Type"
        case .range: "Range"
        case .ifRange: "If-Range"
        case .transferEncoding: "Transfer-Encoding"
        case .te: "TE"
        case .expect: "Expect"
        case .upgrade: "Upgrade"
        case .acceptEncoding: "Accept-Encoding"
        case .via: "Via"
        case .authorization: "Authorization"
        case .proxyAuthorization: "Proxy-Authorization"
        case .keepAlive: "Keep-Alive"
        case .xForwardedFor: "X-Forwarded-For"
        case .xRealIP: "X-Real-IP"
        case .accept: "Accept"
        case .acceptLanguage: "Accept-Language"
        case .depth: "Depth"
        case .destination: "Destination"
        case .overwrite: "Overwrite"
        case .date: "Date"
        case .cookie: "Cookie"
        case .status: "Status"
        case .lastModified: "Last-Modified"
        case .eTag: "ETag"
        case .server: "Server"
        case .wwwAuthenticate: "WWW-Authenticate"
        case .location: "Location"
        case .refresh: "Refresh"
        case .setCookie: "Set-Cookie"
        case .contentDisposition: "Content-Disposition"
        case .cacheControl: "Cache-Control"
        case .expires: "Expires"
        case .acceptRanges: "Accept-Ranges"
        case .vary: "Vary"
        case .link: "Link"
        case .xAccelExpires: "X-Accel-Expires"
        case .xAccelRedirect: "X-Accel-Redirect"
        case .xAccelLimitRate: "X-Accel-Limit-Rate"
        case .xAccelBuffering: "X-Accel-Buffering"
        case .xAccelCharset: "X-Accel-Charset"
        case .contentEncoding: "Content-Encoding"
        case .xPad: "X-Pad"
        case .pragma: "Pragma"
        case .age: "Age"
        case .allow: "Allow"
        case .trailer: "Trailer"
        case .proxyAuthenticate: "Proxy-Authenticate"
        case .lockToken: "Lock-Token"
        case .contentLanguage: "Content-Language"
        }
    }

    /// The bit that stands for the name in a `FieldNameSet`.
    var bit: UInt64 { 1 << UInt64(rawValue) }

    /// The known name that these bytes spell, whatever their case.
    ///
    /// The length and one or two letters leave a single candidate, which is then compared.
    init(_ bytes: Span<UInt8>) {
        let candidate = FieldName.candidate(bytes)
        self =
            candidate != .other && bytes.equalsIgnoringCase(candidate.name) ? candidate : .other
    }

    private static func candidate(_ bytes: Span<UInt8>) -> FieldName {
        if bytes.count <= 8 { return shortCandidate(bytes) }
        return bytes.count <= 13 ? middleCandidate(bytes) : longCandidate(bytes)
    }

    private static func shortCandidate(_ bytes: Span<UInt8>) -> FieldName {
        switch bytes.count {
        case 2: return .te
        case 3:
            switch bytes[0] | 0x20 {
            case 0x61: return .age
            case 0x76: return .via
            default: return .other
            }
        case 4:
            switch bytes[0] | 0x20 {
            case 0x64: return .date
            case 0x65: return .eTag
            case 0x68: return .host
            case 0x6C: return .link
            case 0x76: return .vary
            default: return .other
            }
        case 5:
            switch bytes[0] | 0x20 {
            case 0x61: return .allow
            case 0x64: return .depth
            case 0x72: return .range
            case 0x78: return .xPad
            default: return .other
            }
        case 6:
            switch bytes[1] | 0x20 {
            case 0x63: return .accept
            case 0x65: return .server
            case 0x6F: return .cookie
            case 0x72: return .pragma
            case 0x74: return .status
            case 0x78: return .expect
            default: return .other
            }
        case 7:
            switch bytes[0] | 0x20 {
            case 0x65: return .expires
            case 0x72:
                return bytes[3] | 0x20 == 0x65 ? .referer : .refresh
            case 0x74: return .trailer
            case 0x75: return .upgrade
            default: return .other
            }
        case 8:
            switch bytes[3] | 0x20 {
            case 0x61: return .location
            case 0x6D: return .ifMatch
            case 0x72: return .ifRange
            default: return .other
            }
        default: return .other
        }
    }

    private static func middleCandidate(_ bytes: Span<UInt8>) -> FieldName {
        switch bytes.count {
        case 9:
            switch bytes[0] | 0x20 {
            case 0x6F: return .overwrite
            case 0x78: return .xRealIP
            default: return .other
            }
        case 10:
            switch bytes[0] | 0x20 {
            case 0x63: return .connection
            case 0x6B: return .keepAlive
            case 0x6C: return .lockToken
            case 0x73: return .setCookie
            case 0x75: return .userAgent
            default: return .other
            }
        case 11: return .destination
        case 12: return .contentType
        case 13:
            switch bytes[6] | 0x20 {
            case 0x2D: return .acceptRanges
            case 0x63: return .cacheControl
            case 0x65: return .ifNoneMatch
            case 0x69: return .authorization
            case 0x6F: return .lastModified
            case 0x74: return .contentRange
            default: return .other
            }
        default: return .other
        }
    }

    private static func longCandidate(_ bytes: Span<UInt8>) -> FieldName {
        switch bytes.count {
        case 14: return .contentLength
        case 15:
            switch bytes[8] | 0x20 {
            case 0x61: return .acceptLanguage
            case 0x63: return .xAccelCharset
            case 0x64: return .xForwardedFor
            case 0x65: return .xAccelExpires
            case 0x6E: return .acceptEncoding
            default: return .other
            }
        case 16:
            switch bytes[10] | 0x20 {
            case 0x63: return .contentEncoding
            case 0x64: return .xAccelRedirect
            case 0x65: return .proxyConnection
            case 0x6E: return .contentLanguage
            case 0x74: return .wwwAuthenticate
            default: return .other
            }
        case 17:
            switch bytes[0] | 0x20 {
            case 0x69: return .ifModifiedSince
            case 0x74: return .transferEncoding
            case 0x78: return .xAccelBuffering
            default: return .other
            }
        case 18:
            switch bytes[0] | 0x20 {
            case 0x70: return .proxyAuthenticate
            case 0x78: return .xAccelLimitRate
            default: return .other
            }
        case 19:
            switch bytes[0] | 0x20 {
            case 0x63: return .contentDisposition
            case 0x69: return .ifUnmodifiedSince
            case 0x70: return .proxyAuthorization
            default: return .other
            }
        default: return .other
        }
    }
}

/// A set of well-known header names.
struct FieldNameSet: Sendable, Equatable, ExpressibleByArrayLiteral {
    private var bits: UInt64 = 0

    init(arrayLiteral names: FieldName...) {
        for name in names { bits |= name.bit }
    }

    func contains(_ name: FieldName) -> Bool { bits & name.bit != 0 }
    func isDisjoint(with other: FieldNameSet) -> Bool { bits & other.bits == 0 }
    mutating func insert(_ name: FieldName) { bits |= name.bit }
    mutating func remove(_ name: FieldName) { bits &= ~name.bit }
    mutating func removeAll() { bits = 0 }
}
