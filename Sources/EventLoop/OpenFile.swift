public import Platform

/// An open file that several readers share; closed with the last of them.
public final class OpenFile {
    public let descriptor: Int32
    public let status: FileStatus
    private let kernel: Kernel

    /// Takes over `descriptor`.
    public init(descriptor: Int32, status: FileStatus, kernel: Kernel) {
        self.descriptor = descriptor
        self.status = status
        self.kernel = kernel
    }

    deinit {
        kernel.close(descriptor)
    }
}
