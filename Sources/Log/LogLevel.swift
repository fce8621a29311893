/// How grave a message is, the gravest first.
enum LogLevel: UInt8, Comparable, CaseIterable, Sendable {
    case emerg = 1
    case alert, crit, error, warn, notice, info, debug

    /// The name that configurations and log lines use.
    var name: StaticString {
        switch self {
        case .emerg: "emerg"
        case .alert: "alert"
        case .crit: "crit"
        case .error: "error"
        case .warn: "warn"
        case .notice: "notice"
        case .info: "info"
        case .debug: "debug"
        }
    }

    init?(named name: ByteString) {
        guard let level = Self.allCases.first(where: { name.span.equals($0.name) }) else {
            return nil
        }
        self = level
    }

    static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}
