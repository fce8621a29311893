/// ngx_http_index_module: a path that ends with a slash is answered with the folder's index file.
enum Index {
    struct Settings: Sendable {
        var names = [Template(constant: "index.html")]
    }

    static let slot = Slot(.index, initial: Settings())

    static var rows: [Row] {
        [
            .list(
                "index", in: .request, .atLeast(1), slot, \.names,
                "The files of which the first that exists is served for a folder.",
                syntax: "file ..."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try read(invocation)
            }
        ]
    }

    private static func read(_ invocation: Invocation) throws(ConfigurationError) -> [Template] {
        var names: [Template] = []
        for (index, word) in invocation.arguments.enumerated() {
            if word.value.hasPrefix("/"), index + 1 < invocation.arguments.count {
                invocation.warn(
                    "only the last index in \"index\" directive should be absolute", at: word)
            }
            if word.value.isEmpty {
                throw invocation.fail("index \"\" in \"index\" directive is invalid", at: word)
            }
            names.append(try invocation.template(word))
        }
        return names
    }

    // MARK: - Serving

    /// Redirects internally to the first index file that is there.
    static func handle(_ request: Request) -> Verdict {
        let uri = request.routing.path
        guard !uri.isEmpty, uri[uri.count - 1] == ASCII.slash else { return .decline }
        switch request.method {
        case .get, .head, .post: break
        default: return .decline
        }
        let pool = request.engine.loop.buffers
        let path = pool.take()
        defer { pool.give(path) }
        guard request.appendFilePath(to: path) else { return .answer(.internalServerError) }
        let folder = path.count
        var isFolderTested = false
        let settings = request.location.settings(slot)
        for index in settings.value.names.indices {
            path.truncate(to: folder)
            settings.value.names[index].append(to: path, scope: request)
            if path.count > folder, path[folder] == ASCII.slash {
                request.routing.path.removeAll()
                request.routing.path.append(path, folder..<path.count)
                request.engine.redirect(request)
                return .done
            }
            switch look(path, request) {
            case .found:
                request.routing.path.append(path, folder..<path.count)
                request.engine.redirect(request)
                return .done
            case .answer(let verdict): return verdict
            case .missing:
                if isFolderTested { continue }
                isFolderTested = true
                if let verdict = testFolder(path, folder, request) { return verdict }
            }
        }
        return .decline
    }

    private enum Look {
        case found, missing
        case answer(Verdict)
    }

    private static func look(_ path: Buffer, _ request: Request) -> Look {
        guard let failure = status(of: path, request) else { return .found }
        switch failure.errno {
        case .notFound: return .missing
        case .tooManyLinks: return .answer(.answer(.forbidden))
        case .notDirectory, .nameTooLong, .accessDenied:
            return .answer(refuse(path, failure.errno, request))
        default:
            path.append(0)
            request.log(failure, of: path)
            return .answer(.answer(.internalServerError))
        }
    }

    private static func status(of path: Buffer, _ request: Request) -> OpenFailure? {
        path.append(0)
        defer { path.truncate(to: path.count - 1) }
        var status = FileStatus()
        return request.status(at: path, &status)
    }

    /// A first index file is missing: so may be the folder. Nil when it is there.
    private static func testFolder(
        _ path: Buffer, _ folder: Int, _ request: Request
    ) -> Verdict? {
        let name = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(name) }
        name.append(path, 0..<folder)
        if name.count > 1, name[name.count - 1] == ASCII.slash { name.truncate(to: name.count - 1) }
        name.append(0)
        var status = FileStatus()
        guard let failure = request.status(at: name, &status) else {
            if status.isDirectory { return nil }
            request.log(.alert) {
                $0.append(ASCII.quote)
                $0.append(name, 0..<name.count - 1)
                $0.append("\" is not a directory")
            }
            return .answer(.internalServerError)
        }
        switch failure.errno {
        case .tooManyLinks: return .answer(.forbidden)
        case .notFound: return refuse(path, failure.errno, request)
        // A file in it could be looked for, so that the folder can be searched at least.
        case .accessDenied: return nil
        default:
            request.log(failure, of: name)
            return .answer(.internalServerError)
        }
    }

    private static func refuse(_ path: Buffer, _ error: Errno, _ request: Request) -> Verdict {
        let isForbidden = error == .accessDenied
        if isForbidden || request.core.value.logsNotFound {
            request.log(.error, errno: error) {
                $0.append(ASCII.quote)
                $0.append(path)
                $0.append(isForbidden ? "\" is forbidden" : "\" is not found")
            }
        }
        return .answer(isForbidden ? .forbidden : .notFound)
    }
}
