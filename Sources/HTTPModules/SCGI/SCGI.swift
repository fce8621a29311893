/// ngx_http_scgi_module: passes requests to servers that speak SCGI.
enum SCGI {
    static let slot = Slot(.scgi, initial: SCGISettings())
    static let upstreamSlot = Slot(
        .scgiUpstream, initial: UpstreamSettings(tempPath: TempPath("scgi_temp"), hiding: HiddenHeaders.ofGateways))
    static let upstream = UpstreamFamily(
        prefix: "scgi_", slot: upstreamSlot, [.fields, .buffering], failures: RetryConditions.ofGateways)
    private static let family = CGIFamily(
        prefix: "scgi_", slot: slot, parameters: \.parameters, pass: \.pass, handler: .scgi)

    /// Answers a request of a location with `scgi_pass`.
    static func handle(_ request: Request) -> Verdict {
        let location = request.location
        let settings = location.settings(slot)
        guard let pass = settings.value.pass else { return UpstreamPass.missing(request) }
        let upstream = location.settings(upstreamSlot)
        return UpstreamExchange.pass(request, upstream, streams: upstream.value.streamsPlainly(request)) {
            SCGIProtocol()
        } prepare: {
            $0.prepare(for: request, pass, settings.value.parameters)
        }
    }

    static func prepare(_ scope: Scope, _ invocation: Invocation) throws(ConfigurationError) {
        try family.prepare(scope, invocation, upstream)
    }

    static var rows: [Row] {
        upstream.rows + [
            family.passRow("Passes requests to a server that speaks SCGI, or to one of a group of them."),
            family.parameterRow,
        ]
    }
}

/// What the directives of the module alone set.
struct SCGISettings: Sendable {
    var pass: UpstreamPass?
    var parameters = CGIParameters([], host: nil)
}

/// The variables as a netstring before the body: names and values that end with NUL, the body's length first.
final class SCGIProtocol: PlainCGIProtocol {
    private static let schemeText: ByteString = "scgi://"
    override var scheme: ByteString { Self.schemeText }

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        let variables = collected
        variables.removeAll()
        variables.append("CONTENT_LENGTH")
        variables.append(0 as UInt8)
        variables.append(decimal: length(exchange))
        variables.append(0 as UInt8)
        eachVariable(of: exchange) { name, value in
            variables.append(name)
            variables.append(0 as UInt8)
            variables.append(value)
            variables.append(0 as UInt8)
        }
        output.append(decimal: variables.count)
        output.append(ASCII.colon)
        output.append(variables)
        output.append(ASCII.comma)
        return true
    }

    private func length(_ exchange: UpstreamExchange) -> Int {
        let request = exchange.request
        return request.head.isChunked ? request.body.received : max(request.head.contentLength, 0)
    }
}
