/// ngx_http_gzip_static_module, and its likes of ngx_brotli and the zstd-nginx-module: a file is answered with its neighbour
/// `NAME.br`, `NAME.zst` or `NAME.gz`, compressed beforehand, where there is one.
enum Precompressed {
    enum Mode: Sendable {
        case off
        /// For clients that take the coding.
        case on
        /// For all.
        case always
    }

    static let slot = Slot(.precompressed, initial: PrecompressedSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool {
        ContentCoding.allCases.contains { settings[slot].mode(of: $0) != .off }
    }

    static var rows: [Row] {
        let modes: [(String, Mode)] = [("off", .off), ("on", .on), ("always", .always)]
        return [
            .choice(
                "gzip_static", in: .request, slot, \.gzip, modes,
                "Whether files are sent from NAME.gz, for clients that take gzip or for all."),
            .choice(
                "brotli_static", in: .request, slot, \.brotli, modes,
                "Whether files are sent from NAME.br, for clients that take brotli or for all."),
            .choice(
                "zstd_static", in: .request, slot, \.zstd, modes,
                "Whether files are sent from NAME.zst, for clients that take Zstandard or for all."),
        ]
    }

    static func handle(_ request: Request) -> Verdict {
        let path = request.routing.path
        guard request.method == .get || request.method == .head, !path.isEmpty,
            path[path.count - 1] != ASCII.slash
        else { return .decline }
        let settings = request.location.settings(slot)
        for coding in ContentCoding.allCases {
            let mode = settings.value.mode(of: coding)
            if mode == .off { continue }
            let verdict = answer(request, coding, mode)
            guard case .decline = verdict else { return verdict }
        }
        return .decline
    }

    private static func answer(_ request: Request, _ coding: ContentCoding, _ mode: Mode) -> Verdict {
        // What joins another request's answer has the coding of that.
        let isAccepted = mode == .always || request.isMain && request.accepts(coding)
        let varies = request.location.settings(Gzip.slot).value.varies
        guard isAccepted || varies else { return .decline }
        let name = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(name) }
        request.appendFilePath(to: name)
        name.append(coding.suffix)
        guard name.span.firstIndex(of: ASCII.nul) == nil else { return .decline }
        let found = request.open(name)
        if case .failed(let failure) = found { return failed(request, name, failure) }
        if mode == .on {
            // Whoever keeps the answer has to know that there are two.
            if varies { request.response.variesByEncoding = true }
            guard isAccepted else { return .decline }
        }
        switch found {
        case .hot(let content): return StaticFiles.send(content, request, coding)
        case .file(let file): return StaticFiles.send(file, request, coding)
        case .folder, .failed: return .decline
        }
    }

    /// A file that cannot be opened is as good as none; but if it is there, the log says so.
    private static func failed(_ request: Request, _ name: Buffer, _ failure: OpenFailure) -> Verdict {
        switch failure.errno {
        case .notFound, .notDirectory, .nameTooLong: return .decline
        default: break
        }
        let isDenied = failure.errno == .accessDenied || failure.errno == .tooManyLinks
        request.log(isDenied ? .error : .crit, errno: failure.errno) {
            $0.append(failure.call)
            $0.append(" \"")
            $0.append(name)
            $0.append("\" failed")
        }
        return .decline
    }
}

/// What `gzip_static`, `brotli_static` and `zstd_static` set for a location.
struct PrecompressedSettings: Sendable {
    var gzip = Precompressed.Mode.off
    var brotli = Precompressed.Mode.off
    var zstd = Precompressed.Mode.off

    func mode(of coding: ContentCoding) -> Precompressed.Mode {
        switch coding {
        case .gzip: gzip
        case .brotli: brotli
        case .zstd: zstd
        }
    }
}
