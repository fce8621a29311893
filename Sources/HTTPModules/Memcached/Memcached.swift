/// ngx_http_memcached_module: answers with what a memcached server has for a key.
enum Memcached {
    static let slot = Slot(.memcached, initial: MemcachedSettings())
    static let upstreamSlot = Slot(.memcachedUpstream, initial: upstreamSettings)
    static let family = UpstreamFamily(prefix: "memcached_", slot: upstreamSlot, [], failures: failures)

    private static var upstreamSettings: UpstreamSettings {
        var settings = UpstreamSettings(tempPath: TempPath("memcached_temp"), hiding: [])
        settings.isBuffering = false
        settings.passesRequestHeaders = false
        settings.passesRequestBody = false
        settings.interceptsErrors = true
        settings.intercepts404 = true
        settings.forcesRanges = true
        return settings
    }

    private static let failures: [(String, RetryConditions)] = [
        ("error", .error), ("timeout", .timeout), ("invalid_response", .invalidHeader), ("not_found", .http404), ("off", .off),
    ]

    /// Answers a request of a location with `memcached_pass`.
    static func handle(_ request: Request) -> Verdict {
        let location = request.location
        let settings = location.settings(slot)
        guard let pass = settings.value.pass else { return UpstreamPass.missing(request) }
        guard request.method == .get || request.method == .head else { return .answer(.notAllowed) }
        let upstream = location.settings(upstreamSlot)
        return UpstreamExchange.pass(request, upstream, streams: false) {
            MemcachedProtocol()
        } prepare: {
            $0.prepare(for: request, settings, pass)
        }
    }

    static var rows: [Row] {
        family.rows + [
            .custom(
                "memcached_pass", in: [.location, .ifInLocation], .one,
                "Answers with what a memcached server, or one of a group of them, has for the key.",
                mayRepeat: false, syntax: "address"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let pass = try UpstreamPass.read(invocation, takesVariables: false)
                let key = try Template(
                    compiling: "$memcached_key", registry: invocation.httpBuilder.registry,
                    at: invocation.arguments[0].position)
                invocation.write(slot) {
                    $0.pass = pass
                    $0.key = key
                }
                (invocation.scope.owner as? LocationBuilder)?.passes(with: .memcached)
            },
            .number(
                "memcached_gzip_flag", in: .request, slot, \.gzipFlag,
                "The flag of values that are compressed; 0: it is not looked at."),
        ]
    }
}

/// What the directives of the module alone set.
struct MemcachedSettings: Sendable {
    var pass: UpstreamPass?
    var key: Template?
    var gzipFlag = 0
}
