/// HTTP/1 spoken with an upstream, as the proxy module's directives say. `HTTP2ProxyProtocol` says the same in HTTP/2.
class HTTPProxyProtocol: UpstreamProtocol {
    final let lentSettings: LentIfAny<Box<ProxySettings>>
    final let lentTarget: LentIfAny<ProxyTarget>
    /// What a variable made of `proxy_pass` names, and its parts; nil: it is known.
    private var dynamic: AddressText?
    private var dynamicURL: ProxyURL?
    private var isURLSecure = false
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

    override var isSecure: Bool { isURLSecure }

    /// - Parameter departed: see `Lent`.
    init(departed: List<AnyObject>) {
        lentSettings = LentIfAny(departed: departed)
        lentTarget = LentIfAny(departed: departed)
        super.init()
    }

    final var settings: Box<ProxySettings>? { lentSettings.object }

    /// `$proxy_host` and `$proxy_port`.
    final var url: ProxyURL { dynamicURL ?? lentTarget.object?.parts ?? .unknown }

    /// Lends the settings, the target and the parts of its URL.
    @inline(__always)
    final func lend<Result>(_ use: (Box<ProxySettings>, ProxyTarget, ProxyURL) -> Result) -> Result? {
        let result: Result?? = lentSettings.lend { settings in
            lentTarget.lend { target in
                if let dynamicURL { return use(settings, target, dynamicURL) }
                return use(settings, target, target.parts)
            }
        }
        return result ?? nil
    }

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
        lentSettings.hold(settings)
        lentTarget.hold(target)
        isURLSecure = target.parts.isSecure
        if dynamic != nil { dynamic = nil }
        if dynamicURL != nil { dynamicURL = nil }
        uri = 0..<0
        return target.template == nil || evaluate(target, request)
    }

    @inline(never)
    private func evaluate(_ target: ProxyTarget, _ request: Request) -> Bool {
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
            dynamicURL = ProxyURL(address, scheme: scheme, completesPath: true)
            isURLSecure = scheme.isSecure
            dynamic = address
            return true
        } catch {
            request.logAddress(rest, error)
            return false
        }
    }

    override func findServers(for exchange: UpstreamExchange) {
        lentTarget.lend { target in
            if dynamic == nil { exchange.ask(target.declaration) } else { findNamedServers(for: exchange, target) }
        }
    }

    @inline(never)
    private func findNamedServers(for exchange: UpstreamExchange, _ target: ProxyTarget) {
        if let dynamic { exchange.ask(dynamic, target.registry.registry) }
    }

    // MARK: - The request

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        lend { settings, target, url in
            let request = exchange.request
            guard appendLine(settings, target, url, of: request, to: output) else { return false }
            appendFields(settings, settings.value.headers, url, of: request, exchange, to: output)
            return true
        } ?? false
    }

    /// False: it cannot be made, which is logged.
    @inline(never)
    private func appendLine(
        _ settings: Box<ProxySettings>, _ target: ProxyTarget, _ url: ProxyURL, of request: Request, to output: Buffer
    ) -> Bool {
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
        return true
    }

    @inline(never)
    private func appendFields(
        _ settings: Box<ProxySettings>, _ headers: ProxyHeaders, _ url: ProxyURL, of request: Request,
        _ exchange: UpstreamExchange, to output: Buffer
    ) {
        appendHost(settings, headers, url, request, to: output)
        headers.append(to: output, request)
        let body = ownBody(settings, request)
        appendBodyFields(headers, bodyLength(request, request.head, ownBody: body, isStreamed: exchange.isStreamed), to: output)
        if exchange.setting({ $0.passesRequestHeaders }) {
            appendClientFields(headers, request.fields, request.headBytes, to: output)
        }
        output.append("\r\n")
        if let body { output.append(body) }
    }

    /// What `proxy_set_body` makes.
    final func ownBody(_ settings: Box<ProxySettings>, _ request: Request) -> Buffer? {
        if settings.value.body == nil { return nil }
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
            output.append(request.headBytes, request.head.methodName)
        }
        isHead = output.span(start..<output.count).equalsIgnoringCase("HEAD")
    }

    private func appendHost(
        _ settings: Box<ProxySettings>, _ headers: ProxyHeaders, _ url: ProxyURL, _ request: Request, to output: Buffer
    ) {
        let start = output.count
        output.append("Host: ")
        let middle = output.count
        if let host = headers.host {
            host.append(to: output, scope: request)
            ProxyHeaders.blankLineEnds(output, from: middle)
        }
        if output.count == middle {
            // In HTTP/1.0 an empty value leaves the field out, in 1.1 it must be there.
            if headers.host != nil, settings.value.version == .http10 {
                return output.truncate(to: start)
            }
            output.append(url.hostHeader)
        }
        output.append("\r\n")
    }

    private func appendBodyFields(_ headers: ProxyHeaders, _ length: Int?, to output: Buffer) {
        sendsChunks = length == nil
        guard let length else {
            if headers.tellsChunked {
                output.append("Transfer-Encoding: chunked\r\n")
            }
            return
        }
        if length >= 0, headers.tellsLength {
            output.append("Content-Length: ")
            output.append(decimal: length)
            output.append("\r\n")
        }
    }

    /// The length of the request's body, -1 for none; nil: nobody knows it yet.
    final func bodyLength(_ request: Request, _ head: RequestHead, ownBody: Buffer?, isStreamed: Bool) -> Int? {
        if let ownBody { return ownBody.count }
        guard head.isChunked else { return head.contentLength }
        return isStreamed && !request.body.isComplete ? nil : request.body.received
    }

    private func appendClientFields(
        _ headers: ProxyHeaders, _ fields: FieldTable, _ bytes: Buffer, to output: Buffer
    ) {
        for index in fields.indices {
            let field = fields[index]
            guard headers.passes(field, of: bytes) else { continue }
            output.append(bytes, field.nameRange)
            output.append(": ")
            output.append(bytes, field.valueRange)
            output.append("\r\n")
        }
    }

    override func passesBody(of exchange: UpstreamExchange) -> Bool {
        exchange.setting { $0.passesRequestBody } && lentSettings.lend { $0.value.body == nil } ?? true
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
        if fault != nil { fault = nil }
        framing = .none
        if trailerParser != nil { trailerParser = nil }
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
        if trailerStore == nil { trailerStore = exchange.trailers }
        trailerLimit = exchange.setting { $0.bufferSize }
        if hasNoBody(head) {
            framing = .none
        } else if head.isChunked {
            framing = .chunked(keepsTrailers: exchange.setting { $0.passesTrailers })
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

    override var plainRest: Int { framing.plainRest }

    override func skip(_ count: Int) {
        var framing = self.framing
        framing.skip(count)
        self.framing = framing
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
        guard let settings, let target = lentTarget.object else { return false }
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
