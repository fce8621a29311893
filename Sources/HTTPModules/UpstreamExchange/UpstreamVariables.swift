/// The `$upstream_` variables: one value for each try, joined as nginx joins them.
enum UpstreamVariables {
    static func declare(in registry: VariableRegistry) throws(ConfigurationError) {
        try declareTry("upstream_addr", in: registry) { attempt, out in out.append(attempt.address)
        }
        try declareTry("upstream_status", in: registry) { attempt, out in
            if attempt.status == 0 {
                out.append(ASCII.minus)
            } else {
                out.append(decimal: Int(attempt.status))
            }
        }
        try declareTry("upstream_connect_time", in: registry) {
            append(time: $0.connectTime, to: $1)
        }
        try declareTry("upstream_header_time", in: registry) { append(time: $0.headerTime, to: $1) }
        try declareTry("upstream_response_time", in: registry) {
            append(time: $0.responseTime, to: $1)
        }
        try declareTry("upstream_response_length", in: registry) { attempt, out in
            out.append(decimal: attempt.responseLength)
        }
        try declareTry("upstream_bytes_received", in: registry) { attempt, out in
            out.append(decimal: attempt.bytesReceived)
        }
        try declareTry("upstream_bytes_sent", in: registry) { attempt, out in
            out.append(decimal: attempt.bytesSent)
        }
        try registry.declarePrefix("upstream_http_", .noCacheable) { scope, name, out in
            guard let exchange = exchange(of: scope) else { return false }
            return append(exchange.head.fields, exchange.head.bytes, named: name, to: out)
        }
        try registry.declarePrefix("upstream_trailer_", .noCacheable) { scope, name, out in
            guard let exchange = exchange(of: scope) else { return false }
            return append(exchange.trailers.fields, exchange.trailers.bytes, named: name, to: out)
        }
        try registry.declarePrefix("upstream_cookie_", .noCacheable) { scope, name, out in
            guard let exchange = exchange(of: scope) else { return false }
            return appendCookie(exchange.head, name, to: out)
        }
    }

    private static func exchange(of scope: VariableScope) -> UpstreamExchange? {
        guard let request = scope as? Request,
            let exchange = request.exchange.object as? UpstreamExchange, exchange.stage != .idle
        else { return nil }
        return exchange
    }

    // MARK: - Lists of tries

    private static func declareTry(
        _ name: ByteString, in registry: VariableRegistry,
        _ append: @escaping @Sendable (UpstreamAttempt, Buffer) -> Void
    ) throws(ConfigurationError) {
        try registry.declare(name, .noCacheable) { scope, out in
            guard let request = scope as? Request, !request.attempts.isEmpty else { return false }
            join(request.attempts, to: out, append)
            return true
        }
    }

    /// Tries are separated by commas, those of one location from those of the next by a colon: there stands an attempt without an
    /// address.
    static func join(
        _ attempts: List<UpstreamAttempt>, to out: Buffer,
        _ append: (UpstreamAttempt, Buffer) -> Void
    ) {
        var isFirst = true
        for index in attempts.indices {
            let attempt = attempts[index]
            if attempt.address.isEmpty {
                out.append(" : ")
                isFirst = true
                continue
            }
            if !isFirst { out.append(", ") }
            isFirst = false
            append(attempt, out)
        }
    }

    /// Seconds with milliseconds, or a dash.
    private static func append(time: Int, to out: Buffer) {
        if time < 0 { return out.append(ASCII.minus) }
        out.append(decimal: time / 1_000)
        out.append(ASCII.dot)
        out.append(decimal: time % 1_000, width: 3)
    }

    // MARK: - Fields

    /// Appends the values of all fields of a name, in which `_` stands for `-`, joined by commas.
    static func append(
        _ fields: FieldTable, _ bytes: Buffer, named name: ByteString, to out: Buffer
    ) -> Bool {
        var isFound = false
        for index in fields.indices {
            let field = fields[index]
            guard matches(bytes.span(field.nameRange), name) else { continue }
            if isFound { out.append(", ") }
            out.append(bytes, field.valueRange)
            isFound = true
        }
        return isFound
    }

    private static func matches(_ field: Span<UInt8>, _ name: ByteString) -> Bool {
        guard field.count == name.count else { return false }
        for index in field.indices {
            let byte = field[index] == ASCII.minus ? ASCII.underscore : field[index].asciiLowercased
            if byte != name[index] { return false }
        }
        return true
    }

    /// Appends the value of the cookie that the upstream set by this name.
    private static func appendCookie(
        _ head: ResponseHead, _ name: ByteString, to out: Buffer
    ) -> Bool {
        let bytes = head.bytes
        var index = head.fields.firstIndex(of: .setCookie)
        while let found = index {
            let value = bytes.span(head.fields[found].valueRange)
            if let start = valueStart(value, of: name) {
                let end = value.firstIndex(of: ASCII.semicolon) ?? value.count
                out.append(value.extracting(min(start, end)..<end))
                return true
            }
            index = head.fields.firstIndex(of: .setCookie, from: found + 1)
        }
        return false
    }

    /// Where the value begins if the cookie has this name, spaces around the `=` skipped.
    private static func valueStart(_ cookie: Span<UInt8>, of name: ByteString) -> Int? {
        guard cookie.count > name.count,
            cookie.extracting(0..<name.count).equalsIgnoringCase(name.span)
        else { return nil }
        var index = name.count
        while index < cookie.count, cookie[index] == ASCII.space { index += 1 }
        guard index < cookie.count, cookie[index] == ASCII.equals else { return nil }
        index += 1
        while index < cookie.count, cookie[index] == ASCII.space { index += 1 }
        return index
    }
}
