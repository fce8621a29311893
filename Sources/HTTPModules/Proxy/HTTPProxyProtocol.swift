/// HTTP/1 spoken with an upstream, as the proxy module's directives say. `HTTP2ProxyProtocol` says the same in HTTP/2.
class HTTPProxyProtocol: UpstreamProtocol {
    private(set) final var settings: Box<ProxySettings>?
    private(set) final var proxyTarget: ProxyTarget?
    /// `$proxy_host` and `$proxy_port`.
    private(set) final var url = ProxyURL.unknown
    /// What a variable made of `proxy_pass` names, until it is looked for.
    private var dynamic: AddressText?
    /// Where the request's URI lies in the exchange's request.
    final var uri = 0..<0
    /// The request's method is HEAD, whatever the client's was.
    private(set) final var isHead = false
    private var sendsChunks = false
    private var parser = ResponseHeadParser()
    private var fault: ResponseError?
    private var framing = BodyFraming.none
    private var trailerParser: TrailerParser?
    private var trailerStore: TrailerStore?
    private var trailerLimit = 0

    private static let schemeText: ByteString = "http://"
    private static let secureSchemeText: ByteString = "https://"

    override var scheme: ByteString { isSecure ? Self.secureSchemeText : Self.schemeText }

    override var isSecure: Bool { url.isSecure }

    /// It may serve requests of `proxy_pass` again.
    var isOfProxyModule: Bool { true }

    override func appendURI(of exchange: UpstreamExchange, to line: Buffer) {
        guard uri.upperBound <= exchange.requestBytes.count else { return }
        line.append(exchange.requestBytes, uri)
    }

    // MARK: - The upstream

    /// Gets ready for a request; false, and logged: its upstream makes no sense.
    func prepare(
        for request: Request, _ settings: Box<ProxySettings>, _ target: ProxyTarget
    ) -> Bool {
        self.settings = settings
        proxyTarget = target
        url = target.parts
        dynamic = nil
        uri = 0..<0
        guard let template = target.template else { return true }
        let text = Buffer(capacity: 128)
        template.append(to: text, scope: request)
        return evaluate(text, request)
    }

    /// How the URL of a variable begins; nil: it makes no sense.
    func readScheme(of url: Span<UInt8>) -> ProxyScheme? {
        guard let scheme = ProxyScheme(url), url.count > scheme.length else { return nil }
        return scheme
    }

    private func evaluate(_ text: Buffer, _ request: Request) -> Bool {
        let bytes = text.span
        guard let scheme = readScheme(of: bytes) else {
            request.log(.error) {
                $0.append("invalid URL prefix in \"")
                $0.append(text)
                $0.append(ASCII.quote)
            }
            return false
        }
        let rest = ByteString(bytes.extracting(scheme.length..<bytes.count))
        do throws(AddressError) {
            let address = try AddressText(
                rest, .init(allowsURI: scheme.takesURI, resolves: false, defaultPort: scheme.port))
            url = ProxyURL(address, scheme: scheme, completesPath: true)
            dynamic = address
            return true
        } catch {
            request.logAddress(rest, error)
            return false
        }
    }

    override func target(of exchange: UpstreamExchange) -> UpstreamTarget? {
        guard let address = dynamic else {
            guard let declaration = proxyTarget?.declaration else { return nil }
            return .group(declaration)
        }
        guard let registry = proxyTarget?.registry.registry else { return nil }
        return exchange.target(for: address, registry)
    }

    // MARK: - The request

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        guard let settings, let target = proxyTarget else { return false }
        let request = exchange.request
        appendMethod(settings, request, to: output)
        output.append(ASCII.space)
        let start = output.count
        ProxyURI.append(of: request, target: target, uri: url.uri, to: output)
        uri = start..<output.count
        if uri.isEmpty {
            request.log(.error) { $0.append("zero length URI to proxy") }
            return false
        }
        output.append(settings.value.version == .http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n")
        appendHost(settings, request, to: output)
        settings.value.headers.append(to: output, request)
        let body = ownBody(settings, request)
        appendBodyFields(settings, exchange, ownBody: body, to: output)
        if exchange.settings.value.passesRequestHeaders {
            appendClientFields(settings.value.headers, request.head, request.head.bytes, to: output)
        }
        output.append("\r\n")
        if let body { output.append(body) }
        return true
    }

    /// What `proxy_set_body` makes.
    final func ownBody(_ settings: Box<ProxySettings>, _ request: Request) -> Buffer? {
        guard let template = settings.value.body else { return nil }
        let body = Buffer(capacity: 256)
        template.append(to: body, scope: request)
        return body
    }

    final func appendMethod(_ settings: Box<ProxySettings>, _ request: Request, to output: Buffer) {
        let start = output.count
        if let method = settings.value.method {
            method.append(to: output, scope: request)
            ProxyHeaders.blankLineEnds(output, from: start)
        } else {
            output.append(request.head.bytes, request.head.methodName)
        }
        isHead = output.span(start..<output.count).equalsIgnoringCase("HEAD")
    }

    private func appendHost(_ settings: Box<ProxySettings>, _ request: Request, to output: Buffer) {
        let start = output.count
        output.append("Host: ")
        let middle = output.count
        if let host = settings.value.headers.host {
            host.append(to: output, scope: request)
            ProxyHeaders.blankLineEnds(output, from: middle)
        }
        if output.count == middle {
            // In HTTP/1.0 an empty value leaves the field out, in 1.1 it must be there.
            if settings.value.headers.host != nil, settings.value.version == .http10 {
                return output.truncate(to: start)
            }
            output.append(url.hostHeader)
        }
        output.append("\r\n")
    }

    private func appendBodyFields(
        _ settings: Box<ProxySettings>, _ exchange: UpstreamExchange, ownBody: Buffer?,
        to output: Buffer
    ) {
        let length = bodyLength(exchange, ownBody: ownBody)
        sendsChunks = length == nil
        guard let length else {
            if settings.value.headers.tellsChunked {
                output.append("Transfer-Encoding: chunked\r\n")
            }
            return
        }
        if length >= 0, settings.value.headers.tellsLength {
            output.append("Content-Length: ")
            output.append(decimal: length)
            output.append("\r\n")
        }
    }

    /// The length of the request's body, -1 for none; nil: nobody knows it yet.
    final func bodyLength(_ exchange: UpstreamExchange, ownBody: Buffer?) -> Int? {
        if let ownBody { return ownBody.count }
        let request = exchange.request
        guard request.head.isChunked else { return request.head.contentLength }
        return exchange.isStreamed && !request.body.isComplete ? nil : request.body.received
    }

    private func appendClientFields(
        _ headers: ProxyHeaders, _ head: RequestHead, _ bytes: Buffer, to output: Buffer
    ) {
        for index in head.fields.indices {
            let field = head.fields[index]
            guard headers.passes(field, of: bytes) else { continue }
            output.append(bytes, field.nameRange)
            output.append(": ")
            output.append(bytes, field.valueRange)
            output.append("\r\n")
        }
    }

    override func passesBody(of exchange: UpstreamExchange) -> Bool {
        exchange.settings.value.passesRequestBody && settings?.value.body == nil
    }

    override func appendChunkHead(_ count: Int, to output: Buffer) {
        if sendsChunks { ChunkedEncoder.appendHead(of: count, to: output) }
    }

    override func appendChunkTail(to output: Buffer) {
        if sendsChunks { ChunkedEncoder.appendTail(to: output) }
    }

    override func appendBodyEnd(to output: Buffer) {
        if sendsChunks { ChunkedEncoder.appendEnd(to: output) }
    }

    // MARK: - The answer

    override func begin() {
        parser = ResponseHeadParser()
        fault = nil
        framing = .none
        trailerParser = nil
    }

    override func parse(_ head: ResponseHead) -> HeadOutcome {
        // Taken out and put back, since a change in place would be a checked access at each of its uses.
        var parser = self.parser
        let outcome = parser.parse(into: head)
        self.parser = parser
        switch outcome {
        case .needMore, .lineKnown, .hostKnown: return .needMore
        case .complete(let end): return .complete(end)
        case .failed(let error):
            fault = error
            return .failed
        }
    }

    override func appendFault(to line: Buffer, head: ResponseHead) {
        guard let fault else { return line.append("upstream sent invalid chunked response") }
        fault.appendMessage(to: line, head: head)
    }

    override func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {
        trailerStore = exchange.trailers
        trailerLimit = exchange.settings.value.bufferSize
        if hasNoBody(head) {
            framing = .none
        } else if head.isChunked {
            framing = .chunked(keepsTrailers: exchange.settings.value.passesTrailers)
        } else {
            framing = head.contentLength >= 0 ? .length(head.contentLength) : .untilClose
        }
    }

    /// Whether the answer has no body, whatever its head says.
    final func hasNoBody(_ head: ResponseHead) -> Bool {
        isHead || head.status == .noContent || head.status == .notModified
    }

    override var isComplete: Bool { framing.isComplete && trailerParser == nil }
    override var endsAtClose: Bool { framing.endsAtClose }

    override func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        if trailerParser != nil { return decodeTrailer(bytes, from: start) }
        var framing = self.framing
        let event = framing.next(bytes, from: start)
        self.framing = framing
        switch event {
        case .needMore: return .needMore
        case .data(let range): return .data(range)
        case .invalid: return .invalid
        case .end(let index):
            guard framing.isChunked, let trailerStore, trailerLimit > 0, framing.keepsTrailers
            else {
                return .end(index)
            }
            trailerStore.removeAll()
            trailerParser = TrailerParser()
            return decodeTrailer(bytes, from: index)
        }
    }

    private func decodeTrailer(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        guard let store = trailerStore, var parser = trailerParser else { return .end(start) }
        let before = store.bytes.count
        let taken = min(bytes.count - start, trailerLimit - before)
        store.bytes.append(bytes.extracting(start..<start + taken))
        let outcome = parser.parse(store.bytes, into: store.fields)
        trailerParser = parser
        switch outcome {
        case .complete(let end):
            trailerParser = nil
            return .end(start + max(end - before, 0))
        case .needMore, .lineKnown, .hostKnown:
            return store.bytes.count < trailerLimit ? .needMore : .invalid
        case .failed: return .invalid
        }
    }

    override func keepsConnection(_ head: ResponseHead) -> Bool {
        !head.closes && head.status != .switchingProtocols && !framing.endsAtClose
    }

    override var excessMessage: StaticString? {
        framing.isChunked
            ? "upstream sent data after final chunk"
            : "upstream sent more data than specified in \"Content-Length\" header"
    }

    // MARK: - Rewriting

    override var rewritesRedirects: Bool {
        guard let settings else { return false }
        if case .off = settings.value.redirects { return false }
        return true
    }

    override func rewriteRedirect(
        _ value: Span<UInt8>, prefix: Int, _ exchange: UpstreamExchange, to output: Buffer
    ) -> Bool {
        guard let settings, let target = proxyTarget else { return false }
        switch settings.value.redirects {
        case .off: return false
        case .standard: return ProxyRewrite.applyDefault(target, value, prefix, to: output)
        case .list(let rewrites):
            return ProxyRewrite.applyFirst(
                of: rewrites, value, prefix: prefix, exchange.request, to: output)
        }
    }

    override func rewriteCookie(
        _ value: Span<UInt8>, _ exchange: UpstreamExchange, to output: Buffer
    ) -> Bool {
        guard let settings,
            settings.value.cookieDomains != nil
                || settings.value.cookiePaths != nil || settings.value.cookieFlags != nil
        else { return false }
        return ProxyCookie.rewrite(value, settings.value, exchange.request, to: output)
    }
}
