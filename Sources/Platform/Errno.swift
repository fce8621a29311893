import CLinux

/// A Linux error number, as system calls report it.
struct Errno: Error, Equatable, Hashable, Sendable {
    let code: Int32

    init(_ code: Int32) {
        self.code = code
    }

    /// The calling thread's last error. Valid only directly after a failed call.
    static var last: Errno { Errno(apus_errno()) }

    /// The C library's text, such as `No such file or directory`.
    var text: String {
        guard let text = unsafe strerror(code) else { return "Unknown error" }
        return unsafe String(cString: text)
    }

    static let again = Errno(EAGAIN)
    static let interrupted = Errno(EINTR)
    static let notFound = Errno(ENOENT)
    static let notDirectory = Errno(ENOTDIR)
    static let nameTooLong = Errno(ENAMETOOLONG)
    static let accessDenied = Errno(EACCES)
    static let notPermitted = Errno(EPERM)
    static let isDirectory = Errno(EISDIR)
    static let tooManyLinks = Errno(ELOOP)
    static let exists = Errno(EEXIST)
    static let inProgress = Errno(EINPROGRESS)
    static let connectionReset = Errno(ECONNRESET)
    static let connectionRefused = Errno(ECONNREFUSED)
    static let connectionAborted = Errno(ECONNABORTED)
    static let brokenPipe = Errno(EPIPE)
    static let timedOut = Errno(ETIMEDOUT)
    static let notConnected = Errno(ENOTCONN)
    static let addressInUse = Errno(EADDRINUSE)
    static let processFilesExhausted = Errno(EMFILE)
    static let systemFilesExhausted = Errno(ENFILE)
    static let inputOutput = Errno(EIO)
    static let noSpace = Errno(ENOSPC)
    static let noMemory = Errno(ENOMEM)
    static let noBuffers = Errno(ENOBUFS)
    static let noSuchProcess = Errno(ESRCH)
    static let noChild = Errno(ECHILD)
    static let invalid = Errno(EINVAL)
    static let protocolError = Errno(EPROTO)
    static let unsupported = Errno(EOPNOTSUPP)
    static let noSystemCall = Errno(ENOSYS)
}

extension Errno: CustomStringConvertible {
    /// nginx's form: `2: No such file or directory`.
    var description: String { "\(code): \(text)" }
}
