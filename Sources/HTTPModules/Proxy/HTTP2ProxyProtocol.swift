/// HTTP/2 spoken with an upstream: what `HTTPProxyProtocol` says, in frames that the connection's session makes.
class HTTP2ProxyProtocol: HTTPProxyProtocol {
    private let block = HTTP2FieldBlock()
    private var session: HTTP2ClientSession?
    private var fault: HTTP2AnswerFault?
    /// How much of what came the session has read.
    private var position = 0

    override var isFramed: Bool { true }

    override var applicationProtocols: StaticString? { "\u{2}h2" }

    override func appendURI(of exchange: UpstreamExchange, to line: Buffer) {
        guard uri.upperBound <= block.bytes.count else { return }
        line.append(block.bytes, uri)
    }

    // MARK: - The request

    /// Collects the head's fields; `output` gets the body, if the configuration sets one.
    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        guard let settings, let target = lentTarget.object else { return false }
        let request = exchange.request
        let bytes = block.bytes
        block.removeAll()
        appendMethod(settings, request, to: bytes)
        block.end(":method", from: 0)
        block.append(":scheme", isSecure ? "https" : "http" as StaticString)
        let start = bytes.count
        ProxyURI.append(of: request, target: target, uri: url.uri, escapes: escapesURI, to: bytes)
        uri = start..<bytes.count
        if uri.isEmpty {
            request.log(.error) { $0.append("zero length URI to proxy") }
            return false
        }
        block.end(":path", from: start)
        appendAuthority(settings, request)
        settings.value.headers.append(to: block, request, scratch: exchange.scratch)
        let body = ownBody(settings, request)
        appendLength(settings, exchange, ownBody: body)
        appendOwnFields(settings, request, to: block)
        if exchange.setting({ $0.passesRequestHeaders }) {
            appendClientFields(settings.value.headers, request)
        }
        if let body { output.append(body) }
        return true
    }

    /// Whether a path that was changed is encoded in any case.
    var escapesURI: Bool { false }

    /// Fields that are set by default.
    func appendOwnFields(
        _ settings: Box<ProxySettings>, _ request: Request, to block: HTTP2FieldBlock
    ) {}

    private func appendAuthority(_ settings: Box<ProxySettings>, _ request: Request) {
        let bytes = block.bytes
        let start = bytes.count
        if let host = settings.value.headers.host {
            host.append(to: bytes, scope: request)
            ProxyHeaders.blankLineEnds(bytes, from: start)
        }
        if bytes.count == start { bytes.append(url.hostHeader) }
        block.end(":authority", from: start)
    }

    private func appendLength(
        _ settings: Box<ProxySettings>, _ exchange: UpstreamExchange, ownBody: Buffer?
    ) {
        guard settings.value.headers.tellsLength,
            let length = bodyLength(
                exchange.request, exchange.request.head, ownBody: ownBody, isStreamed: exchange.isStreamed), length >= 0
        else { return }
        let start = block.bytes.count
        block.bytes.append(decimal: length)
        block.end("content-length", from: start)
    }

    private func appendClientFields(_ headers: ProxyHeaders, _ request: Request) {
        let head = request.head
        let bytes = head.bytes
        for index in head.fields.indices {
            let field = head.fields[index]
            let name = bytes.span(field.nameRange)
            guard headers.passes(field.name, spelled: name) else { continue }
            block.append(named: name, bytes.span(field.valueRange))
        }
    }

    override func ask(
        _ exchange: UpstreamExchange, on session: HTTP2ClientSession, hasBody: Bool
    ) -> Bool {
        self.session = session
        let destination = HTTP2ClientSession.Destination(
            head: exchange.head, trailerBytes: exchange.trailers.bytes,
            trailerFields: exchange.trailers.fields, limit: exchange.setting { $0.bufferSize })
        return session.begin(block, hasBody: hasBody, destination)
    }

    override func leave() { session = nil }

    override var wasPassedOver: Bool { session?.wasPassedOver ?? false }

    // MARK: - The answer

    override func begin() {
        fault = nil
        session?.beginHead()
    }

    override func readHead(_ bytes: Span<UInt8>, into head: ResponseHead, limit: Int) -> HeadOutcome {
        guard let session else { return .failed }
        var position = 0
        switch session.next(bytes, from: &position) {
        case .needMore: return .needMore
        case .head:
            if session.isAnswerComplete, head.contentLength > 0, !hasNoBody(head) {
                fault = .prematureEnd
                return .failed
            }
            return .complete(position)
        case .failed:
            if case .tooLarge? = session.fault { return .tooLong }
            return .failed
        case .data, .end: return .failed
        }
    }

    override func appendFault(to line: Buffer, head: ResponseHead) {
        guard let fault = fault ?? session?.fault else {
            return line.append("upstream sent an invalid answer")
        }
        fault.appendMessage(to: line, head: head)
    }

    override func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {
        session?.expectBody(hasNoBody(head) ? 0 : head.contentLength)
    }

    override var isComplete: Bool { session?.isAnswerComplete ?? true }
    override var endsAtClose: Bool { false }

    override func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        guard let session else { return .invalid }
        if start == 0 { position = 0 }
        var position = self.position
        let step = session.next(bytes, from: &position)
        self.position = position
        switch step {
        case .needMore: return .needMore
        case .data(let range): return .data(range)
        case .end: return .end(bytes.count)
        case .failed, .head: return .invalid
        }
    }

    override func keepsConnection(_ head: ResponseHead) -> Bool { session?.isReusable ?? false }
}
