/// An open file that several readers share; closed with the last of them.
final class OpenFile {
    let descriptor: Int32
    let status: FileStatus
    private let kernel: Kernel
    /// How what is not in the page cache is read; nil: whoever sends the file waits for it.
    final var reading: FileReading?

    /// Takes over `descriptor`.
    init(descriptor: Int32, status: FileStatus, kernel: Kernel) {
        self.descriptor = descriptor
        self.status = status
        self.kernel = kernel
    }

    deinit {
        if let reading, reading.passOn(descriptor) { return }
        kernel.close(descriptor)
    }
}
