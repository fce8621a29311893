/// Who reads files: `aio`.
struct FileReaders: Sendable {
    /// The name of a `thread_pool`.
    var pool: Template
    /// The kernel does in its place, where it is asked by a ring: `on`.
    var prefersKernel = false
}

extension Request {
    /// Settles how a file is read that is about to be sent.
    ///
    /// - Parameter size: nil for a temporary file, which is no matter for `directio`.
    func settleReading(of file: OpenFile, size: Int?) {
        lendLocation {
            let isDirect = if let size, let least = $0.core.value.directSize { size >= least } else { false }
            guard isDirect || $0.core.value.readers != nil, file.reading == nil else { return }
            settleReading(of: file, isDirect: isDirect, $0.core)
        }
    }

    @inline(never)
    private func settleReading(of file: OpenFile, isDirect: Bool, _ settings: Box<CoreSettings>) {
        let loop = engine.loop
        guard let reads = loop.fileReads else { return }
        var pool: Int?
        if let readers = settings.value.readers {
            let name = loop.buffers.take()
            readers.pool.append(to: name, scope: self)
            pool = reads.pool(named: name.span)
            if pool == nil {
                log(.error) {
                    $0.append("thread pool \"")
                    $0.append(name)
                    $0.append("\" not found")
                }
            }
            loop.buffers.give(name)
        }
        guard pool != nil || isDirect else { return }
        if isDirect { _ = loop.kernel.readExactly(file.descriptor) }
        file.reading = FileReading(
            pool: pool, prefersKernel: settings.value.readers?.prefersKernel ?? false, leavesCache: isDirect,
            alignment: settings.value.directAlignment, reads: reads)
    }
}
