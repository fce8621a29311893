extension Request: LogContext {
    var connectionNumber: UInt64 { connection.number }
    var isDebugged: Bool { connection.isDebugged }

    /// nginx's context of a message: `, client: …, server: …, request: "…", upstream: "…", host: "…", referrer: "…"`.
    func appendContext(to line: Buffer) {
        if logAction.utf8CodeUnitCount > 0 {
            line.append(" while ")
            line.append(logAction)
        }
        line.append(", client: ")
        address.appendText(to: line, withPort: false)
        line.append(", server: ")
        line.append(server.name)
        let mark = line.count
        line.append(", request: \"")
        let start = line.count
        appendRequestLine(to: line)
        if line.count > start { line.append(ASCII.quote) } else { line.truncate(to: mark) }
        if !isMain {
            line.append(", subrequest: \"")
            line.append(routing.path)
            line.append(ASCII.quote)
        }
        // An upstream is told of in the log phase, too, when there is nothing to come from it any more.
        (producer ?? exchange.object)?.appendLogContext(to: line)
        if let host = head.fields.firstValue(of: .host) {
            line.append(", host: \"")
            line.append(head.bytes, host)
            line.append(ASCII.quote)
        }
        if let referrer = head.fields.firstValue(of: .referer) {
            line.append(", referrer: \"")
            line.append(head.bytes, referrer)
            line.append(ASCII.quote)
        }
    }

    /// Appends the request line, or of one that could not be read what has come of it.
    func appendRequestLine(to out: Buffer) {
        let line = head.requestLine.isEmpty ? head.firstLine : head.requestLine
        out.append(head.bytes, line)
    }

    /// Whether a message of the level goes anywhere.
    func isLogged(_ level: LogLevel) -> Bool { location.errorLog.isEnabled(level) || isDebugged }

    /// Writes to the location's error log; `compose` runs only if the level is logged.
    func log(_ level: LogLevel, errno: Errno? = nil, _ compose: (Buffer) -> Void) {
        let log = location.errorLog
        guard isLogged(level) else { return }
        log.write(level, errno: errno, self, compose)
    }

    /// Likewise, with nginx's ` while ` and what was being done behind the message and its error.
    func log(
        _ level: LogLevel, errno: Errno? = nil, while action: StaticString,
        _ compose: (Buffer) -> Void
    ) {
        let before = logAction
        logAction = action
        log(level, errno: errno, compose)
        logAction = before
    }
}
