/// Writes the head of an HTTP/1 response, its fields in nginx's order.
enum HTTP1Writer {
    static func appendHead(of request: Request, engine: Engine, to output: Buffer) {
        // It would be closed although the client was told that it is kept.
        if engine.isShuttingDown { request.flags.remove(.keepAlive) }
        settleFraming(of: request)
        let response = request.response
        guard let form = HeadForm.of(request, engine) else { return writeHead(of: request, engine, to: output) }
        if engine.recentHeads.append(form, response, to: output) { return }
        let start = output.count
        writeHead(of: request, engine, to: output)
        engine.recentHeads.note(form, response, output, from: start)
    }

    @inline(never)
    private static func writeHead(of request: Request, _ engine: Engine, to output: Buffer) {
        let response = request.response
        if response.statusLine.isEmpty, response.status == .ok {
            output.append("HTTP/1.1 200 OK\r\n")
        } else {
            output.append("HTTP/1.1 ")
            if response.statusLine.isEmpty {
                output.append(statusLine: response.status)
            } else {
                output.append(response.statusLine)
            }
            output.append("\r\n")
        }
        appendServerAndDate(request, response, engine, to: output)
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
        let completesLocation = request.completesLocation
        if completesLocation {
            output.append("Location: ")
            request.appendCompleteLocation(to: output)
            output.append("\r\n")
        }
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

    private static func appendServerAndDate(
        _ request: Request, _ response: Response, _ engine: Engine, to output: Buffer
    ) {
        if response.server.isEmpty, response.date.isEmpty,
            engine.commonLines.appendServerAndDate(of: request, at: engine.loop.wallSeconds, to: output)
        {
            return
        }
        let mark = output.count
        output.append("Server: ")
        let start = output.count
        request.appendServer(to: output)
        // An empty name is none.
        if output.count > start { output.append("\r\n") } else { output.truncate(to: mark) }
        if response.date.isEmpty {
            engine.commonLines.appendDate(at: engine.loop.wallSeconds, to: output)
        } else {
            output.append("Date: ")
            output.append(response.date)
            output.append("\r\n")
        }
    }

    static func appendInterimHead(of request: Request, to output: Buffer) {
        output.append("HTTP/1.1 ")
        output.append(statusLine: request.response.status)
        output.append("\r\n")
        request.response.headers.write(to: output)
        output.append("\r\n")
    }

    /// How the body's end will be told: by its length, by chunks, or by the connection's end.
    private static func settleFraming(of request: Request) {
        request.settleStatus()
        let response = request.response
        if response.isHeadOnly || response.isTunnel { return }
        guard response.contentLength < 0 || response.hasTrailers else { return }
        if request.head.version >= .http11, request.core.value.chunkedTransferEncoding {
            response.contentLength = -1
            response.isChunked = true
        } else if response.contentLength < 0 {
            request.flags.remove(.keepAlive)
        }
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
}
