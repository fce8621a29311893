/// Encodes the fields of an HTTP/2 response, in nginx's order.
enum HTTP2Writer {
    static func write(_ request: Request, engine: Engine, _ session: HTTP2ServerSession, to output: Buffer) {
        write(request, request.response, engine, session.encoder, session.scratch, to: output)
    }

    /// All that is worked with are parameters, which are not counted.
    @inline(never)
    private static func write(
        _ request: Request, _ response: Response, _ engine: Engine, _ encoder: HPACKEncoder, _ scratch: Buffer, to output: Buffer
    ) {
        encoder.append(response.status, output)
        scratch.removeAll()
        if !response.server.isEmpty || !engine.commonLines.appendServer(of: request, at: engine.loop.wallSeconds, to: scratch) {
            request.appendServer(to: scratch)
        }
        // An empty name is none.
        if !scratch.isEmpty { encoder.append(.server, scratch.span, output) }
        if response.date.isEmpty {
            scratch.removeAll()
            engine.commonLines.appendDateValue(at: engine.loop.wallSeconds, to: scratch)
            encoder.append(.date, scratch.span, output)
        } else {
            let date = response.date
            encoder.append(.date, date.span, output)
        }
        if !response.contentType.isEmpty {
            scratch.removeAll()
            response.appendContentType(to: scratch)
            encoder.append(.contentType, scratch.span, output)
        }
        if response.contentLength >= 0 { encoder.append(contentLength: response.contentLength, output) }
        if response.lastModified >= 0, !response.headers.contains(.lastModified) {
            encoder.append(lastModified: response.lastModified, scratch, output)
        }
        if !response.location.isEmpty {
            scratch.removeAll()
            if request.completesLocation {
                request.appendCompleteLocation(to: scratch)
            } else {
                scratch.append(response.location)
            }
            encoder.append(.location, scratch.span, output)
        }
        if response.variesByEncoding {
            let value: StaticString = "Accept-Encoding"
            encoder.append(.vary, value.bytes, output)
        }
        encoder.append(response.headers, output)
    }

    /// About how many bytes the fields take.
    static func size(of request: Request) -> Int {
        let response = request.response
        return 512 + response.headers.bytes.count + response.location.count
    }
}
