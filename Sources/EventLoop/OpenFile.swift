package import Platform

/// An open file that several readers share; closed with the last of them.
package final class OpenFile {
    package let descriptor: Int32
    package let status: FileStatus
    private let kernel: Kernel

    /// Takes over `descriptor`.
    package init(descriptor: Int32, status: FileStatus, kernel: Kernel) {
        self.descriptor = descriptor
        self.status = status
        self.kernel = kernel
    }

    deinit {
        kernel.close(descriptor)
    }
}
