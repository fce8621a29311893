/// ngx_http_try_files_module: serves the first of several files that is there.
extension TryFiles {
    static var rows: [Row] {
        [
            .custom(
                "try_files", in: [.server, .location], .atLeast(2),
                "The names of which the first that exists is served, and what is done without any.",
                mayRepeat: false, syntax: "file ... uri | file ... =code"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation.location?.tryFiles = try read(invocation)
            }
        ]
    }

    private static func read(_ invocation: Invocation) throws(ConfigurationError) -> TryFiles {
        let registry = try invocation.http().registry
        var names: [Name] = []
        for word in invocation.arguments.dropLast() {
            let isFolder = word.value.hasSuffix("/")
            let text = isFolder ? word.value.slice(0..<word.value.count - 1) : word.value
            let name = try Template(compiling: text, registry: registry, at: word.position)
            names.append(Name(name: name, isFolder: isFolder))
        }
        guard let last = invocation.arguments.last else { throw invocation.invalidCount() }
        guard last.value.hasPrefix("=") else {
            let uri = try invocation.template(last)
            return TryFiles(names: names, otherwise: .redirect(uri))
        }
        guard let code = Units.number(last.value.slice(1..<last.value.count)), code <= 999 else {
            throw invocation.fail("invalid code \"\(last.text)\"", at: last)
        }
        return TryFiles(names: names, otherwise: .status(Status(code)))
    }

    // MARK: - Serving

    /// Makes the path that of the first file that is there.
    static func handle(_ request: Request) -> Verdict {
        guard let tryFiles = request.location.tryFiles else { return .decline }
        let pool = request.engine.loop.buffers
        let path = pool.take()
        defer { pool.give(path) }
        guard let rootLength = request.appendRoot(to: path) else {
            return .answer(.internalServerError)
        }
        for name in tryFiles.names {
            path.truncate(to: rootLength)
            append(name.name, to: path, request)
            guard exists(path, isFolder: name.isFolder, request) else { continue }
            use(path, from: rootLength, isFolder: name.isFolder, request)
            return .decline
        }
        switch tryFiles.otherwise {
        case .status(let status): return .answer(status)
        case .redirect(let uri):
            path.truncate(to: rootLength)
            append(uri, to: path, request)
            let target = path.span(rootLength..<path.count)
            if !target.isEmpty, target[0] == ASCII.at {
                request.engine.redirect(request, toName: target.extracting(1..<target.count))
            } else {
                request.routing.setTarget(target, hasQuery: true)
                request.engine.redirect(request)
            }
            return .done
        }
    }

    /// Appends a name. As in nginx, one with variables loses the part of the path that an alias stands for.
    private static func append(_ name: Template, to path: Buffer, _ request: Request) {
        let start = path.count
        name.append(to: path, scope: request)
        guard name.constant == nil, request.core.value.alias != nil,
            !request.location.isRegexOrWithin
        else { return }
        let alias = request.location.aliasedLength
        let end = path.count
        let uri = request.routing.path
        guard alias > 0, end - start >= alias, uri.count >= alias,
            path.span(start..<start + alias).equals(uri.span(0..<alias))
        else { return }
        let rest = request.engine.loop.buffers.take()
        rest.append(path, start + alias..<end)
        path.truncate(to: start)
        path.append(rest)
        request.engine.loop.buffers.give(rest)
    }

    private static func exists(_ path: Buffer, isFolder: Bool, _ request: Request) -> Bool {
        path.append(0)
        defer { path.truncate(to: path.count - 1) }
        var status = FileStatus()
        if let failure = request.status(at: path, &status) {
            request.log(failure, of: path)
            return false
        }
        return status.isDirectory == isFolder
    }

    /// The path of the request becomes that of the file found.
    private static func use(
        _ file: Buffer, from start: Int, isFolder: Bool, _ request: Request
    ) {
        let routing = request.routing
        if request.core.value.alias == nil {
            routing.path.removeAll()
        } else if request.location.isRegexOrWithin {
            // The alias alone is a folder's name already.
            if isFolder { return }
            routing.path.removeAll()
            routing.addsPathToAlias = true
        } else {
            routing.path.truncate(to: min(request.location.aliasedLength, routing.path.count))
        }
        routing.path.append(file, start..<file.count)
    }
}
