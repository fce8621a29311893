public import Bytes

/// How grave a message is, the gravest first.
public enum LogLevel: UInt8, Comparable, CaseIterable, Sendable {
    case emerg = 1
    case alert, crit, error, warn, notice, info, debug

    /// The name that configurations and log lines use.
    public var name: StaticString {
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

    public init?(named name: ByteString) {
        guard let level = Self.allCases.first(where: { name.span.equals($0.name) }) else {
            return nil
        }
        self = level
    }

    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        left.rawValue < right.rawValue
    }
}
