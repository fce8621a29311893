/// Writes the head of an HTTP/1 response, its fields in nginx's order.
enum HTTP1Writer {
    static func appendHead(of request: Request, engine: Engine, to output: Buffer) {
        let response = request.response
        settleFraming(of: request)
        output.append("HTTP/1.1 ")
        if response.statusLine.isEmpty {
            output.append(statusLine: response.status)
        } else {
            output.append(response.statusLine)
        }
        output.append("\r\n")
        appendServer(request, to: output)
        if response.date.isEmpty {
            engine.commonLines.appendDate(at: engine.loop.wallSeconds, to: output)
        } else {
            output.append("Date: ")
            output.append(response.date)
            output.append("\r\n")
        }
        if !response.contentType.isEmpty {
            output.append("Content-Type: ")
            response.appendContentType(to: output)
            output.append("\r\n")
        }
        if response.contentLength >= 0 {
            output.append("Content-Length: ")
            output.append(decimal: response.contentLength)
            output.append("\r\n")
        }
        if response.lastModified >= 0, !response.headers.contains(.lastModified) {
            engine.commonLines.appendLastModified(response.lastModified, to: output)
        }
        // A `Location` that is completed is one of nginx's own lines; any other is a header like those of modules.
        let completesLocation = completesLocation(of: request)
        if completesLocation { appendOwnLocation(of: request, to: output) }
        if response.isChunked { output.append("Transfer-Encoding: chunked\r\n") }
        appendConnection(request, to: output)
        if response.variesByEncoding { output.append("Vary: Accept-Encoding\r\n") }
        if !response.location.isEmpty, !completesLocation {
            output.append("Location: ")
            output.append(response.location)
            output.append("\r\n")
        }
        response.headers.write(to: output)
        output.append("\r\n")
    }

    /// How the body's end will be told: by its length, by chunks, or by the connection's end.
    private static func settleFraming(of request: Request) {
        let response = request.response
        let status = response.status.code
        if status != 200, status != 206, status != 304 { response.lastModified = -1 }
        if status == 204 || status < 200 {
            response.isHeadOnly = true
            response.contentLength = -1
            response.removeContentType()
            return
        }
        // What a 304 says of the body that it does not have is true of the one that the client has; likewise with HEAD.
        if status == 304 { response.isHeadOnly = true }
        if response.isHeadOnly || response.isTunnel { return }
        guard response.contentLength < 0 || response.hasTrailers else { return }
        if request.head.version >= .http11, request.core.value.chunkedTransferEncoding {
            response.contentLength = -1
            response.isChunked = true
        } else if response.contentLength < 0 {
            request.flags.remove(.keepAlive)
        }
    }

    private static func appendServer(_ request: Request, to output: Buffer) {
        output.append("Server: ")
        if !request.response.server.isEmpty {
            output.append(request.response.server)
        } else {
            request.appendProduct(to: output)
        }
        output.append("\r\n")
    }

    private static func appendConnection(_ request: Request, to output: Buffer) {
        if request.response.status == .switchingProtocols {
            output.append("Connection: upgrade\r\n")
        } else if request.flags.contains(.keepAlive) {
            output.append("Connection: keep-alive\r\n")
            // Only browsers that do not know HTTP/1.1 need it; it is sent when it was asked for.
            let seconds = request.core.value.keepaliveHeader
            if seconds > 0 {
                output.append("Keep-Alive: timeout=")
                output.append(decimal: seconds)
                output.append("\r\n")
            }
        } else {
            output.append("Connection: close\r\n")
        }
    }

    /// A path becomes an absolute URI of this server, unless `absolute_redirect` is off.
    private static func completesLocation(of request: Request) -> Bool {
        let location = request.response.location
        return !location.isEmpty && location[0] == ASCII.slash
            && request.core.value.absoluteRedirect
    }

    private static func appendOwnLocation(of request: Request, to output: Buffer) {
        let settings = request.core
        output.append("Location: ")
        let isSecure = request.connection.isSecure
        output.append(isSecure ? "https://" : "http://")
        let host = request.head.host
        let local = request.connection.localAddress
        if settings.value.serverNameInRedirect, !request.server.name.isEmpty {
            output.append(request.server.name)
        } else if !host.isEmpty {
            output.append(host)
        } else {
            local.appendText(to: output, withPort: false)
        }
        if settings.value.portInRedirect {
            let port = local.port
            if port != 0, port != (isSecure ? 443 : 80) {
                output.append(ASCII.colon)
                output.append(decimal: Int(port))
            }
        }
        output.append(request.response.location)
        output.append("\r\n")
    }
}
