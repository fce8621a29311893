import CLinux

/// A Linux error number, as system calls report it.
public struct Errno: Error, Equatable, Hashable, Sendable {
    package let code: Int32

    package init(_ code: Int32) {
        self.code = code
    }

    /// The calling thread's last error. Valid only directly after a failed call.
    package static var last: Errno { Errno(apus_errno()) }

    /// The C library's text, such as `No such file or directory`.
    package var text: String {
        guard let text = unsafe strerror(code) else { return "Unknown error" }
        return unsafe String(cString: text)
    }

    package static let again = Errno(EAGAIN)
    package static let interrupted = Errno(EINTR)
    package static let notFound = Errno(ENOENT)
    package static let notDirectory = Errno(ENOTDIR)
    package static let nameTooLong = Errno(ENAMETOOLONG)
    package static let accessDenied = Errno(EACCES)
    package static let notPermitted = Errno(EPERM)
    package static let isDirectory = Errno(EISDIR)
    package static let tooManyLinks = Errno(ELOOP)
    package static let exists = Errno(EEXIST)
    package static let inProgress = Errno(EINPROGRESS)
    package static let connectionReset = Errno(ECONNRESET)
    package static let connectionRefused = Errno(ECONNREFUSED)
    package static let connectionAborted = Errno(ECONNABORTED)
    package static let brokenPipe = Errno(EPIPE)
    package static let timedOut = Errno(ETIMEDOUT)
    package static let notConnected = Errno(ENOTCONN)
    package static let addressInUse = Errno(EADDRINUSE)
    package static let processFilesExhausted = Errno(EMFILE)
    package static let systemFilesExhausted = Errno(ENFILE)
    package static let noSpace = Errno(ENOSPC)
    package static let noMemory = Errno(ENOMEM)
    package static let noBuffers = Errno(ENOBUFS)
    package static let noSuchProcess = Errno(ESRCH)
    package static let noChild = Errno(ECHILD)
    package static let invalid = Errno(EINVAL)
    package static let unsupported = Errno(EOPNOTSUPP)
    package static let noSystemCall = Errno(ENOSYS)
}

extension Errno: CustomStringConvertible {
    /// nginx's form: `2: No such file or directory`.
    public var description: String { "\(code): \(text)" }
}
