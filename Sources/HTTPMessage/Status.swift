/// A response status code. Reason phrases are nginx's, which differ from the RFC's in places.
struct Status: Hashable, Sendable, RawRepresentable, ExpressibleByIntegerLiteral {
    var rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(integerLiteral value: UInt16) { rawValue = value }
    init(_ code: Int) { rawValue = UInt16(truncatingIfNeeded: code) }

    var code: Int { Int(rawValue) }

    static let `continue`: Status = 100
    static let switchingProtocols: Status = 101
    static let earlyHints: Status = 103
    static let ok: Status = 200
    static let created: Status = 201
    static let accepted: Status = 202
    static let noContent: Status = 204
    static let partialContent: Status = 206
    static let multiStatus: Status = 207
    static let movedPermanently: Status = 301
    static let found: Status = 302
    static let seeOther: Status = 303
    static let notModified: Status = 304
    static let temporaryRedirect: Status = 307
    static let permanentRedirect: Status = 308
    static let badRequest: Status = 400
    static let unauthorized: Status = 401
    static let forbidden: Status = 403
    static let notFound: Status = 404
    static let notAllowed: Status = 405
    static let proxyAuthenticationRequired: Status = 407
    static let requestTimeout: Status = 408
    static let conflict: Status = 409
    static let lengthRequired: Status = 411
    static let preconditionFailed: Status = 412
    static let contentTooLarge: Status = 413
    static let uriTooLong: Status = 414
    static let unsupportedMediaType: Status = 415
    static let rangeNotSatisfiable: Status = 416
    static let misdirectedRequest: Status = 421
    static let tooManyRequests: Status = 429
    /// nginx's own: close the connection without an answer.
    static let closeConnection: Status = 444
    /// nginx's own: the request's head is too large; sent as 400.
    static let headTooLarge: Status = 494
    /// nginx's own: the client's certificate does not verify; sent as 400.
    static let certificateError: Status = 495
    /// nginx's own: the client sent no certificate; sent as 400.
    static let noCertificate: Status = 496
    /// nginx's own: plain HTTP on a TLS port; sent as 400.
    static let httpToHTTPS: Status = 497
    /// nginx's own: the client went away; only logged.
    static let clientClosedRequest: Status = 499
    static let internalServerError: Status = 500
    static let notImplemented: Status = 501
    static let badGateway: Status = 502
    static let serviceUnavailable: Status = 503
    static let gatewayTimeout: Status = 504
    static let versionNotSupported: Status = 505
    static let insufficientStorage: Status = 507

    /// The status line's text after the version, such as `404 Not Found`, or empty where nginx has no reason phrase and
    /// writes the bare number.
    var line: StaticString {
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
    func append(statusLine status: Status) {
        let line = status.line
        if line.utf8CodeUnitCount > 0 { return append(line) }
        append(decimal: status.code, width: 3)
        append(ASCII.space)
    }
}
