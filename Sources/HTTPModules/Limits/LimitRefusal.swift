/// The settings of limits that refuse.
protocol LimitSettings: Sendable {
    var refusal: LimitRefusal { get set }
}

/// How a limit refuses: what both kinds of limits are told alike.
struct LimitRefusal: Sendable {
    var level = LogLevel.error
    var status = 503
    /// Nothing is refused, only logged.
    var isDryRun = false

    /// Delays are less grave than refusals by one.
    var delayLevel: LogLevel {
        level == .info ? .info : LogLevel(rawValue: level.rawValue + 1) ?? .info
    }

    static func rows<S: LimitSettings>(prefix: String, _ slot: Slot<S>, _ levelSummary: String) -> [Row] {
        [
            .choice(
                prefix + "log_level", in: .request, slot, \.refusal.level,
                [("info", .info), ("notice", .notice), ("warn", .warn), ("error", .error)], levelSummary),
            .number(
                prefix + "status", in: .request, slot, \.refusal.status, atLeast: 400, atMost: 599,
                "The status that refused requests are answered with."),
            .flag(
                prefix + "dry_run", in: .request, slot, \.refusal.isDryRun,
                "Whether requests over the limit are only logged."),
        ]
    }
}
