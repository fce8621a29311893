/// ngx_http_fastcgi_module: passes requests to servers that speak FastCGI.
enum FastCGI {
    static let slot = Slot(.fastCGI, initial: FastCGISettings())
    static let upstreamSlot = Slot(
        .fastCGIUpstream, initial: UpstreamSettings(tempPath: TempPath("fastcgi_temp"), hiding: HiddenHeaders.ofGateways))
    static let upstream = UpstreamFamily(
        prefix: "fastcgi_", slot: upstreamSlot, [.fields, .buffering, .lowWater],
        failures: RetryConditions.ofGateways)
    private static let family = CGIFamily(
        prefix: "fastcgi_", slot: slot, parameters: \.parameters, pass: \.pass, handler: .fastCGI)

    /// Answers a request of a location with `fastcgi_pass`.
    static func handle(_ request: Request) -> Verdict {
        let location = request.location
        let settings = location.settings(slot)
        guard let pass = settings.value.pass else { return UpstreamPass.missing(request) }
        let upstream = location.settings(upstreamSlot)
        return UpstreamExchange.pass(
            request, upstream, streams: !upstream.value.buffersRequest && upstream.value.passesRequestBody
        ) {
            FastCGIProtocol()
        } prepare: {
            $0.use(settings)
            return $0.prepare(for: request, pass, settings.value.parameters)
        }
    }

    static func prepare(_ scope: Scope, _ invocation: Invocation) throws(ConfigurationError) {
        try family.prepare(scope, invocation, upstream)
    }

    static var rows: [Row] {
        upstream.rows + [
            family.passRow("Passes requests to a server that speaks FastCGI, or to one of a group of them."),
            family.parameterRow,
            .text(
                "fastcgi_index", in: .request, slot, \.index,
                "What is added to the script's name where the path ends with a slash."),
            .custom(
                "fastcgi_split_path_info", in: .request, .one,
                "How a path is split into the script's name and what follows it: a regular expression with two captures.",
                syntax: "regex"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let regex = try Regex(pattern: invocation[0])
                guard regex.groupCount == 2 else {
                    throw invocation.fail("pattern \"\(invocation[0])\" must have 2 captures", at: invocation.arguments[0])
                }
                // As in nginx, the last one counts.
                invocation.write(slot) { $0.split = regex }
            },
            .flag(
                "fastcgi_keep_conn", in: .request, slot, \.keepsConnections,
                "Asks the server to leave connections open."),
            .custom(
                "fastcgi_catch_stderr", in: .request, .one,
                "A text in the error stream for which an answer is given up.", syntax: "string"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let known = invocation.isFirst ? [] : invocation[slot].fatalErrors
                let all = known + [invocation[0]]
                invocation.write(slot) { $0.fatalErrors = all }
            },
        ]
    }

    // MARK: - Variables

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("fastcgi_script_name", [.noCacheable, .noHash]) { request, out in
            let start = out.count
            guard appendPart(1, of: request, to: out) else { return false }
            if out.count > start, out[out.count - 1] == ASCII.slash { out.append(request.location.settings(slot).value.index) }
            return true
        }
        try registry.declareValue("fastcgi_path_info", [.noCacheable, .noHash]) { request, out in
            appendPart(2, of: request, to: out)
        }
    }

    /// Appends a part of the path as `fastcgi_split_path_info` splits it. What it does not split is all the script's name.
    private static func appendPart(_ number: Int, of request: Request, to output: Buffer) -> Bool {
        let path = request.routing.path
        if let regex = request.location.settings(slot).value.split {
            let captures = Captures()
            switch regex.match(path.span, captures: captures) {
            case .matched:
                captures.append(group: number, to: output)
                return true
            case .noMatch: break
            case .failed(let code):
                request.log(.alert) {
                    $0.append("regex failed: ")
                    $0.append(decimal: Int(code))
                    $0.append(" on \"")
                    $0.append(path)
                    $0.append(ASCII.quote)
                }
                return false
            }
        }
        if number == 1 { output.append(path) }
        return true
    }
}

/// What the directives of the module alone set.
struct FastCGISettings: Sendable {
    var pass: UpstreamPass?
    var parameters = CGIParameters([], host: nil)
    var index = ByteString.empty
    var split: Regex?
    var keepsConnections = false
    /// What `fastcgi_catch_stderr` names.
    var fatalErrors: [ByteString] = []
}
