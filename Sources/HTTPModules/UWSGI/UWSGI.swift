/// ngx_http_uwsgi_module: passes requests to servers that speak uwsgi.
enum UWSGI {
    static let slot = Slot(.uwsgi, initial: UWSGISettings())
    static let upstreamSlot = Slot(
        .uwsgiUpstream, initial: UpstreamSettings(tempPath: TempPath("uwsgi_temp"), hiding: HiddenHeaders.ofServer))
    static let upstream = UpstreamFamily(
        prefix: "uwsgi_", slot: upstreamSlot, [.fields, .buffering, .tls], failures: RetryConditions.ofGateways)
    private static let family = CGIFamily(
        prefix: "uwsgi_", slot: slot, parameters: \.parameters, pass: \.pass, handler: .uwsgi, schemes: UWSGIProtocol.schemes)

    /// Answers a request of a location with `uwsgi_pass`.
    static func handle(_ request: Request) -> Verdict {
        let location = request.location
        let settings = location.settings(slot)
        guard let pass = settings.value.pass else { return UpstreamPass.missing(request) }
        let upstream = location.settings(upstreamSlot)
        return UpstreamExchange.pass(request, upstream, streams: upstream.value.streamsPlainly(request)) {
            UWSGIProtocol()
        } prepare: {
            $0.modifiers = settings.value.modifiers
            return $0.prepare(for: request, pass, settings.value.parameters)
        }
    }

    static func prepare(_ scope: Scope, _ invocation: Invocation) throws(ConfigurationError) {
        try family.prepare(scope, invocation, upstream)
    }

    static var rows: [Row] {
        upstream.rows + [
            family.passRow("Passes requests to a server that speaks uwsgi, or to one of a group of them.") { invocation, pass in
                if pass.isSecure || pass.hasVariables { upstream.buildSecurity(of: invocation) }
            },
            family.parameterRow,
            .number(
                "uwsgi_modifier1", in: .request, slot, \.modifiers.first, atLeast: 0, atMost: 255,
                "What kind of request the packet is."),
            .number(
                "uwsgi_modifier2", in: .request, slot, \.modifiers.second, atLeast: 0, atMost: 255,
                "A parameter of the kind of request."),
        ]
    }
}

/// What the directives of the module alone set.
struct UWSGISettings: Sendable {
    var pass: UpstreamPass?
    var parameters = CGIParameters([], host: nil)
    var modifiers = Modifiers()

    struct Modifiers: Sendable {
        var first = 0
        var second = 0
    }
}

/// The packet before the body: four bytes of head, then names and values, each behind its length.
final class UWSGIProtocol: PlainCGIProtocol {
    var modifiers = UWSGISettings.Modifiers()

    override class var schemes: UpstreamPass.Schemes { [("uwsgi://", false), ("suwsgi://", true)] }

    private static let schemeText: ByteString = "uwsgi://"
    private static let secureSchemeText: ByteString = "suwsgi://"
    override var scheme: ByteString { isSecure ? Self.secureSchemeText : Self.schemeText }

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        let request = exchange.request
        let start = output.count
        for _ in 0..<4 { output.append(0 as UInt8) }
        var size = 0
        eachVariable(of: exchange) { name, value in
            size += 4 + name.count + value.count
            // Checked as it grows, since the lengths have two bytes only.
            guard size <= 65_535 else { return }
            Self.append(length: name.count, to: output)
            output.append(name)
            Self.append(length: value.count, to: output)
            output.append(value)
        }
        guard size <= 65_535 else {
            let length = size
            request.log(.alert) {
                $0.append("uwsgi request is too big: ")
                $0.append(decimal: length)
            }
            return false
        }
        output[start] = UInt8(truncatingIfNeeded: modifiers.first)
        output[start + 1] = UInt8(truncatingIfNeeded: size)
        output[start + 2] = UInt8(truncatingIfNeeded: size >> 8)
        output[start + 3] = UInt8(truncatingIfNeeded: modifiers.second)
        return true
    }

    private static func append(length: Int, to output: Buffer) {
        output.append(UInt8(truncatingIfNeeded: length))
        output.append(UInt8(truncatingIfNeeded: length >> 8))
    }
}
