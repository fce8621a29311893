/// An open log file of a cycle. All logs that name the same path share it, and with it its buffer.
final class LogFile: @unchecked Sendable {
    /// The full path; empty for the standard error stream.
    let path: ByteString
    private var owned: OpenFile?
    private let kernel: Kernel
    /// The links that may lead to the file: clients may have a part in the names of access logs.
    let links: LinkRule
    /// The descriptor's number, or -1 while the file is not open.
    private(set) var number: Int32 = -1
    /// Bytes that may gather within one turn of the event loop. Several workers write to one pipe, and only up to 4096
    /// bytes (PIPE_BUF) are kept together there, so lines for anything but a file gather only that far.
    private(set) var gatherLimit = 4_096
    private let health = WriteHealth()

    // What access logs gather; see LogFile+Gathering.swift.
    let pending = Buffer(capacity: 16)
    var buffering: LogBuffering?
    var isDirty = false
    /// When the gathered lines must be written, on the loop's clock in milliseconds.
    var flushDeadline: Int?

    init(path: ByteString, kernel: Kernel, links: LinkRule = LinkRule()) {
        self.path = path
        self.links = links
        self.kernel = kernel
        isNull = path == "/dev/null"
        if path.isEmpty { number = 2 }
    }

    var isStandardError: Bool { path.isEmpty }
    /// Whether all that is written is lost anyway.
    let isNull: Bool

    /// Opens the file, creating it where it is not there.
    func open() throws(LogFileFailure) {
        if isStandardError { return }
        guard links.links != .followed else {
            do { adopt(try openForAppending()) } catch {
                throw LogFileFailure(call: "open()", path: path, errno: error)
            }
            return
        }
        switch links.walk(nameForKernel, for: .appending, kernel) {
        case .opened(let fresh): adopt(fresh)
        case .failed(let failure): throw LogFileFailure(call: "\(failure.call)", path: path, errno: failure.errno)
        }
    }

    private func openForAppending() throws(Errno) -> Int32 {
        let code = kernel.open(path: nameForKernel, flags: AppendFile.flags, mode: AppendFile.mode)
        if code >= 0 { return Int32(code) }
        let failure = Errno(Int32(-code))
        if let stream = AppendFile.standardStream(at: path.bytes, after: failure) { return stream }
        throw failure
    }

    private var nameForKernel: Buffer {
        let name = Buffer(capacity: path.count + 1)
        name.append(path)
        name.append(0)
        return name
    }

    /// Replaces the descriptor by a newly opened one. Where that fails, the old one stays in use.
    ///
    /// The master passes the workers' `user`: the file is given to it, so that workers can open it again by themselves.
    func reopen(owner user: UInt32?) throws(LogFileFailure) {
        if isStandardError { return }
        let fresh: Int32
        do { fresh = try openForAppending() } catch {
            throw LogFileFailure(call: "open()", path: path, errno: error)
        }
        if let user { try give(to: user) }
        adopt(fresh)
    }

    private func give(to user: UInt32) throws(LogFileFailure) {
        let status = try Handover.status(path)
        // nginx gives devices away, too, `/dev/null` among them. Pipes are: only so can workers open `/dev/stdout` again.
        if status.isDevice { return }
        try Handover.give(path, status, to: user, mode: 0o600)
    }

    private func adopt(_ fresh: Int32) {
        var status = FileStatus()
        let isRegular = kernel.status(of: fresh, &status) == 0 && status.isRegular
        gatherLimit = isRegular ? 65_536 : 4_096
        number = fresh
        owned = OpenFile(descriptor: fresh, status: status, kernel: kernel)
    }

    /// Whether the path leads to the open file, rather than to another or to none after a rotation.
    var isStillAtPath: Bool {
        var named = FileStatus()
        guard let owned, links.look(at: nameForKernel, kernel: kernel, &named) == nil else { return false }
        return owned.status.isSameFile(as: named)
    }

    /// Points the process's standard error stream at this file, so that what libraries print is not lost.
    func becomeStandardError() throws(Errno) {
        if number >= 0, number != 2 { try AppendFile.redirect(number, to: 2) }
    }

    // MARK: - Writing

    /// Writes whole lines with one system call. A failure never reaches the caller's own work.
    ///
    /// `health` is the log's that the file belongs to, where that opens its files anew each time; `context` is then whose line it is.
    func write(
        _ bytes: Span<UInt8>, at second: Int, health: WriteHealth? = nil, complaints: ErrorLog?, _ context: (any LogContext)? = nil
    ) {
        let health = health ?? self.health
        if number < 0 || isNull || second == health.fullSecond { return }
        let written = kernel.write(number, bytes)
        let total = bytes.count
        if written == total { return }
        if written >= 0 {
            guard let complaints, health.mayComplain(at: second) else { return }
            return complaints.write(.alert, context) { [path] line in
                line.append("write() to \"")
                line.append(path)
                line.append("\" was incomplete: ")
                line.append(decimal: written)
                line.append(" of ")
                line.append(decimal: total)
            }
        }
        let error = Errno(Int32(-written))
        if error == .noSpace { health.fullSecond = second }
        guard let complaints, health.mayComplain(at: second) else { return }
        complaints.write(.alert, errno: error, context) { [path] line in
            line.append("write() to \"")
            line.append(path)
            line.append("\" failed")
        }
    }

    /// Whether a line would be thrown away, so that none need be made.
    func isIdle(at second: Int) -> Bool { isNull || second == health.fullSecond }
}

/// How writing to a log has gone lately.
final class WriteHealth: @unchecked Sendable {
    /// The second in which the disk was found full. Nothing more is written within it: on some file systems each
    /// attempt is slow.
    fileprivate(set) var fullSecond = Int.min
    /// When a failure was last complained about.
    private var complaintSecond = Int.min / 2

    init() {}

    /// At most one complaint is made in a minute.
    fileprivate func mayComplain(at second: Int) -> Bool {
        if second - complaintSecond <= 59 { return false }
        complaintSecond = second
        return true
    }
}

/// A log file, or a folder for the workers, that could not be opened, made or prepared.
struct LogFileFailure: Error, Equatable, Sendable {
    let call: String
    let path: ByteString
    /// Whose the file should have become, where that failed.
    var owner: UInt32?
    let errno: Errno

    /// `open() "/var/log/x" failed (13: Permission denied)`, `chown("/var/log/x", 33) failed (1: Operation not permitted)`
    var message: String {
        if let owner { return "chown(\"\(path)\", \(owner)) failed (\(errno))" }
        return "\(call) \"\(path)\" failed (\(errno))"
    }
}

/// How the lines of an access log are held back: the parameters `buffer=`, `flush=` and `gzip`.
struct LogBuffering: Equatable, Sendable {
    /// Bytes to gather before writing.
    var size: Int
    /// Milliseconds until even an unfilled buffer is written.
    var flush: Int?
    /// Level of compression, 1 to 9.
    var gzip: Int?

    init(size: Int, flush: Int? = nil, gzip: Int? = nil) {
        self.size = size
        self.flush = flush
        self.gzip = gzip
    }
}
