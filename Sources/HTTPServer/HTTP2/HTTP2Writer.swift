/// Collects the fields of an HTTP/2 response, in nginx's order.
enum HTTP2Writer {
    static func fill(_ block: HTTP2FieldBlock, _ request: Request, engine: Engine) {
        let response = request.response
        let bytes = block.bytes
        block.removeAll()
        appendStatus(response.status, to: block)
        var start = bytes.count
        request.appendServer(to: bytes)
        block.end("server", from: start)
        if response.date.isEmpty {
            block.append("date", engine.commonLines.date(at: engine.loop.wallSeconds))
        } else {
            block.append("date", response.date)
        }
        if !response.contentType.isEmpty {
            start = bytes.count
            response.appendContentType(to: bytes)
            block.end("content-type", from: start)
        }
        if response.contentLength >= 0 {
            start = bytes.count
            bytes.append(decimal: response.contentLength)
            block.end("content-length", from: start)
        }
        if response.lastModified >= 0, !response.headers.contains(.lastModified) {
            start = bytes.count
            bytes.append(httpDate: response.lastModified)
            block.end("last-modified", from: start)
        }
        if !response.location.isEmpty {
            start = bytes.count
            if request.completesLocation {
                request.appendCompleteLocation(to: bytes)
            } else {
                bytes.append(response.location)
            }
            block.end("location", from: start)
        }
        if response.variesByEncoding { block.append("vary", "Accept-Encoding" as StaticString) }
        block.append(response.headers)
    }

    static func fillInterim(_ block: HTTP2FieldBlock, _ request: Request) {
        block.removeAll()
        appendStatus(request.response.status, to: block)
        block.append(request.response.headers)
    }

    private static func appendStatus(_ status: Status, to block: HTTP2FieldBlock) {
        let start = block.bytes.count
        block.bytes.append(decimal: Int(status.rawValue), width: 3)
        block.end(":status", from: start)
    }
}
