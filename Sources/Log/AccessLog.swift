/// Where the lines of an access log go.
enum AccessLogSink: Sendable {
    case file(LogFile)
    case syslog(Syslog)
    /// A path with variables: the file is opened when its path is known.
    case path(Template, WriteHealth)
}

/// One `access_log` directive: a line for each request that meets its condition.
final class AccessLog: Sendable {
    let sink: AccessLogSink
    private let files: LogFiles
    private let format: LogFormat
    /// `if=`: no line if the value is empty or `0`.
    private let condition: Template?

    init(
        sink: AccessLogSink, files: LogFiles, format: LogFormat, condition: Template? = nil
    ) {
        self.sink = sink
        self.files = files
        self.format = format
        self.condition = condition
    }

    /// Whether the path has variables. nginx writes such logs only where the request's root directory exists: otherwise a
    /// client could create files by naming hosts. The caller has to see to that.
    var hasVariablePath: Bool {
        if case .path = sink { return true }
        return false
    }

    /// Writes the line of a request. `errors` takes complaints about paths with variables, for which `links` holds.
    func write(
        _ scope: VariableScope, cache: OpenLogFileCache? = nil, links: LinkSettings = LinkSettings(), errors: ErrorLog,
        _ context: (any LogContext)? = nil
    ) {
        if let condition, !condition.isTrue(in: scope) { return }
        let clock = files.environment.clock
        clock.refresh()
        switch sink {
        case .file(let file):
            if file.isIdle(at: clock.seconds) { return }
            let start = file.pending.count
            format.append(to: file.pending, scope, clock)
            file.pending.append(ASCII.lf)
            file.finishLine(from: start, files)
        case .syslog(let peer):
            files.environment.withLine { line in
                format.append(to: line, scope, clock)
                peer.send(line.span, level: nil, complaints: errors)
            }
        case .path(let template, let health):
            if health.fullSecond == clock.seconds { return }
            files.environment.withLine { line in
                template.append(to: line, scope: scope)
                let path = ByteString(line.span)
                let rule = links.rule(for: line, scope: scope)
                line.removeAll()
                format.append(to: line, scope, clock)
                line.append(ASCII.lf)
                guard let file = open(path, rule, cache, at: clock.seconds, errors, context) else {
                    return
                }
                file.write(line.span, at: clock.seconds, health: health, complaints: errors, context)
            }
        }
    }

    private func open(
        _ path: ByteString, _ links: LinkRule, _ cache: OpenLogFileCache?, at second: Int, _ errors: ErrorLog,
        _ context: (any LogContext)?
    ) -> LogFile? {
        do throws(LogFileFailure) {
            if let cache { return try cache.file(path, links, at: second) }
            let file = LogFile(path: path, kernel: files.environment.kernel, links: links)
            try file.open()
            return file
        } catch {
            errors.write(.crit, context) { $0.append(error.message) }
            return nil
        }
    }
}
