/// The log files of one cycle: each path is opened once, in the master, and again whenever logs are rotated.
///
/// A reload makes a new registry and opens every file anew, as nginx does: tools that rotate logs count on it.
final class LogFiles: @unchecked Sendable {
    let environment: LogEnvironment
    /// The cycle's own error log. It takes the complaints about other logs.
    let errorLog: ErrorLog
    /// What relative paths are relative to, with the slash at its end.
    private let prefix: ByteString
    private(set) var all: [LogFile] = []
    private var indices: [ByteString: Int] = [:]
    /// Unbuffered files with lines of this turn.
    let dirty = List<LogFile>()
    /// The caches of files whose paths have variables; they are emptied after a rotation.
    var caches: [OpenLogFileCache] = []
    /// Present while a loop writes what gathers.
    var timer: FlushTimer?

    init(environment: LogEnvironment, prefix: ByteString) {
        self.environment = environment
        self.prefix = prefix
        errorLog = ErrorLog(environment: environment)
    }

    /// The file for `path` as configured; it is opened later, by `open()`.
    func file(_ path: ByteString) -> LogFile {
        let path = fullPath(path)
        if let index = indices[path] { return all[index] }
        let file = LogFile(path: path, kernel: environment.kernel)
        indices[path] = all.count
        all.append(file)
        return file
    }

    /// The standard error stream as a log.
    func standardError() -> LogFile {
        if let index = indices[.empty] { return all[index] }
        let file = LogFile(path: .empty, kernel: environment.kernel)
        indices[.empty] = all.count
        all.append(file)
        return file
    }

    /// A relative path made absolute.
    func fullPath(_ path: ByteString) -> ByteString {
        path.isEmpty || path[0] == ASCII.slash ? path : prefix + path
    }

    /// Gives the cycle's error log a file if the configuration gave it none: `path` at level `error`.
    func addDefaultErrorLog(_ path: ByteString) {
        if errorLog.file == nil {
            errorLog.add(ErrorLogTarget(sink: .file(file(path)), level: .error))
        }
    }

    /// Opens all files of a new cycle; the first failure ends it.
    func open() throws(LogFileFailure) {
        for file in all where file.number < 0 { try file.open() }
    }

    /// Writes what is gathered and opens every file again, by name: after a rotation (USR1). The master passes the
    /// workers' user id; workers pass nil. A file that cannot be opened again goes on as it is.
    func reopen(owner user: UInt32?) {
        flush()
        for cache in caches { cache.removeAll() }
        for file in all {
            do { try file.reopen(owner: user) } catch {
                errorLog.write(.emerg) { $0.append(error.message) }
            }
        }
        redirectStandardError()
    }

    /// Sends the process's standard error stream to the error log, unless some log is that stream.
    func redirectStandardError() {
        guard indices[.empty] == nil, let file = errorLog.file else { return }
        do { try file.becomeStandardError() } catch {
            errorLog.write(.alert, errno: error) { $0.append("dup2(STDERR_FILENO) failed") }
        }
    }
}
