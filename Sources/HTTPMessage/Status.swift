public import Bytes

/// A response status code. Reason phrases are nginx's, which differ from the RFC's in places.
public struct Status: Hashable, Sendable, RawRepresentable, ExpressibleByIntegerLiteral {
    public var rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }
    public init(integerLiteral value: UInt16) { rawValue = value }
    public init(_ code: Int) { rawValue = UInt16(truncatingIfNeeded: code) }

    public var code: Int { Int(rawValue) }

    public static let `continue`: Status = 100
    public static let switchingProtocols: Status = 101
    public static let earlyHints: Status = 103
    public static let ok: Status = 200
    public static let created: Status = 201
    public static let accepted: Status = 202
    public static let noContent: Status = 204
    public static let partialContent: Status = 206
    public static let multiStatus: Status = 207
    public static let movedPermanently: Status = 301
    public static let found: Status = 302
    public static let seeOther: Status = 303
    public static let notModified: Status = 304
    public static let temporaryRedirect: Status = 307
    public static let permanentRedirect: Status = 308
    public static let badRequest: Status = 400
    public static let unauthorized: Status = 401
    public static let forbidden: Status = 403
    public static let notFound: Status = 404
    public static let notAllowed: Status = 405
    public static let requestTimeout: Status = 408
    public static let conflict: Status = 409
    public static let lengthRequired: Status = 411
    public static let preconditionFailed: Status = 412
    public static let contentTooLarge: Status = 413
    public static let uriTooLong: Status = 414
    public static let unsupportedMediaType: Status = 415
    public static let rangeNotSatisfiable: Status = 416
    public static let misdirectedRequest: Status = 421
    public static let tooManyRequests: Status = 429
    /// nginx's own: close the connection without an answer.
    public static let closeConnection: Status = 444
    /// nginx's own: the request's head is too large; sent as 400.
    public static let headTooLarge: Status = 494
    /// nginx's own: the client's certificate does not verify; sent as 400.
    public static let certificateError: Status = 495
    /// nginx's own: the client sent no certificate; sent as 400.
    public static let noCertificate: Status = 496
    /// nginx's own: plain HTTP on a TLS port; sent as 400.
    public static let httpToHTTPS: Status = 497
    /// nginx's own: the client went away; only logged.
    public static let clientClosedRequest: Status = 499
    public static let internalServerError: Status = 500
    public static let notImplemented: Status = 501
    public static let badGateway: Status = 502
    public static let serviceUnavailable: Status = 503
    public static let gatewayTimeout: Status = 504
    public static let versionNotSupported: Status = 505
    public static let insufficientStorage: Status = 507

    /// The status line's text after the version, such as `404 Not Found`, or empty where nginx has no reason phrase and
    /// writes the bare number.
    public var line: StaticString {
        rawValue < 400 ? successLine : (rawValue < 500 ? clientErrorLine : serverErrorLine)
    }

    private var successLine: StaticString {
        switch rawValue {
        case 100: "100 Continue"
        case 101: "101 Switching Protocols"
        case 103: "103 Early Hints"
        case 200: "200 OK"
        case 201: "201 Created"
        case 202: "202 Accepted"
        case 204: "204 No Content"
        case 206: "206 Partial Content"
        case 301: "301 Moved Permanently"
        case 302: "302 Moved Temporarily"
        case 303: "303 See Other"
        case 304: "304 Not Modified"
        case 307: "307 Temporary Redirect"
        case 308: "308 Permanent Redirect"
        default: ""
        }
    }

    private var clientErrorLine: StaticString {
        switch rawValue {
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 402: "402 Payment Required"
        case 403: "403 Forbidden"
        case 404: "404 Not Found"
        case 405: "405 Not Allowed"
        case 406: "406 Not Acceptable"
        case 407: "407 Proxy Authentication Required"
        case 408: "408 Request Time-out"
        case 409: "409 Conflict"
        case 410: "410 Gone"
        case 411: "411 Length Required"
        case 412: "412 Precondition Failed"
        case 413: "413 Request Entity Too Large"
        case 414: "414 Request-URI Too Large"
        case 415: "415 Unsupported Media Type"
        case 416: "416 Requested Range Not Satisfiable"
        case 421: "421 Misdirected Request"
        case 429: "429 Too Many Requests"
        default: ""
        }
    }

    private var serverErrorLine: StaticString {
        switch rawValue {
        case 500: "500 Internal Server Error"
        case 501: "501 Not Implemented"
        case 502: "502 Bad Gateway"
        case 503: "503 Service Temporarily Unavailable"
        case 504: "504 Gateway Time-out"
        case 505: "505 HTTP Version Not Supported"
        case 507: "507 Insufficient Storage"
        default: ""
        }
    }
}

extension Buffer {
    /// Appends `404 Not Found`, or the number and a space where there is no reason phrase: RFC 9112 4 wants the space
    /// even before an empty phrase, and nginx writes it too.
    public func append(statusLine status: Status) {
        let line = status.line
        if line.utf8CodeUnitCount > 0 { return append(line) }
        append(decimal: status.code, width: 3)
        append(ASCII.space)
    }
}
