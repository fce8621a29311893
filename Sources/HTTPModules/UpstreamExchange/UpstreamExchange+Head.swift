/// The head of an upstream's answer becomes that of the response: fields are hidden, rewritten and obeyed as configured.
extension UpstreamExchange {
    // MARK: - What fields ask for

    /// The value of `X-Accel-Redirect`, if it is to be followed.
    var accelRedirect: ByteRange? {
        guard setting({ !$0.ignored.contains(.redirect) }) else { return nil }
        return fields.firstValue(of: .xAccelRedirect)
    }

    /// What `X-Accel-Buffering` asks for.
    var askedBuffering: Bool? {
        guard let range = fields.firstValue(of: .xAccelBuffering),
            setting({ $0.changesBuffering && !$0.ignored.contains(.buffering) })
        else { return nil }
        let bytes = headBytes
        let value = bytes.span(range)
        if value.equalsIgnoringCase("no") { return false }
        return value.equalsIgnoringCase("yes") ? true : nil
    }

    private func obeyLimitRate() {
        guard let range = fields.firstValue(of: .xAccelLimitRate), setting({ !$0.ignored.contains(.limitRate) }) else { return }
        let bytes = headBytes
        guard let rate = bytes.span(range).decimalValue else { return }
        request.limitRate = rate
        request.flags.insert(.hasLimitRate)
    }

    // MARK: - Passing

    /// Fills in the response.
    @inline(never)
    func passHead(_ settings: Box<UpstreamSettings>, to response: Response) {
        response.clearHead()
        response.status = head.status
        if !head.statusLine.isEmpty { response.statusLine.append(headBytes, head.statusLine) }
        // Chunks have a length of their own; `ResponseHead` refuses both together.
        response.contentLength = head.contentLength
        response.disablesNotModified = true
        if settings.value.forcesRanges {
            response.allowsRanges = true
            response.singleRange = true
        }
        obeyLimitRate()
        var seen: FieldNameSet = []
        for index in fields.indices {
            let field = fields[index]
            if isIgnoredDuplicate(field, &seen) { continue }
            if settings.value.hidden.contains(field, of: headBytes) { continue }
            pass(field, of: headBytes, settings, to: response)
        }
        if fields.contains(.xAccelCharset) { overrideCharset() }
    }

    /// Fields that make sense only once: nginx ignores, and reports, the others.
    private func isIgnoredDuplicate(_ field: Field, _ seen: inout FieldNameSet) -> Bool {
        switch field.name {
        case .status, .contentType, .date, .lastModified, .eTag, .server, .location, .refresh,
            .expires, .xAccelExpires, .xAccelRedirect, .xAccelLimitRate, .contentEncoding:
            guard seen.contains(field.name) else {
                seen.insert(field.name)
                return false
            }
        default: return false
        }
        request.log(.warn, while: action(ofHead: true)) { line in
            line.append("upstream sent duplicate header line: \"")
            append(field, to: line)
            line.append("\", previous value: \"")
            if let first = fields.firstIndex(of: field.name) {
                append(fields[first], to: line)
            }
            line.append("\", ignored")
        }
        return true
    }

    private func append(_ field: Field, to line: Buffer) {
        line.append(headBytes, field.nameRange)
        line.append(": ")
        line.append(headBytes, field.valueRange)
    }

    private func pass(_ field: Field, of bytes: Buffer, _ settings: Box<UpstreamSettings>, to response: Response) {
        switch field.name {
        case .contentLength, .transferEncoding, .connection, .keepAlive: break
        case .contentType: response.setContentType(received: bytes.span(field.valueRange))
        case .server: response.server.append(headBytes, field.valueRange)
        case .date: response.date.append(headBytes, field.valueRange)
        case .location: passLocation(field)
        case .lastModified:
            copy(field)
            response.lastModified = lastDate.seconds(of: bytes.span(field.valueRange))
        case .refresh: passRefresh(field)
        case .setCookie: passCookie(field)
        case .acceptRanges: if !settings.value.forcesRanges { copy(field) }
        case .upgrade: if request.head.version < .http2 { copy(field) }
        default: copy(field)
        }
    }

    private func copy(_ field: Field) { headers.appendEntry(field, of: headBytes) }

    private func overrideCharset() {
        guard setting({ !$0.ignored.contains(.charset) }),
            let range = fields.firstValue(of: .xAccelCharset)
        else { return }
        response.overridingCharset.removeAll()
        response.overridingCharset.append(headBytes, range)
    }

    // MARK: - Rewriting

    private func passLocation(_ field: Field) {
        let bytes = headBytes
        let value = bytes.span(field.valueRange)
        scratch.removeAll()
        if proto.rewriteRedirect(value, prefix: 0, self, to: scratch) {
            // What is ours now is completed like a redirect of our own.
            response.location.removeAll()
            response.location.append(scratch)
            if response.location.isEmpty { copyWithValue(field, scratch) }
        } else {
            copy(field)
        }
    }

    private func passRefresh(_ field: Field) {
        let bytes = headBytes
        let value = bytes.span(field.valueRange)
        guard proto.rewritesRedirects, let start = Self.urlStart(value) else {
            return copy(field)
        }
        scratch.removeAll()
        if proto.rewriteRedirect(value, prefix: start, self, to: scratch) {
            copyWithValue(field, scratch)
        } else {
            copy(field)
        }
    }

    /// The index behind `url=`, or nil.
    private static func urlStart(_ value: Span<UInt8>) -> Int? {
        guard value.count >= 4 else { return nil }
        for index in 0...value.count - 4
        where value.extracting(index..<index + 4).equalsIgnoringCase("url=") {
            return index + 4
        }
        return nil
    }

    private func passCookie(_ field: Field) {
        let bytes = headBytes
        let value = bytes.span(field.valueRange)
        scratch.removeAll()
        if proto.rewriteCookie(value, self, to: scratch) {
            copyWithValue(field, scratch)
        } else {
            copy(field)
        }
    }

    private func copyWithValue(_ field: Field, _ value: Buffer) {
        let bytes = headBytes
        headers.appendEntry(field.name, spelled: bytes.span(field.nameRange), value.span)
    }

    // MARK: - Other heads

    /// The challenges of a 401 that an error page replaces.
    func passChallenges() {
        for index in fields.indices where fields[index].name == .wwwAuthenticate { copy(fields[index]) }
    }

    /// What survives an internal redirect.
    func passForRedirect(_ settings: Box<UpstreamSettings>, to response: Response) {
        response.clearHead()
        for index in fields.indices {
            let field = fields[index]
            switch field.name {
            case .contentType, .setCookie, .contentDisposition, .cacheControl, .expires,
                .acceptRanges:
                pass(field, of: headBytes, settings, to: response)
            default: continue
            }
        }
        obeyLimitRate()
    }

    func passTrailers() {
        let list = response.trailers ?? HeaderList(capacity: 128)
        let store = trailers
        let settings = settings
        let bytes = store.bytes
        for index in store.fields.indices {
            let field = store.fields[index]
            let name = bytes.span(field.nameRange)
            if settings.value.hidden.contains(field.name, spelled: name) { continue }
            list.appendEntry(field.name, spelled: name, bytes.span(field.valueRange))
        }
        response.trailers = list
        response.hasTrailers = true
    }
}

/// Reads the target of `X-Accel-Redirect`.
enum AccelTarget {
    /// Appends the decoded path; the index of the `?`, or the length if there is none. Nil: the target is not safe.
    static func decode(_ target: Span<UInt8>, into path: Buffer) -> Int? {
        guard !target.isEmpty, target[0] != ASCII.question else { return nil }
        let end = target.firstIndex(of: ASCII.question) ?? target.count
        var index = 0
        while index < end {
            let byte = target[index]
            if byte == ASCII.percent, index + 2 < end,
                let high = target[index + 1].hexValue, let low = target[index + 2].hexValue
            {
                path.append(high << 4 | low)
                index += 3
            } else {
                path.append(byte)
                index += 1
            }
        }
        return isSafe(path.span) ? end : nil
    }

    /// Without NUL, and without segments that lead upwards.
    private static func isSafe(_ path: Span<UInt8>) -> Bool {
        if path.firstIndex(of: ASCII.nul) != nil { return false }
        var start = 0
        while start <= path.count {
            let end = path.firstIndex(of: ASCII.slash, from: start) ?? path.count
            if path.extracting(start..<end).equals("..") { return false }
            start = end + 1
        }
        return true
    }
}
