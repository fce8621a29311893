/// Looks at files and opens them, by `open_file_cache` and `disable_symlinks` where they are on.
extension Request {
    /// What is at the path, for an answer.
    func open(_ path: Buffer) -> HotFiles.Found {
        lendLocation { open(path, $0.core, engine) }
    }

    @inline(never)
    private func open(_ path: Buffer, _ settings: Box<CoreSettings>, _ engine: RequestEngine) -> HotFiles.Found {
        let hot = engine.hotFiles
        let readAhead = settings.value.readAhead
        let found: OpenFileCache.Found
        if let cache = settings.value.openFiles {
            path.append(0)
            found = look(in: cache, path)
        } else if settings.value.links.links == .followed {
            return hot.open(path, arrival: arrival, readAhead: readAhead)
        } else {
            let rule = settings.value.links.rule(for: path, scope: self)
            path.append(0)
            found = OpenFile.look(at: path, rule, kernel: engine.loop.kernel, readAhead: readAhead)
        }
        path.truncate(to: path.count - 1)
        switch found {
        case .file(let file): return hot.content(of: file, path).map { .hot($0) } ?? .file(file)
        case .folder: return .folder
        case .other: return .failed(.notAFile)
        case .failed(let failure): return .failed(failure)
        }
    }

    /// The status of what is at a path, which ends with a NUL; nil: it was found.
    func status(at path: Buffer, _ status: inout FileStatus) -> OpenFailure? {
        let settings = core
        guard let cache = settings.value.openFiles else {
            path.truncate(to: path.count - 1)
            let rule = settings.value.links.rule(for: path, scope: self)
            path.append(0)
            return rule.look(at: path, kernel: engine.loop.kernel, &status)
        }
        switch look(in: cache, path) {
        case .file(let file): status = file.status
        case .folder(let found), .other(let found): status = found
        case .failed(let failure): return failure
        }
        return nil
    }

    private func look(in cache: OpenFileCache, _ path: Buffer) -> OpenFileCache.Found {
        let settings = core
        let loop = engine.loop
        path.truncate(to: path.count - 1)
        let rule = settings.value.links.rule(for: path, scope: self)
        path.append(0)
        return cache.open(
            path, settings.value.openFileRules, rule, kernel: loop.kernel, second: loop.wallSeconds,
            readAhead: settings.value.readAhead)
    }
}
