package import Bytes
package import Platform

/// Why a file could not be read.
package struct FileFailure: Error, Sendable {
    /// The system call, as nginx names it: `open()`.
    package let operation: String
    package let errno: Errno

    package init(operation: String, errno: Errno) {
        self.operation = operation
        self.errno = errno
    }
}

/// Where configuration files come from: the file system, or memory in tests.
package protocol ConfigurationFiles {
    func contents(of path: ByteString) throws(FileFailure) -> [UInt8]
    /// The files that match a pattern with `*`, `?`, `[`, sorted; none is not a failure.
    func matches(of pattern: ByteString) throws(FileFailure) -> [ByteString]
}
