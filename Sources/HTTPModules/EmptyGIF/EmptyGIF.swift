/// ngx_http_empty_gif_module: answers with a transparent picture of one pixel.
enum EmptyGIF {
    static var rows: [Row] {
        [
            .custom(
                "empty_gif", in: .location, .none,
                "Answers with a transparent GIF picture of one pixel."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.location?.contentHandler = .emptyGIF
            }
        ]
    }

    /// Monday, 28 September 1970, 06:00:00 GMT: nginx's date of the picture.
    private static let modified = 23_349_600

    private static let picture: [UInt8] = [
        // The signature, the size, and a table of two colours: black and white.
        0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 1, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF,
        // The second colour is transparent.
        0x21, 0xF9, 4, 1, 0, 0, 1, 0,
        // One pixel of it, and the end.
        0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x4C, 1, 0, 0x3B,
    ]

    static func handle(_ request: Request) -> Verdict {
        guard request.method == .get || request.method == .head else {
            return .answer(.notAllowed)
        }
        let response = request.response
        response.status = .ok
        response.setContentType("image/gif" as StaticString)
        response.contentLength = picture.count
        response.lastModified = modified
        request.sendHead()
        let body = request.engine.loop.buffers.take()
        body.append(picture.span)
        request.send(.pooled(body, 0..<body.count), last: true)
        return .done
    }
}
