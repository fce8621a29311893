import CLinux

/// This process and its children.
enum Process {
    /// How a child ended.
    struct End: Equatable, Sendable {
        var id: Int32
        /// The exit code, 0 if a signal ended it.
        var code: Int32
        /// The signal that ended it, or 0.
        var signal: Int32
        var dumpedCore: Bool

        init(id: Int32, code: Int32, signal: Int32 = 0, dumpedCore: Bool = false) {
            self.id = id
            self.code = code
            self.signal = signal
            self.dumpedCore = dumpedCore
        }
    }

    static var id: Int32 { getpid() }
    static var parent: Int32 { getppid() }

    /// The arguments the process was started with, the program's name first, ill-formed UTF-8 repaired.
    static var arguments: [String] {
        (0..<apus_argument_count()).map { index in
            guard let argument = unsafe apus_argument(index) else { return "" }
            return unsafe String(cString: argument)
        }
    }

    /// Splits the process in two; the child gets nil, the parent the child's number.
    ///
    /// No thread may exist: the child has only the calling one.
    static func fork() throws(Errno) -> Int32? {
        let child = apus_fork()
        if child < 0 { throw Errno.last }
        return child == 0 ? nil : child
    }

    /// One child that has ended and was not reported before, or nil if there is none now.
    static func nextEnded() throws(Errno) -> End? {
        while true {
            var status: Int32 = 0
            let child = unsafe waitpid(-1, &status, WNOHANG)
            if child > 0 {
                let signal = apus_exit_signal(status)
                return End(
                    id: child, code: signal == 0 ? apus_exit_status(status) : 0, signal: signal,
                    dumpedCore: signal != 0 && apus_dumped_core(status) != 0)
            }
            if child == 0 { return nil }
            let error = Errno.last
            if error == .interrupted { continue }
            if error == .noChild { return nil }
            throw error
        }
    }

    static func send(_ signal: Signal, to process: Int32) throws(Errno) {
        if kill(process, signal.number) != 0 { throw Errno.last }
    }

    /// Sends this process a signal.
    static func raise(_ signal: Signal) {
        _ = CLinux.raise(signal.number)
    }

    /// The folder that relative paths start from; `/` if it is gone.
    static var workingDirectory: String {
        guard let path = unsafe getcwd(nil, 0) else { return "/" }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    /// Writes to the standard output; what cannot be written is lost.
    static func print(_ text: String) {
        try? File.write(text.utf8, to: 1)
    }

    /// Writes to the standard error stream; what cannot be written is lost.
    static func complain(_ text: String) {
        try? File.write(text.utf8, to: 2)
    }

    /// Ends the process at once after flushing the C library's streams.
    static func exit(_ code: Int32) -> Never {
        CLinux.exit(code)
    }

    /// Becomes the leader of a session without a terminal.
    static func startSession() throws(Errno) {
        if setsid() < 0 { throw Errno.last }
    }

    /// The monotonic clock, which no one sets.
    static var monotonicMilliseconds: Int {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    static func sleep(milliseconds: Int) {
        var rest = timespec(
            tv_sec: milliseconds / 1_000, tv_nsec: milliseconds % 1_000 * 1_000_000)
        var left = timespec()
        while unsafe nanosleep(&rest, &left) != 0, Errno.last == .interrupted { rest = left }
    }

    // MARK: - Environment and execution

    /// The environment's entries, `NAME=value`.
    static var environment: [String] {
        var entries: [String] = []
        guard var next = unsafe apus_environment() else { return entries }
        while let entry = unsafe next.pointee {
            entries.append(unsafe String(cString: entry))
            unsafe next += 1
        }
        return entries
    }

    /// The value of a variable of the environment.
    static func environmentValue(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }

    /// Replaces the whole environment. The memory is never given back: the C library may keep pointers into it.
    static func replaceEnvironment(_ entries: [String]) {
        unsafe apus_replace_environment(copied(entries))
    }

    /// Runs this program's file again in place of this process, with its first arguments. Returns only on failure.
    static func executeAgain(environment: [String]) -> Errno {
        _ = unsafe apus_exec_again(copied(environment))
        return Errno.last
    }

    private static func copied(_ entries: [String]) -> UnsafeMutablePointer<
        UnsafeMutablePointer<CChar>?
    > {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(
            capacity: entries.count + 1)
        for (index, entry) in entries.enumerated() {
            unsafe (list + index).initialize(to: strdup(entry))
        }
        unsafe (list + entries.count).initialize(to: nil)
        return unsafe list
    }

    // MARK: - What others see

    /// Sets the title that `ps` shows, over the memory of the arguments and the environment.
    static func setTitle(_ title: String) {
        unsafe apus_set_title(title)
    }

    /// Sets the short name (`comm`), of which the kernel keeps 15 bytes.
    static func setName(_ name: String) {
        unsafe apus_set_name(name)
    }

    /// Allows core dumps after a change of user.
    static func allowDumps() throws(Errno) {
        if apus_prctl(PR_SET_DUMPABLE, 1, 0) != 0 { throw Errno.last }
    }

    /// From here on no execution of a file gives new privileges.
    static func forbidNewPrivileges() throws(Errno) {
        if apus_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) != 0 { throw Errno.last }
    }

    static func changeDirectory(to path: String) throws(Errno) {
        if unsafe chdir(path) != 0 { throw Errno.last }
    }

    /// Clears the mask of permission bits that new files do not get.
    static func clearFileMask() {
        _ = umask(0)
    }

    /// Points the standard input and output to `/dev/null`; returns the name of the call that failed.
    static func detachStandardStreams() -> (call: String, error: Errno)? {
        let null = unsafe apus_open("/dev/null", O_RDWR, 0)
        if null < 0 { return ("open(\"/dev/null\")", Errno.last) }
        if dup2(null, STDIN_FILENO) < 0 { return ("dup2(STDIN)", Errno.last) }
        if dup2(null, STDOUT_FILENO) < 0 { return ("dup2(STDOUT)", Errno.last) }
        if null > STDERR_FILENO { _ = close(null) }
        return nil
    }
}
