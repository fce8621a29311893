/// Parts of requests and responses found by names as variables spell them: lower case, `_` for `-`.
extension Request {
    /// Bytes of the request as received: head and body. A subrequest was not received.
    var length: Int {
        isMain ? head.length + body.wireSize : 0
    }

    /// Appends the values of all header fields of a name, with `, ` between them (`; ` for cookies).
    func appendHeader(named name: ByteString, to out: Buffer) -> Bool { head.appendValues(of: name, to: out) }

    /// Appends the first value of an argument of the query.
    func appendArgument(named name: ByteString, to out: Buffer) -> Bool {
        let arguments = routing.arguments
        let bytes = arguments.span
        var start = 0
        while start < bytes.count {
            let end = bytes.firstIndex(of: ASCII.ampersand, from: start) ?? bytes.count
            if end - start > name.count, bytes[start + name.count] == ASCII.equals,
                name.equalsIgnoringCase(bytes.extracting(start..<start + name.count))
            {
                out.append(arguments, start + name.count + 1..<end)
                return true
            }
            start = end + 1
        }
        return false
    }

    /// Appends the value of a cookie; its name's case counts.
    func appendCookie(named name: ByteString, to out: Buffer) -> Bool {
        let fields = head.fields
        var index = fields.firstIndex(of: .cookie)
        while let found = index {
            let buffer = head.bytes
            let bytes = buffer.span(fields[found].valueRange)
            var start = 0
            while start < bytes.count {
                var end = bytes.firstIndex(of: ASCII.semicolon, from: start) ?? bytes.count
                let next = end + 1
                while start < end, bytes[start] == ASCII.space { start += 1 }
                while end > start, bytes[end - 1] == ASCII.space { end -= 1 }
                if end - start > name.count, bytes[start + name.count] == ASCII.equals,
                    name.equalsIgnoringCase(bytes.extracting(start..<start + name.count))
                {
                    out.append(bytes.extracting(start + name.count + 1..<end))
                    return true
                }
                start = next
            }
            index = fields.firstIndex(of: .cookie, from: found + 1)
        }
        return false
    }

    /// Appends a header of the answer, as it is or will be sent.
    func appendSentHeader(named name: ByteString, to out: Buffer) -> Bool {
        let response = self.response
        switch SentField(name.span) {
        case .contentType:
            guard !response.contentType.isEmpty else { return false }
            response.appendContentType(to: out)
            return true
        case .contentLength:
            guard response.contentLength >= 0 else { return false }
            out.append(decimal: response.contentLength)
            return true
        case .lastModified:
            if response.headers.contains(.lastModified) {
                return response.headers.appendValues(named: name, to: out)
            }
            guard response.lastModified >= 0 else { return false }
            out.append(httpDate: response.lastModified)
            return true
        case .location:
            if response.location.isEmpty {
                return response.headers.appendValues(named: name, to: out)
            }
            out.append(response.location)
            return true
        case .connection:
            if response.status == .switchingProtocols {
                out.append("upgrade")
            } else {
                out.append(flags.contains(.keepAlive) ? "keep-alive" : "close")
            }
            return true
        case .transferEncoding:
            guard response.isChunked else { return false }
            out.append("chunked")
            return true
        case .keepAlive:
            let seconds = core.value.keepaliveHeader
            guard flags.contains(.keepAlive), seconds > 0 else { return false }
            out.append("timeout=")
            out.append(decimal: seconds)
            return true
        case .other:
            return response.headers.appendValues(named: name, to: out)
        }
    }
}

/// The headers of an answer that are not in its list.
private enum SentField {
    case contentType, contentLength, lastModified, location, connection, transferEncoding
    case keepAlive, other

    init(_ name: Span<UInt8>) {
        self = .other
        for (text, field) in Self.names where name.equals(text) { self = field }
    }

    private static let names: [(StaticString, SentField)] = [
        ("content_type", .contentType), ("content_length", .contentLength),
        ("last_modified", .lastModified), ("location", .location), ("connection", .connection),
        ("transfer_encoding", .transferEncoding), ("keep_alive", .keepAlive),
    ]
}

extension HeaderList {
    /// Appends the values of all fields that a variable's name spells, with `, ` between them.
    func appendValues(named name: ByteString, to out: Buffer) -> Bool {
        var isFirst = true
        for index in indices {
            let entry = self[index]
            guard bytes.spells(entry.nameRange.range, variable: name) else { continue }
            if !isFirst { out.append(", ") }
            isFirst = false
            out.append(bytes, entry.valueRange)
        }
        return !isFirst
    }
}

extension Buffer {
    /// Whether a header name in this range is what a variable's name spells: `X-Real-IP` and `x_real_ip`.
    func spells(_ range: Range<Int>, variable name: ByteString) -> Bool {
        guard range.count == name.count else { return false }
        let bytes = span(range)
        for index in bytes.indices {
            let byte = bytes[index] == ASCII.minus ? ASCII.underscore : bytes[index].asciiLowercased
            if byte != name[index] { return false }
        }
        return true
    }
}

extension RequestHead {
    /// Here, where the fields and their bytes are the head's own, since what is reached over two constants would be counted.
    @inline(never)
    fileprivate func appendValues(of variable: ByteString, to out: Buffer) -> Bool {
        var isFirst = true
        for index in fields.indices {
            let field = fields[index]
            guard bytes.spells(field.nameRange.range, variable: variable) else { continue }
            if !isFirst { out.append(field.name == .cookie ? "; " : ", ") }
            isFirst = false
            out.append(bytes, field.valueRange)
        }
        return !isFirst
    }
}
