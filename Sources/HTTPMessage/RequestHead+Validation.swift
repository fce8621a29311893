extension RequestHead {
    /// Takes over the host of an absolute-form or authority-form target, which wins over the `Host` field.
    func readAuthority(_ range: ByteRange) -> ParseError? {
        authority = range
        hasAuthority = true
        return setHost(range) ? nil : .invalidHostInRequestLine
    }

    /// Sets `host` and `port`, unless the request line has done so. False: the host is malformed.
    private func setHost(_ range: ByteRange) -> Bool {
        let bytes = self.bytes
        let text = bytes.span(range)
        let lastHost = self.lastHost
        if host.isEmpty, !lastHost.isEmpty, text.equals(lastHost.span) {
            host.append(lastHostName)
            port = lastPort
            return true
        }
        guard let syntax = HostSyntax(text) else { return false }
        if host.isEmpty {
            host.append(lowercased: text.extracting(0..<syntax.length))
            port = syntax.port
            keepHost(text)
        }
        return true
    }

    /// Adds a received field and does at once what its name asks for: nginx answers a bad field before it has seen the rest.
    func accept(_ field: Field) -> ParseError? {
        switch field.name {
        case .other:
            fields.append(field)
        case .host:
            let previous = fields.firstIndex(of: .host)
            fields.append(field)
            if let previous { return .duplicateHost(fields.count - 1, previous: previous) }
            if !setHost(field.valueRange) { return .invalidHost }
        case .connection:
            fields.append(field)
            readConnection(field.valueRange)
        case .proxyConnection:
            fields.append(field)
            if version >= .http2 { return .proxyConnection }
        case .ifModifiedSince, .ifUnmodifiedSince, .ifMatch, .ifNoneMatch, .contentLength,
            .contentRange, .ifRange, .transferEncoding, .expect, .authorization,
            .proxyAuthorization:
            // These may come once only.
            let previous = fields.firstIndex(of: field.name)
            fields.append(field)
            if let previous { return .duplicateField(fields.count - 1, previous: previous) }
        default:
            fields.append(field)
        }
        return nil
    }

    /// nginx looks for the words anywhere in the value, even within other words.
    private func readConnection(_ range: ByteRange) {
        let bytes = self.bytes
        let value = bytes.span(range)
        if value.containsIgnoringCase("close") {
            connection = .close
        } else if value.containsIgnoringCase("keep-alive") {
            connection = .keepAlive
        }
    }

    /// Checks the fields against each other when all are there, and fills in what follows from them.
    ///
    /// Whatever could make two servers disagree on where a body ends is refused (RFC 9112 6.3): both a length and chunks,
    /// chunks in HTTP/1.0, any transfer coding but `chunked`.
    func validate(allowsConnect: Bool) -> ParseError? {
        if version > .http10, !fields.contains(.host), version < .http2 { return .missingHost }
        let bytes = self.bytes
        if let range = fields.firstValue(of: .contentLength) {
            guard let value = bytes.span(range).decimalValue else { return .invalidContentLength }
            contentLength = value
        }
        if let range = fields.firstValue(of: .transferEncoding) {
            if version < .http11 { return .transferEncodingInHTTP10 }
            if !bytes.span(range).equalsIgnoringCase("chunked") {
                return .unknownTransferEncoding(range)
            }
            if fields.contains(.contentLength) { return .contentLengthAndTransferEncoding }
            isChunked = true
        }
        if let range = fields.firstValue(of: .expect), version >= .http11 {
            expectsContinue = bytes.span(range).equalsIgnoringCase("100-continue")
        }
        if method == .connect {
            if version != .http11 || !allowsConnect { return .connectNotAllowed }
            if contentLength > 0 || isChunked { return .connectWithBody }
        }
        return method == .trace ? .traceNotAllowed : nil
    }

    /// Whether the connection may serve another request as far as the client is concerned.
    var keepsAlive: Bool {
        switch connection {
        case .close: false
        case .keepAlive: true
        case .unspecified: version > .http10
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether a text in lower case occurs anywhere, whatever the case of the bytes.
    func containsIgnoringCase(_ needle: StaticString) -> Bool {
        let needle = needle.bytes
        var start = 0
        while start &+ needle.count <= count {
            var length = 0
            while length < needle.count, self[start &+ length].asciiLowercased == needle[length] {
                length &+= 1
            }
            if length == needle.count { return true }
            start &+= 1
        }
        return false
    }
}
