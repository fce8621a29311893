/// How much a message about the server's own state matters, in nginx's levels.
package enum Severity: UInt8, Comparable, Sendable {
    case emerg = 1
    case alert, crit, error, warn, notice, info, debug

    package static func < (left: Severity, right: Severity) -> Bool {
        left.rawValue < right.rawValue
    }

    /// As log lines name it: `emerg`.
    package var name: StaticString {
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
}

/// Where starting, reloading and ending are reported: cold paths only. Text is built before the level is looked at.
package protocol ProcessLog: AnyObject {
    /// Writes one line, without its end.
    func write(_ severity: Severity, _ message: String)
}

extension ProcessLog {
    /// Writes a message followed by the system's error: ` (2: No such file or directory)`.
    package func write(_ severity: Severity, _ message: String, _ error: Errno) {
        write(severity, error.code == 0 ? message : "\(message) (\(error))")
    }
}
