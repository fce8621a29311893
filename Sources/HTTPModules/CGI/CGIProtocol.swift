/// What the gateways' protocols have in common: variables out, and an answer that begins with fields instead of a status line.
class CGIProtocol: UpstreamProtocol {
    private var pass: UpstreamPass?
    private var choice: UpstreamPass.Choice?
    private var usesTLS = false
    private var parameters = CGIParameters([], host: nil)
    /// Where one variable after the other is made, and where they are collected.
    private let pair = (name: Buffer(capacity: 64), value: Buffer(capacity: 256))
    final let collected = Buffer(capacity: 1_024)
    /// What is wrong with the answer's head.
    private var headFault: HeadFault?
    /// What the head is read with.
    private var parser = ResponseHeadParser(hasStatusLine: false)

    private enum HeadFault {
        case syntax(ResponseError)
        case status(ByteRange)
    }

    /// The beginnings that an upstream's address may have.
    class var schemes: UpstreamPass.Schemes { [] }

    override final var isSecure: Bool { usesTLS }

    /// Gets ready for a request; false, and logged: its upstream makes no sense.
    final func prepare(for request: Request, _ pass: UpstreamPass, _ parameters: CGIParameters) -> Bool {
        self.pass = pass
        self.parameters = parameters
        choice = pass.choice(for: request, schemes: Self.schemes)
        if case .named(_, let isSecure) = choice { usesTLS = isSecure } else { usesTLS = pass.isSecure }
        return choice != nil
    }

    override final func findServers(for exchange: UpstreamExchange) {
        if let pass, let choice { pass.ask(choice, in: exchange) }
    }

    /// Passes all variables of the request on, one by one.
    final func eachVariable(of exchange: UpstreamExchange, _ body: (_ name: Buffer, _ value: Buffer) -> Void) {
        parameters.each(
            of: exchange.request, passesFields: exchange.setting { $0.passesRequestHeaders }, in: pair, body)
    }

    override final func passesBody(of exchange: UpstreamExchange) -> Bool { exchange.setting { $0.passesRequestBody } }

    /// Whether a body follows the request at once, and not as it comes.
    final func bodyFollows(_ exchange: UpstreamExchange) -> Bool {
        !exchange.isStreamed && passesBody(of: exchange) && exchange.request.body.received > 0
    }

    // MARK: - The answer

    /// Tells nothing of whether further answers follow.
    override final var hasInterimAnswers: Bool { false }

    /// Whether an answer may turn the connection into a tunnel (101).
    var upgrades: Bool { false }

    /// Gets ready for a head.
    override func begin() {
        headFault = nil
        parser = ResponseHeadParser(hasStatusLine: hasStatusLine)
    }

    /// Whether a head may begin with a status line.
    var hasStatusLine: Bool { false }

    override final func parse(_ head: ResponseHead) -> HeadOutcome {
        // Taken out and put back, since a change in place would be a checked access at each of its uses.
        var parser = self.parser
        var outcome = parser.parse(into: head)
        if case .failed(.noStatusLine) = outcome, hasStatusLine {
            parser = ResponseHeadParser(hasStatusLine: false)
            outcome = parser.parse(into: head)
        }
        self.parser = parser
        switch outcome {
        case .needMore, .lineKnown, .hostKnown: return .needMore
        case .complete(let end): return settleStatus(of: head) ? .complete(end) : .failed
        case .failed(let error):
            headFault = .syntax(error)
            return .failed
        }
    }

    /// Settles the status of a head that has no status line: what `Status` says, else 302 with a `Location`, else 200. False: it
    /// makes no sense.
    private func settleStatus(of head: ResponseHead) -> Bool {
        if head.status.rawValue != 0 {
            if isPossible(head.status.code) { return true }
            headFault = .status(head.statusLine)
            return false
        }
        guard let value = head.fields.firstValue(of: .status) else {
            head.status = head.fields.contains(.location) ? .found : .ok
            return true
        }
        let bytes = head.bytes
        let text = bytes.span(value)
        guard text.count >= 3, let code = text.extracting(0..<3).decimalValue, isPossible(code) else {
            headFault = .status(value)
            return false
        }
        head.status = Status(code)
        if text.count > 3 { head.statusLine = value }
        return true
    }

    private func isPossible(_ code: Int) -> Bool { code >= 200 || code == 101 && upgrades }

    override func appendFault(to line: Buffer, head: ResponseHead) {
        switch headFault {
        case .syntax(let error): error.appendMessage(to: line, head: head)
        case .status(let range):
            line.append("upstream sent invalid status \"")
            line.append(head.bytes, range)
            line.append(ASCII.quote)
        case nil: line.append("upstream sent an invalid answer")
        }
    }
}

/// uwsgi and SCGI: the variables, then the body as it is; the answer may begin with a status line, and ends with the connection.
class PlainCGIProtocol: CGIProtocol {
    private var framing = BodyFraming.none

    override final var upgrades: Bool { true }
    override final var hasStatusLine: Bool { true }

    override final func begin() {
        super.begin()
        framing = .none
    }

    override final func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {
        if head.status == .noContent || head.status == .notModified {
            framing = .none
        } else if exchange.request.method == .head || head.contentLength < 0 {
            framing = .untilClose
        } else {
            framing = .length(head.contentLength)
        }
    }

    override final var isComplete: Bool { framing.isComplete }
    override final var endsAtClose: Bool { framing.endsAtClose }

    override final func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        var framing = self.framing
        let event = framing.next(bytes, from: start)
        self.framing = framing
        return switch event {
        case .needMore: .needMore
        case .data(let range): .data(range)
        case .end(let index): .end(index)
        case .invalid: .invalid
        }
    }

    override final var plainRest: Int { framing.plainRest }

    override final func skip(_ count: Int) {
        var framing = self.framing
        framing.skip(count)
        self.framing = framing
    }

    override final var excessMessage: StaticString? {
        "upstream sent more data than specified in \"Content-Length\" header"
    }
}

extension UpstreamSettings {
    /// Whether the client's body is passed on as it comes, to an upstream that has to know its length before.
    func streamsPlainly(_ request: Request) -> Bool {
        !buffersRequest && passesRequestBody && !request.head.isChunked
    }
}
