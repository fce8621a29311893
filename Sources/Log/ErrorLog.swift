/// Where the lines of an error log go.
enum ErrorLogSink: Sendable {
    case file(LogFile)
    case syslog(Syslog)
    case memory(MemoryLog)
}

/// One `error_log` directive: a sink and the least grave level that it takes.
struct ErrorLogTarget: Sendable {
    let sink: ErrorLogSink
    let level: LogLevel

    init(sink: ErrorLogSink, level: LogLevel) {
        self.sink = sink
        self.level = level
    }
}

/// The circumstances of a message: which connection, and what the layer above tells about it. A connection conforms, or a request.
protocol LogContext: AnyObject {
    /// Counts all connections of the server from 1; 0 is none.
    var connectionNumber: UInt64 { get }
    /// `debug_connection` holds for this client: everything is logged.
    var isDebugged: Bool { get }
    /// Appends `, client: …, server: …, request: "…"` and so on. Control bytes are escaped by the caller.
    func appendContext(to line: Buffer)
}

extension LogContext {
    var isDebugged: Bool { false }
}

/// Only the number of a connection.
private final class BareConnection: LogContext {
    let connectionNumber: UInt64

    init(_ number: UInt64) {
        connectionNumber = number
    }

    func appendContext(to line: Buffer) {}
}

/// A log for people: what went wrong and what happened, graded by level, in one or more places.
///
/// Lines have nginx's form and limit of 2048 bytes. Control bytes in them are written as `\xHH`, where nginx writes them as
/// they come: a client must not be able to forge a line or to send commands to the terminal of who reads the log.
final class ErrorLog: @unchecked Sendable {
    /// Bytes of a line with its line feed.
    static let lineLimit = 2_048

    private let environment: LogEnvironment
    /// The most talkative first.
    private(set) var targets: [ErrorLogTarget]
    /// The least grave level that any target takes; 0 with none.
    private var threshold: UInt8 = 0

    init(environment: LogEnvironment, targets: [ErrorLogTarget] = []) {
        self.environment = environment
        self.targets = []
        for target in targets { add(target) }
    }

    func add(_ target: ErrorLogTarget) {
        let place = targets.firstIndex { $0.level < target.level } ?? targets.count
        targets.insert(target, at: place)
        threshold = max(threshold, target.level.rawValue)
    }

    /// A log with one more target: logs are shared by the blocks of a configuration, so one is not changed there.
    func adding(_ target: ErrorLogTarget) -> ErrorLog {
        ErrorLog(environment: environment, targets: targets + [target])
    }

    /// The most talkative target that is a file.
    var file: LogFile? {
        for target in targets {
            if case .file(let file) = target.sink { return file }
        }
        return nil
    }

    /// Whether a message of `level` is written at all: ask before gathering what it costs to make one.
    func isEnabled(_ level: LogLevel) -> Bool {
        level.rawValue <= threshold
    }

    /// Writes one line: what `compose` appends, then the error in parentheses, then the context.
    func write(
        _ level: LogLevel, errno: Errno? = nil, _ context: (any LogContext)? = nil,
        _ compose: (Buffer) -> Void
    ) {
        if level.rawValue > threshold, context?.isDebugged != true, !echoes(level) { return }
        environment.withLine { line in
            environment.clock.refresh()
            let message = appendHead(level, connection: context?.connectionNumber ?? 0, to: line)
            compose(line)
            line.escape(from: message, .controls)
            if let errno { appendError(errno, to: line) }
            if level != .debug, let context {
                let start = line.count
                context.appendContext(to: line)
                line.escape(from: start, .controls)
            }
            if line.count > Self.lineLimit - 1 { line.truncate(to: Self.lineLimit - 1) }
            line.append(ASCII.lf)
            deliver(line, level, messageStart: message, isDebugged: context?.isDebugged ?? false)
        }
    }

    /// As above for a connection whose context is not at hand.
    func write(
        _ level: LogLevel, connection: UInt64, errno: Errno? = nil, _ compose: (Buffer) -> Void
    ) {
        if level.rawValue > threshold, !echoes(level) { return }
        write(level, errno: errno, BareConnection(connection), compose)
    }

    // MARK: - The line

    /// Appends `2026/11/23 10:00:00 [error] 12#12: *34 ` and returns where the message starts.
    private func appendHead(_ level: LogLevel, connection: UInt64, to line: Buffer) -> Int {
        environment.clock.appendErrorTime(to: line)
        line.append(" [")
        line.append(level.name)
        line.append("] ")
        // A process has one thread, whose number is the process's.
        let process = ThisProcess.id
        line.append(decimal: process)
        line.append(ASCII.hash)
        line.append(decimal: process)
        line.append(": ")
        if connection != 0 {
            line.append(ASCII.asterisk)
            line.append(decimal: connection)
            line.append(ASCII.space)
        }
        return line.count
    }

    /// Appends ` (2: No such file or directory)`; a long message gives way to it.
    private func appendError(_ errno: Errno, to line: Buffer) {
        if line.count > Self.lineLimit - 50 {
            line.truncate(to: Self.lineLimit - 50)
            line.append("...")
        }
        line.append(" (")
        line.append(decimal: Int(errno.code))
        line.append(": ")
        line.append(errno.text)
        line.append(ASCII.closeParenthesis)
    }

    // MARK: - The targets

    private func echoes(_ level: LogLevel) -> Bool {
        environment.echoesToStandardError && level <= .warn && threshold != 0
    }

    private func deliver(
        _ line: Buffer, _ level: LogLevel, messageStart: Int, isDebugged: Bool
    ) {
        var reachedStandardError = false
        for target in targets {
            if target.level < level && !isDebugged { break }
            switch target.sink {
            case .file(let file):
                file.write(line.span, at: environment.clock.seconds, complaints: nil)
                if file.isStandardError { reachedStandardError = true }
            case .syslog(let peer):
                peer.send(line.span(0..<line.count - 1), level: level, complaints: self)
            case .memory(let ring):
                ring.append(line.span)
            }
        }
        if environment.echoesToStandardError, level <= .warn, !reachedStandardError {
            echo(line.span(messageStart..<line.count), level)
        }
    }

    private func echo(_ message: Span<UInt8>, _ level: LogLevel) {
        let text = Buffer(capacity: message.count + 32)
        environment.appendPrefix(level, to: text)
        text.append(message)
        _ = try? AppendFile.append(text.span, to: 2)
    }
}
