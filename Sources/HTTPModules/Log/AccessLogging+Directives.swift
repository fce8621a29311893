/// What the http block is built into, as far as access logs care.
protocol LogFormatsOwner: LogFilesOwner {
    /// Made with `RequestLogFields` and `LogFormats.combined`.
    var logFormats: LogFormats { get }
}

extension AccessLogging {
    static var rows: [Row] {
        directives.rows(
            formatsIn: .http, logsIn: [.request, .ifInLocation, .limitExcept], cacheIn: .request)
            + [ErrorLogDirective.row(in: .request, slot: errorSlot)]
    }

    /// Gives a server without any `access_log` the default one. For the scope of every server, when it is settled.
    static func addDefault(
        _ path: ByteString, to scope: Scope
    ) throws(ConfigurationError) {
        try directives.addDefault(path, to: scope)
    }

    private static let directives = AccessLogDirectives(slot: slot, hasDefaultFormat: true) {
        ($0 as? any LogFormatsOwner)?.logFormats
    }
}
