/// Answers that are not content: errors and redirects, by `error_page` or by the built-in pages.
extension Engine {
    func answerSpecially(_ request: Request, code: UInt16) {
        let settings = request.core
        switch code {
        case 400, 413, 414, 494, 495, 496, 497, 500, 501:
            request.flags.remove(.keepAlive)
        default: break
        }
        if request.flags.contains(.lingers), [400, 495, 496, 497].contains(code) {
            request.flags.remove(.lingers)
        }
        request.response.errorStatus = Status(rawValue: code)
        request.response.removeContentType()
        if !request.routing.errorPagesUsed, !settings.value.errorPages.isEmpty {
            if !settings.value.recursiveErrorPages { request.routing.errorPagesUsed = true }
            let index = settings.value.errorPages.firstIndex { $0.status.rawValue == code }
            if let index { return use(settings.value.errorPages[index], request) }
        }
        sendPage(request, code: code)
    }

    private func use(_ page: ErrorPage, _ request: Request) {
        let response = request.response
        // 0 (`=` alone): the status is that of what the page's URI answers.
        if let replacement = page.replacement { response.errorStatus = replacement }
        let uri = loop.buffers.take()
        defer { loop.buffers.give(uri) }
        page.uri.append(to: uri, scope: request)
        if !uri.isEmpty, uri[0] == ASCII.slash {
            // A page is got, whatever the request did; HEAD stays HEAD.
            if request.head.method != .head { request.head.setMethod(.get) }
            // As nginx has it: one with variables always has a query.
            request.routing.setTarget(uri.span, hasQuery: page.uri.constant == nil)
            return redirect(request)
        }
        if !uri.isEmpty, uri[0] == ASCII.at {
            return route(request, toName: uri.span(1..<uri.count))
        }
        // Another site's page: a redirect there.
        response.location.removeAll()
        response.location.append(uri)
        if page.replacement?.isRedirect != true { response.errorStatus = 302 }
        if refreshes(request) { return sendRefresh(request) }
        sendPage(request, code: response.errorStatus.rawValue)
    }

    /// Sends the built-in page for a status.
    func sendPage(_ request: Request, code: UInt16) {
        if code == 301 || code == 302, refreshes(request) { return sendRefresh(request) }
        let response = request.response
        let shown = code >= 494 && code <= 497 ? 400 : code
        beginPage(request, Status(rawValue: shown))
        guard Self.hasPage(code) else {
            response.contentLength = 0
            request.sendHead()
            return request.sendLast()
        }
        let page = loop.buffers.take()
        appendPage(request, code: code, to: page)
        send(page, request)
    }

    private func beginPage(_ request: Request, _ status: Status) {
        // A body that nobody will read any more.
        if request.isMain, request.body.state == .untouched || request.body.state == .reading {
            request.body.state = .discarding
        }
        let response = request.response
        response.status = status
        response.errorStatus = status
        response.statusLine.removeAll()
        response.headers.removeAll(.acceptRanges)
        response.headers.removeAll(.eTag)
        response.headers.removeAll(.lastModified)
        response.lastModified = -1
        response.allowsRanges = false
    }

    private func send(_ page: Buffer, _ request: Request) {
        let response = request.response
        response.setContentType("text/html" as StaticString)
        response.contentLength = page.count
        request.sendHead()
        if response.isHeadOnly {
            loop.buffers.give(page)
            request.sendLast()
        } else {
            request.send(.pooled(page, 0..<page.count), last: true)
        }
    }

    /// Statuses that nginx has no page for are answered without a body.
    private static func hasPage(_ code: UInt16) -> Bool {
        switch code {
        case 304: false
        case 300..<494, 500...: Status(rawValue: code).line.utf8CodeUnitCount > 0
        case 494...498: true
        default: false
        }
    }

    // MARK: - msie_refresh

    /// Internet Explorer is redirected by a page, since it loses the fragment of a `Location`.
    private func refreshes(_ request: Request) -> Bool {
        request.core.value.msieRefresh && request.isFrom(.explorer)
    }

    private func sendRefresh(_ request: Request) {
        let response = request.response
        beginPage(request, .ok)
        let page = loop.buffers.take()
        page.append("<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=")
        let location = response.location
        page.append(escaped: location.span, for: .refresh)
        page.append("\"></head><body></body></html>\r\n")
        response.location.removeAll()
        send(page, request)
    }

    // MARK: - The page

    private func appendPage(_ request: Request, code: UInt16, to page: Buffer) {
        page.append("<html>\r\n<head><title>")
        appendTitle(code, to: page)
        page.append("</title></head>\r\n<body>\r\n<center><h1>")
        switch code {
        case 494...497: page.append("400 Bad Request")
        default: appendTitle(code, to: page)
        }
        page.append("</h1></center>\r\n")
        switch code {
        case 494: page.append("<center>Request Header Or Cookie Too Large</center>\r\n")
        case 495: page.append("<center>The SSL certificate error</center>\r\n")
        case 496: page.append("<center>No required SSL certificate was sent</center>\r\n")
        case 497: page.append("<center>The plain HTTP request was sent to HTTPS port</center>\r\n")
        default: break
        }
        page.append("<hr><center>")
        request.appendProduct(to: page)
        page.append("</center>\r\n</body>\r\n</html>\r\n")
        guard code >= 400, request.core.value.msiePadding, request.head.version >= .http10,
            request.isFrom(.explorer) || request.isFrom(.chrome)
        else { return }
        for _ in 0..<6 {
            page.append("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n")
        }
    }

    private func appendTitle(_ code: UInt16, to page: Buffer) {
        switch code {
        // The pages' words for these are not those of the status line.
        case 302: page.append("302 Found")
        case 401: page.append("401 Authorization Required")
        case 498: page.append(statusLine: .notFound)
        case 494: page.append("400 Request Header Or Cookie Too Large")
        case 495: page.append("400 The SSL certificate error")
        case 496: page.append("400 No required SSL certificate was sent")
        case 497: page.append("400 The plain HTTP request was sent to HTTPS port")
        default:
            page.append(statusLine: Status(rawValue: code))
        }
    }
}
