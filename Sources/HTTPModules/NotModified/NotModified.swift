/// What a header filter says.
enum FilterVerdict {
    /// The head goes on to the next filter.
    case pass
    /// Another answer was made in its place, and is under way.
    case replaced
}

/// ngx_http_not_modified_filter_module: conditional requests. A condition that fails makes a 412 or a 304 of the answer.
///
/// The order is nginx's: `If-Unmodified-Since`, `If-Match`, then `If-Modified-Since` and `If-None-Match`, of which both have to
/// say "not modified" when both are there. (RFC 9110 13.2.2 lets `If-None-Match` alone decide.)
enum NotModified {
    static func filterHead(_ request: Request) -> FilterVerdict {
        guard request.response.status == .ok, !request.response.disablesNotModified,
            request.fields.containsAny(of: conditions)
        else { return .pass }
        return check(request, request.response, request.fields)
    }

    private static let conditions: FieldNameSet = [.ifUnmodifiedSince, .ifMatch, .ifModifiedSince, .ifNoneMatch]

    private static func check(_ request: Request, _ response: Response, _ fields: FieldTable) -> FilterVerdict {
        if fields.contains(.ifUnmodifiedSince), !isUnmodified(request) { return refuse(request) }
        if let value = request.header(.ifMatch), !matches(value, request, isWeak: false) {
            return refuse(request)
        }
        let since = fields.contains(.ifModifiedSince)
        let noneMatch = request.header(.ifNoneMatch)
        guard since || noneMatch != nil else { return .pass }
        if since, isModified(request) { return .pass }
        if let noneMatch, !matches(noneMatch, request, isWeak: true) { return .pass }
        response.status = .notModified
        response.statusLine.removeAll()
        response.removeContentType()
        response.contentLength = -1
        response.allowsRanges = false
        response.headers.removeAll(.acceptRanges)
        response.headers.removeAll(.contentEncoding)
        return .pass
    }

    private static func refuse(_ request: Request) -> FilterVerdict {
        request.response.clearHead()
        request.pipeline = nil
        request.finish(.preconditionFailed)
        return .replaced
    }

    private static func isUnmodified(_ request: Request) -> Bool {
        let modified = request.response.lastModified
        guard modified != -1 else { return false }
        return date(.ifUnmodifiedSince, request) >= modified
    }

    private static func isModified(_ request: Request) -> Bool {
        let modified = request.response.lastModified
        let rule = request.core.value.ifModifiedSince
        guard modified != -1, rule != .off else { return true }
        let since = date(.ifModifiedSince, request)
        if since == modified { return false }
        return rule == .exact || since < modified
    }

    /// The date in a field, or -1 if it is none.
    private static func date(_ name: FieldName, _ request: Request) -> Int {
        guard let value = request.header(name) else { return -1 }
        let bytes = request.head.bytes
        return bytes.span(value).httpDate ?? -1
    }

    private static func matches(_ list: ByteRange, _ request: Request, isWeak: Bool) -> Bool {
        let headers = request.response.headers
        let own = headers.bytes
        let received = request.head.bytes
        guard let index = headers.firstIndex(of: .eTag) else {
            return received.span(list).matchesEntityTag(nil, isWeak: isWeak)
        }
        return received.span(list).matchesEntityTag(
            own.span(headers[index].valueRange), isWeak: isWeak)
    }
}
