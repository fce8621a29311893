/// An open file that several readers share; closed with the last of them.
final class OpenFile {
    let descriptor: Int32
    let status: FileStatus
    private let kernel: Kernel

    /// Takes over `descriptor`.
    init(descriptor: Int32, status: FileStatus, kernel: Kernel) {
        self.descriptor = descriptor
        self.status = status
        self.kernel = kernel
    }

    deinit {
        kernel.close(descriptor)
    }
}
