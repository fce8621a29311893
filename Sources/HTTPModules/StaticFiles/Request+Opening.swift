/// Looks at files and opens them, by `open_file_cache` where that is on.
extension Request {
    /// What is at the path, for an answer.
    func open(_ path: Buffer) -> HotFiles.Found {
        lendLocation { open(path, $0.core, engine) }
    }

    @inline(never)
    private func open(_ path: Buffer, _ settings: Box<CoreSettings>, _ engine: RequestEngine) -> HotFiles.Found {
        let hot = engine.hotFiles
        guard let cache = settings.value.openFiles else {
            return hot.open(path, arrival: arrival, readAhead: settings.value.readAhead)
        }
        path.append(0)
        let found = look(in: cache, path)
        path.truncate(to: path.count - 1)
        switch found {
        case .file(let file): return hot.content(of: file, path).map { .hot($0) } ?? .file(file)
        case .folder: return .folder
        case .other: return .failed(.notFound)
        case .failed(let error): return .failed(error)
        }
    }

    /// The status of what is at a path, which ends with a NUL; 0, or a negative error number.
    func status(at path: Buffer, _ status: inout FileStatus) -> Int {
        guard let cache = core.value.openFiles else { return engine.loop.kernel.status(at: path, &status) }
        switch look(in: cache, path) {
        case .file(let file): status = file.status
        case .folder(let found), .other(let found): status = found
        case .failed(let error): return -Int(error.code)
        }
        return 0
    }

    private func look(in cache: OpenFileCache, _ path: Buffer) -> OpenFileCache.Found {
        let settings = core
        let loop = engine.loop
        return cache.open(
            path, settings.value.openFileRules, kernel: loop.kernel, second: loop.wallSeconds,
            readAhead: settings.value.readAhead)
    }
}
