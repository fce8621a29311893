import CLinux

/// A Linux error number, as system calls report it.
public struct Errno: Error, Equatable, Hashable, Sendable {
    public let code: Int32

    public init(_ code: Int32) {
        self.code = code
    }

    /// The calling thread's last error. Valid only directly after a failed call.
    public static var last: Errno { Errno(apus_errno()) }

    /// The C library's text, such as `No such file or directory`.
    public var text: String {
        guard let text = unsafe strerror(code) else { return "Unknown error" }
        return unsafe String(cString: text)
    }

    public static let again = Errno(EAGAIN)
    public static let interrupted = Errno(EINTR)
    public static let notFound = Errno(ENOENT)
    public static let notDirectory = Errno(ENOTDIR)
    public static let nameTooLong = Errno(ENAMETOOLONG)
    public static let accessDenied = Errno(EACCES)
    public static let notPermitted = Errno(EPERM)
    public static let isDirectory = Errno(EISDIR)
    public static let tooManyLinks = Errno(ELOOP)
    public static let exists = Errno(EEXIST)
    public static let inProgress = Errno(EINPROGRESS)
    public static let connectionReset = Errno(ECONNRESET)
    public static let connectionRefused = Errno(ECONNREFUSED)
    public static let connectionAborted = Errno(ECONNABORTED)
    public static let brokenPipe = Errno(EPIPE)
    public static let timedOut = Errno(ETIMEDOUT)
    public static let notConnected = Errno(ENOTCONN)
    public static let addressInUse = Errno(EADDRINUSE)
    public static let processFilesExhausted = Errno(EMFILE)
    public static let systemFilesExhausted = Errno(ENFILE)
    public static let noSpace = Errno(ENOSPC)
    public static let noMemory = Errno(ENOMEM)
    public static let noBuffers = Errno(ENOBUFS)
    public static let noSuchProcess = Errno(ESRCH)
    public static let noChild = Errno(ECHILD)
    public static let invalid = Errno(EINVAL)
    public static let unsupported = Errno(EOPNOTSUPP)
    public static let noSystemCall = Errno(ENOSYS)
}

extension Errno: CustomStringConvertible {
    /// nginx's form: `2: No such file or directory`.
    public var description: String { "\(code): \(text)" }
}
