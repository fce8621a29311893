/// Makes the fields of an HTTP/2 request into the head that HTTP/1's parser makes, by nginx's rules.
///
/// Pseudo-headers become a request line, `GET /x HTTP/2.0`, which logs and variables show; cookies become one field.
final class HTTP2HeadReader {
    /// What is wrong with the head, once something is: the rest of the block is passed over then.
    private(set) var fault: ParseError?
    /// The host became known with the last field: the server that it selects has the limits for the rest.
    private(set) var hostIsNew = false
    private var method = ByteRange.none
    private var scheme = ByteRange.none
    private var path = ByteRange.none
    private var authority = ByteRange.none
    private var hasAuthority = false
    /// Behind the pseudo-headers: the request line is made.
    private var hasLine = false
    private let cookies = List<ByteRange>(capacity: 4)

    init() {}

    /// Gets ready for a block; the head is empty.
    func begin(_ head: RequestHead) {
        fault = nil
        hostIsNew = false
        method = .none
        scheme = .none
        path = .none
        authority = .none
        hasAuthority = false
        hasLine = false
        cookies.removeAll(keepingUpTo: 64)
        head.version = .http2
        // Nothing in HTTP/2 asks for the connection to be kept; it is not the request's to end either.
        head.connection = .close
    }

    /// Takes a field of the block, whose name and value lie in the head's bytes already.
    func take(_ found: HPACKField, into head: RequestHead, limits: RequestLimits) {
        hostIsNew = false
        guard fault == nil else { return }
        let nameRange = ByteRange(found.start, found.middle)
        let valueRange = ByteRange(found.middle, found.end)
        let facts = found.facts
        if facts.kind == .invalid { return refuse(.invalidName(nameRange)) }
        if !facts.hasValidValue { return refuse(.invalidValue(name: nameRange, value: valueRange)) }
        if facts.kind.rawValue >= HPACKFacts.Kind.method.rawValue {
            return takePseudo(facts.kind, nameRange, valueRange, head)
        }
        guard hasLine || makeLine(head) else { return }
        if facts.kind != .usual, limits.ignoresInvalidNames,
            facts.kind == .unusual || !limits.allowsUnderscores
        {
            return head.ignoreLine(nameRange)
        }
        if facts.name == .cookie { return cookies.append(valueRange) }
        if head.fields.count >= limits.fieldCount {
            fault = .tooManyFields
            return
        }
        let hadHost = !head.host.isEmpty
        fault = head.accept(Field(name: facts.name, nameRange: nameRange, valueRange: valueRange))
        if facts.name == .host, !hadHost, fault == nil { hostIsNew = true }
    }

    private func refuse(_ fault: FieldBlockFault) {
        self.fault = .fieldBlock(fault)
    }

    // MARK: - Pseudo-headers

    private func takePseudo(
        _ kind: HPACKFacts.Kind, _ nameRange: ByteRange, _ value: ByteRange, _ head: RequestHead
    ) {
        if hasLine { return refuse(.pseudoOutOfOrder) }
        let bytes = head.bytes
        switch kind {
        case .path:
            if !path.isEmpty { return refuse(.duplicate(.path)) }
            if value.isEmpty { return refuse(.empty(.path)) }
            path = value
        case .method:
            if !method.isEmpty { return refuse(.duplicate(.method)) }
            if value.isEmpty { return refuse(.empty(.method)) }
            method = value
            head.method = Method(bytes.span(value))
            if head.method == .other, !Self.isMethod(bytes.span(value)) {
                refuse(.invalidMethod(value))
            }
        case .scheme:
            if !scheme.isEmpty { return refuse(.duplicate(.scheme)) }
            if value.isEmpty { return refuse(.empty(.scheme)) }
            if !Self.isScheme(bytes.span(value)) { return refuse(.invalid(.scheme, value)) }
            scheme = value
            head.scheme = value
        case .authority:
            if hasAuthority { return refuse(.duplicate(.authority)) }
            hasAuthority = true
            authority = value
            if head.readAuthority(value) != nil { return refuse(.invalidAuthority) }
            hostIsNew = true
        default:
            refuse(.unknownPseudo(ByteRange(Int(nameRange.start) + 1, Int(nameRange.end))))
        }
    }

    private static func isMethod(_ name: Span<UInt8>) -> Bool {
        for index in name.indices {
            let byte = name[index]
            guard byte.isASCIIUppercase || byte == ASCII.underscore || byte == ASCII.minus else {
                return false
            }
        }
        return true
    }

    private static func isScheme(_ name: Span<UInt8>) -> Bool {
        for index in name.indices {
            let byte = name[index]
            if byte.isASCIILetter { continue }
            let isLater = byte.isASCIIDigit || byte == ASCII.plus || byte == ASCII.minus || byte == ASCII.dot
            guard isLater, index > 0 else { return false }
        }
        return true
    }

    /// Makes the request line from the pseudo-headers. False: one of them is missing or wrong.
    private func makeLine(_ head: RequestHead) -> Bool {
        if method.isEmpty || scheme.isEmpty || path.isEmpty {
            refuse(.missing(method.isEmpty ? .method : scheme.isEmpty ? .scheme : .path))
            return false
        }
        hasLine = true
        let bytes = head.bytes
        let start = bytes.count
        bytes.appendCopy(of: method.range)
        head.methodName = ByteRange(start, bytes.count)
        bytes.append(ASCII.space)
        let target = bytes.count
        bytes.appendCopy(of: path.range)
        let targetEnd = bytes.count
        bytes.append(" HTTP/2.0")
        guard head.readTarget(ByteRange(target, targetEnd)) else {
            // There is no line for the log to show then.
            refuse(.invalid(.path, path))
            return false
        }
        head.requestLine = ByteRange(start, bytes.count)
        head.protocolName = ByteRange(targetEnd + 1, bytes.count)
        return true
    }

    // MARK: - The end of the block

    /// The block is complete.
    ///
    /// - Parameters:
    ///   - endsStream: no body follows.
    ///   - size: bytes of the block on the wire.
    func finish(_ head: RequestHead, endsStream: Bool, size: Int) {
        head.length = size
        guard fault == nil, hasLine || makeLine(head) else { return }
        if !cookies.isEmpty { joinCookies(head) }
        if let wrong = Self.connectionField(head) { return refuse(wrong) }
        if head.host.isEmpty { return refuse(.noHost) }
        if hasAuthority, !takeHost(head) { return }
        if let error = head.validate(allowsConnect: false) {
            fault = error
            return
        }
        if head.contentLength > 0, endsStream { return refuse(.bodyMissing) }
        if head.contentLength < 0, !endsStream { head.isChunked = true }
    }

    private static func connectionField(_ head: RequestHead) -> FieldBlockFault? {
        let fields = head.fields
        for name: FieldName in [.connection, .keepAlive, .transferEncoding, .upgrade]
        where fields.contains(name) {
            return .connectionField(name)
        }
        guard let first = fields.firstIndex(of: .te) else { return nil }
        let bytes = head.bytes
        if fields.firstIndex(of: .te, from: first + 1) != nil
            || !bytes.span(fields[first].valueRange).equalsIgnoringCase("trailers")
        {
            return .invalidTE
        }
        return nil
    }

    /// `Host` says the same as `:authority`, or is made from it, for those who look for the field.
    private func takeHost(_ head: RequestHead) -> Bool {
        let bytes = head.bytes
        if let host = head.fields.firstValue(of: .host) {
            if bytes.span(host).equals(bytes.span(authority)) { return true }
            refuse(.hostsDiffer)
            return false
        }
        let start = bytes.count
        bytes.append("host")
        head.fields.append(
            Field(name: .host, nameRange: ByteRange(start, bytes.count), valueRange: authority))
        return true
    }

    private func joinCookies(_ head: RequestHead) {
        let bytes = head.bytes
        let start = bytes.count
        bytes.append("cookie")
        let middle = bytes.count
        var value = cookies[0]
        if cookies.count > 1 {
            for index in cookies.indices {
                if index > 0 { bytes.append("; ") }
                bytes.appendCopy(of: cookies[index].range)
            }
            value = ByteRange(middle, bytes.count)
        }
        head.fields.append(
            Field(name: .cookie, nameRange: ByteRange(start, middle), valueRange: value))
    }
}
