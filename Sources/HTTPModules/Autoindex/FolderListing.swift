/// The files in the folder that a request's path stands for.
final class FolderListing {
    struct Entry {
        let name: ByteString
        let status: FileStatus
    }

    enum Outcome {
        case opened
        /// Logged.
        case failed(Status)
    }

    private let request: Request
    private(set) var entries: [Entry] = []

    init(_ request: Request) {
        self.request = request
    }

    /// Reads the folder, and with `statuses` what its files are.
    func open(statuses: Bool) -> Outcome {
        let buffers = request.engine.loop.buffers
        let path = buffers.take()
        defer { buffers.give(path) }
        request.appendFilePath(to: path)
        // Without the slash at the end, as messages show it.
        if path.count > 1 { path.truncate(to: path.count - 1) }
        let length = path.count
        guard path.span.firstIndex(of: ASCII.nul) == nil else { return .failed(.notFound) }
        path.append(ASCII.nul)
        let names: [ByteString]
        do throws(Folder.Failure) {
            names = try Folder.visibleNames(in: path, kernel: request.engine.loop.kernel)
        } catch {
            path.truncate(to: length)
            return .failed(failure(error, path))
        }
        guard statuses else { return .opened }
        entries.reserveCapacity(names.count)
        path.truncate(to: length)
        path.append(ASCII.slash)
        for name in names {
            path.truncate(to: length + 1)
            path.append(name)
            path.append(ASCII.nul)
            switch status(of: path) {
            case .found(let status): entries.append(Entry(name: name, status: status))
            case .hidden: continue
            case .failed: return .failed(.internalServerError)
            }
        }
        return .opened
    }

    private func failure(_ failure: Folder.Failure, _ path: Buffer) -> Status {
        let status: Status
        switch failure.errno {
        case .notFound, .notDirectory, .nameTooLong: status = .notFound
        case .accessDenied: status = .forbidden
        default: status = .internalServerError
        }
        log(status == .internalServerError ? .crit : .error, failure.call, path, failure.errno)
        return status
    }

    private func log(_ level: LogLevel, _ call: StaticString, _ path: Buffer, _ error: Errno) {
        request.log(level, errno: error) {
            $0.append(call)
            $0.append(" \"")
            $0.append(path)
            $0.append("\" failed")
        }
    }

    private enum Found {
        case found(FileStatus)
        /// Nobody may know of it.
        case hidden
        case failed
    }

    /// What a file is; a link whose end is missing is shown as itself.
    private func status(of path: Buffer) -> Found {
        let kernel = request.engine.loop.kernel
        var status = FileStatus()
        let code = kernel.status(at: path, &status)
        if code >= 0 { return .found(status) }
        let error = Errno(Int32(-code))
        if error != .notFound, error != .tooManyLinks {
            path.truncate(to: path.count - 1)
            log(.crit, "stat()", path, error)
            return error == .accessDenied ? .hidden : .failed
        }
        let second = kernel.status(at: path, followLinks: false, &status)
        if second >= 0 { return .found(status) }
        // It went away since the folder was read.
        if Errno(Int32(-second)) == .notFound { return .hidden }
        path.truncate(to: path.count - 1)
        log(.crit, "lstat()", path, Errno(Int32(-second)))
        return .failed
    }

    /// Folders first, each kind in the order of bytes.
    func sort() {
        entries.sort { left, right in
            if left.status.isDirectory != right.status.isDirectory {
                return left.status.isDirectory
            }
            return left.name < right.name
        }
    }
}
