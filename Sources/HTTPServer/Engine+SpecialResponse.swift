/// Answers that are not content: errors and redirects, by `error_page` or by the built-in pages.
extension Engine {
    func answerSpecially(_ request: Request, code: UInt16) {
        let settings = request.core
        // A body that nobody will read any more.
        if request.body.state == .untouched || request.body.state == .reading {
            request.body.state = .discarding
        }
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
        if !request.routing.errorPagesUsed, !request.flags.contains(.malformed),
            let page = settings.value.errorPages.first(where: { $0.status.rawValue == code })
        {
            if !settings.value.recursiveErrorPages { request.routing.errorPagesUsed = true }
            return use(page, request)
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
            request.routing.setTarget(uri.span)
            return redirect(request)
        }
        if !uri.isEmpty, uri[0] == ASCII.at {
            return redirect(request, toName: uri.span(1..<uri.count))
        }
        // Another site's page: a redirect there.
        response.location.removeAll()
        response.location.append(uri)
        switch response.errorStatus.rawValue {
        case 301, 302, 303, 307, 308: break
        default: response.errorStatus = 302
        }
        sendPage(request, code: response.errorStatus.rawValue)
    }

    /// Continues in the server's location `@name`.
    func redirect(_ request: Request, toName name: Span<UInt8>) {
        guard let location = request.server.root.children.named(name) else {
            request.log(.error) {
                $0.append("could not find named location \"@")
                $0.append(name)
                $0.append(ASCII.quote)
            }
            return sendPage(request, code: 500)
        }
        redirect(request, toNamed: location)
    }

    /// Sends the built-in page for a status.
    func sendPage(_ request: Request, code: UInt16) {
        let response = request.response
        let shown = code >= 494 && code <= 497 ? 400 : code
        response.status = Status(rawValue: shown)
        response.errorStatus = response.status
        response.statusLine.removeAll()
        response.headers.removeAll(.acceptRanges)
        response.headers.removeAll(.eTag)
        response.headers.removeAll(.lastModified)
        response.lastModified = -1
        response.allowsRanges = false
        guard code >= 300, code != 304 else {
            response.contentLength = code == 204 ? -1 : 0
            request.sendHead()
            return request.sendLast()
        }
        let page = loop.buffers.take()
        appendPage(request, code: code, to: page)
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
        guard code >= 400, request.core.value.msiePadding, request.isFromPaddedBrowser else { return }
        for _ in 0..<6 {
            page.append("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n")
        }
    }

    private func appendTitle(_ code: UInt16, to page: Buffer) {
        switch code {
        // The pages' words for these are not those of the status line.
        case 302: page.append("302 Found")
        case 401: page.append("401 Authorization Required")
        case 494: page.append("400 Request Header Or Cookie Too Large")
        case 495: page.append("400 The SSL certificate error")
        case 496: page.append("400 No required SSL certificate was sent")
        case 497: page.append("400 The plain HTTP request was sent to HTTPS port")
        default:
            page.append(statusLine: Status(rawValue: code))
        }
    }
}

extension Request {
    /// Internet Explorer and old Chrome show their own page in place of a short one.
    var isFromPaddedBrowser: Bool {
        guard let agent = header(.userAgent) else { return false }
        let bytes = head.bytes
        let value = bytes.span(agent)
        let chrome: StaticString = "Chrome/"
        let explorer: StaticString = "MSIE "
        return value.firstIndex(of: chrome.bytes) != nil || value.firstIndex(of: explorer.bytes) != nil
    }
}
