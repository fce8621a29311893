/// The URI of a request to an upstream.
enum ProxyURI {
    /// Appends the URI that replaces the client's: `uri` is the URI part of `proxy_pass`, empty if it has none.
    ///
    /// - Parameter escapes: whether a path that was changed is always encoded.
    static func append(
        of request: Request, target: ProxyTarget, uri: ByteString, escapes: Bool = false, to output: Buffer
    ) {
        // A URI made of variables says all.
        if target.template != nil, !uri.isEmpty { return output.append(uri) }
        if uri.isEmpty, request.routing.isPathPristine, !request.head.isPathEmpty {
            return output.append(request.headBytes, request.head.target)
        }
        append(request.path, request.routing, request.head, target, uri, escapes: escapes, to: output)
    }

    @inline(never)
    private static func append(
        _ path: Buffer, _ routing: Routing, _ head: RequestHead, _ target: ProxyTarget, _ uri: ByteString, escapes: Bool,
        to output: Buffer
    ) {
        var skipped = 0
        if routing.isLocationMatched {
            // The part that the location stands for is replaced.
            if !uri.isEmpty { skipped = min(target.location.count, path.count) }
            output.append(uri)
        }
        let rest = path.span(skipped..<path.count)
        if escapes || head.isQuoted || routing.isInternal {
            escape(rest, to: output)
        } else {
            output.append(rest)
        }
        if !routing.arguments.isEmpty {
            output.append(ASCII.question)
            output.append(routing.arguments)
        }
    }

    /// Appends a path with everything encoded that a URI cannot have as it is, the way nginx does it.
    static func escape(_ path: Span<UInt8>, to output: Buffer) {
        for index in path.indices {
            let byte = path[index]
            if mustEscape(byte) {
                output.append(ASCII.percent)
                output.append(UInt8.hexDigit(byte >> 4, uppercase: true))
                output.append(UInt8.hexDigit(byte & 15, uppercase: true))
            } else {
                output.append(byte)
            }
        }
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        if byte <= 0x20 || byte >= 0x7F { return true }
        switch byte {
        case ASCII.quote, ASCII.hash, ASCII.percent, ASCII.less, ASCII.greater, ASCII.question,
            ASCII.backslash, ASCII.caret, 0x60, ASCII.openBrace, 0x7C, ASCII.closeBrace:
            return true
        default: return false
        }
    }
}
