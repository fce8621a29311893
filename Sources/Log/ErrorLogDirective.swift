/// What a configuration is built into, as far as logs care: the builder of every evaluation conforms.
protocol LogFilesOwner: AnyObject {
    /// The log files of the cycle being made.
    var logFiles: LogFiles { get }
}

/// The error log of a block.
struct ErrorLogSettings: Sendable {
    /// Nil where no block has one: then it is the cycle's, `LogFiles.errorLog`.
    var log: ErrorLog?

    init() {}
}

/// The directive `error_log`, which is the same in every context.
enum ErrorLogDirective {
    /// The row for the main context, with no slot, which fills the cycle's own log; or for others, with theirs.
    static func row(in contexts: Contexts, slot: Slot<ErrorLogSettings>? = nil) -> Row {
        .custom(
            "error_log", in: contexts, .atLeast(1),
            """
            Where errors are logged: a file, `stderr`, `syslog:server=…` or `memory:size`, and from \
            which level on. Several may be given; in an inner block they replace those outside.
            """,
            syntax: "file [level]"
        ) { (invocation: inout Invocation) throws(ConfigurationError) in
            let files = try invocation.logFiles()
            let target = ErrorLogTarget(
                sink: try sink(&invocation, files), level: try level(invocation))
            guard let slot else { return files.errorLog.add(target) }
            let isFirst = invocation.isFirst
            invocation.write(slot) { settings in
                let outer = isFirst ? nil : settings.log
                settings.log = (outer ?? ErrorLog(environment: files.environment)).adding(target)
            }
        }
    }

    private static func sink(
        _ invocation: inout Invocation, _ files: LogFiles
    ) throws(ConfigurationError) -> ErrorLogSink {
        let word = invocation[0]
        if word == "stderr" { return .file(files.standardError()) }
        if let size = word.value(of: "memory:") {
            // A ring must at least hold one line.
            guard let bytes = Units.size(size.span), bytes > ErrorLog.lineLimit else {
                throw invocation.fail(
                    "invalid buffer size \"\(size)\"", at: invocation.arguments[0])
            }
            return .memory(MemoryLog(size: bytes))
        }
        if let parameters = word.value(of: "syslog:") {
            return .syslog(try invocation.syslog(parameters, files))
        }
        return .file(files.file(word))
    }

    /// The level behind the file's name; without one, `error`.
    private static func level(_ invocation: Invocation) throws(ConfigurationError) -> LogLevel {
        var level: LogLevel?
        var hasParts = false
        for word in invocation.arguments.dropFirst() {
            if let named = LogLevel(named: word.value) {
                if level != nil || hasParts {
                    throw invocation.fail("duplicate log level \"\(word.text)\"", at: word)
                }
                level = named
            } else if debugParts.contains(where: { word.equals($0) }), level == nil {
                // The parts of nginx that debug messages can be limited to. Here there is one debug level.
                hasParts = true
            } else {
                throw invocation.fail(
                    "invalid log level \"\(word.text)\"",
                    advice: "the levels are emerg, alert, crit, error, warn, notice, info, debug",
                    at: word)
            }
        }
        return hasParts ? .debug : level ?? .error
    }

    private static let debugParts: [StaticString] = [
        "debug_core", "debug_alloc", "debug_mutex", "debug_event", "debug_http", "debug_mail",
        "debug_stream",
    ]
}

extension Invocation {
    /// The log files of the configuration being built.
    func logFiles() throws(ConfigurationError) -> LogFiles {
        guard let owner = builder as? any LogFilesOwner else {
            throw fail("there are no log files here")
        }
        return owner.logFiles
    }

    /// The syslog server of a `syslog:` argument, whose rest is `parameters`.
    func syslog(
        _ parameters: ByteString, _ files: LogFiles
    ) throws(ConfigurationError) -> Syslog {
        do {
            return Syslog(try SyslogParameters(parameters), environment: files.environment)
        } catch {
            throw fail(error.message, at: arguments.first)
        }
    }
}
