/// What all logs of a process share: the time, the scratch for one line, and the terminal of the operator.
///
/// It is made once and outlives reloads. A process has one thread, so it needs no lock; the same holds for every
/// class of this target that says `@unchecked Sendable`, which they do because frozen settings refer to them.
final class LogEnvironment: @unchecked Sendable {
    let clock: WallClock
    /// What log files are opened and written through.
    let kernel: Kernel
    /// The name before messages on the standard error stream: `nginx` or `apus`.
    let program: ByteString
    /// Until the server runs in the background, messages of `warn` and above go to the standard error stream as well.
    var echoesToStandardError = true
    /// For one line at a time; see `borrowLine`.
    private let line = Buffer(capacity: 4_096)
    private var isLineLent = false

    init(
        program: ByteString, clock: WallClock = WallClock(), kernel: Kernel = Kernel()
    ) {
        self.program = program
        self.clock = clock
        self.kernel = kernel
    }

    /// Lends the scratch line, emptied. Whoever logs while a line is being composed gets one of his own.
    func withLine(_ body: (Buffer) -> Void) {
        if isLineLent { return body(Buffer(capacity: 1_024)) }
        isLineLent = true
        line.removeAll()
        body(line)
        isLineLent = false
    }

    /// Writes `nginx: [emerg] message` to the standard error stream: before any log is open.
    func writeToStandardError(_ level: LogLevel, _ message: ByteString) {
        withLine { line in
            appendPrefix(level, to: line)
            line.append(message)
            line.append(ASCII.lf)
            _ = try? AppendFile.append(line.span, to: 2)
        }
    }

    func appendPrefix(_ level: LogLevel, to line: Buffer) {
        line.append(program)
        line.append(": [")
        line.append(level.name)
        line.append("] ")
    }
}
