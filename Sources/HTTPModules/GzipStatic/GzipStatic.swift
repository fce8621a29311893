/// ngx_http_gzip_static_module: a file is answered with its neighbour `NAME.gz`, compressed beforehand, where there is one.
enum GzipStatic {
    enum Mode: Sendable {
        case off
        /// For clients that take gzip.
        case on
        /// For all.
        case always
    }

    static let slot = Slot(.gzipStatic, initial: GzipStaticSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { settings[slot].mode != .off }

    static var rows: [Row] {
        [
            .choice(
                "gzip_static", in: .request, slot, \.mode,
                [("off", .off), ("on", .on), ("always", .always)],
                "Whether files are sent from NAME.gz, for clients that take gzip or for all.")
        ]
    }

    static func handle(_ request: Request) -> Verdict {
        let path = request.routing.path
        guard request.method == .get || request.method == .head, !path.isEmpty,
            path[path.count - 1] != ASCII.slash
        else { return .decline }
        let mode = request.location.settings(slot).value.mode
        let isAccepted = mode == .always || request.acceptsGzip
        let varies = request.location.settings(Gzip.slot).value.varies
        guard isAccepted || varies else { return .decline }
        let name = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(name) }
        request.appendFilePath(to: name)
        name.append(".gz")
        guard name.span.firstIndex(of: ASCII.nul) == nil else { return .decline }
        let found = request.open(name)
        if case .failed(let error) = found { return failed(request, name, error) }
        if mode == .on {
            // Whoever keeps the answer has to know that there are two.
            if varies { request.response.variesByEncoding = true }
            guard isAccepted else { return .decline }
        }
        switch found {
        case .hot(let content): return StaticFiles.send(content, request, isGzipped: true)
        case .file(let file): return StaticFiles.send(file, request, isGzipped: true)
        case .folder, .failed: return .decline
        }
    }

    /// A file that cannot be opened is as good as none; but if it is there, the log says so.
    private static func failed(_ request: Request, _ name: Buffer, _ error: Errno) -> Verdict {
        switch error {
        case .notFound, .notDirectory, .nameTooLong: return .decline
        default: break
        }
        let isDenied = error == .accessDenied || error == .tooManyLinks
        request.log(isDenied ? .error : .crit, errno: error) {
            $0.append("open() \"")
            $0.append(name)
            $0.append("\" failed")
        }
        return .decline
    }
}

/// What ngx_http_gzip_static_module's directive sets for a location.
struct GzipStaticSettings: Sendable {
    var mode = GzipStatic.Mode.off
}
