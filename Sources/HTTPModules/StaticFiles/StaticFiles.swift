/// Answers GET and HEAD with files: what is left of the content phase when nobody else has answered.
enum StaticFiles {
    /// Answers with the file that the path stands for.
    static func handle(_ request: Request) -> Verdict {
        switch request.method {
        case .get, .head, .post: break
        default: return .answer(.notAllowed)
        }
        if isFolder(request.path) { return .decline }
        return answer(request, request.engine)
    }

    @inline(never)
    private static func answer(_ request: Request, _ engine: RequestEngine) -> Verdict {
        answer(request, fileNamed: engine.hotFiles.name)
    }

    private static func answer(_ request: Request, fileNamed name: Buffer) -> Verdict {
        name.removeAll()
        guard request.appendFilePath(to: name) else { return .answer(.internalServerError) }
        guard name.span.firstIndex(of: ASCII.nul) == nil else { return .answer(.notFound) }
        switch request.open(name) {
        // Files cannot be posted to, but one that is missing is missing.
        case .hot where request.method == .post: return .answer(.notAllowed)
        case .file where request.method == .post: return .answer(.notAllowed)
        case .hot(let content): return send(content, request)
        case .file(let file): return send(file, request)
        case .folder: return redirectToFolder(request)
        case .failed(let failure): return failed(request, name, failure)
        }
    }

    private static func isFolder(_ path: Buffer) -> Bool {
        !path.isEmpty && path[path.count - 1] == ASCII.slash
    }

    // MARK: - Sending

    /// Answers with a file in memory.
    static func send(
        _ content: HotFile, _ request: Request, _ coding: ContentCoding? = nil
    ) -> Verdict {
        describe(content.status, eTag: content.eTag, request, request.response, coding)
        let kept = sendHead(request, .hot(content))
        guard !request.response.isHeadOnly, content.bytes.count > 0 else {
            request.sendLast()
            return .done
        }
        request.sendWhole(kept?.bytes ?? content.bytes)
        return .done
    }

    /// Answers with an open file.
    static func send(_ file: OpenFile, _ request: Request, _ coding: ContentCoding? = nil) -> Verdict {
        describe(file.status, request, request.response, coding)
        let kept = sendHead(request, .open(file))
        guard !request.response.isHeadOnly, file.status.size > 0 else {
            request.sendLast()
            return .done
        }
        if let kept {
            request.sendWhole(kept.bytes)
        } else {
            request.settleReading(of: file, size: file.status.size)
            request.send(.file(file, 0..<file.status.size), last: true)
        }
        return .done
    }

    /// Sends the head; what is to be sent in place of the source, if a filter has that. Filters may want to know what the body will
    /// be, and no longer: files are not kept open for that.
    private static func sendHead(_ request: Request, _ source: @autoclosure () -> ContentSource) -> KeptContent? {
        guard request.lendLocation({ $0.plan.wantsSources }) else {
            request.sendHead()
            return nil
        }
        let response = request.response
        response.source = source()
        request.sendHead()
        response.source = nil
        return response.kept
    }

    /// Sets the head's fields from what the file system says.
    @inline(never)
    private static func describe(
        _ status: FileStatus, eTag: Buffer? = nil, _ request: Request, _ response: Response, _ coding: ContentCoding?
    ) {
        response.status = .ok
        response.contentLength = status.size
        response.lastModified = status.modified
        response.allowsRanges = true
        if request.lendLocation({ $0.core.value.eTag }) {
            if let eTag {
                response.headers.append(.eTag, eTag)
            } else {
                appendETag(status, to: response)
            }
        }
        if let coding { response.headers.append(.contentEncoding, coding.token) }
        setContentType(of: request)
    }

    static func appendETag(_ status: FileStatus, to response: Response) {
        let opening = response.headers.begin(.eTag)
        status.appendETag(to: response.headers.bytes)
        response.headers.end(opening)
    }

    /// The type that the path's extension has in `types`, else the default one.
    static func setContentType(of request: Request) {
        // An upstream has set it with the internal redirect that leads here.
        if !request.response.contentType.isEmpty { return }
        request.lendLocation { setContentType(of: request.response, $0.core, path: request.path) }
    }

    private static func setContentType(of response: Response, _ settings: Box<CoreSettings>, path: Buffer) {
        let bytes = path.span
        var index = bytes.count
        while index > 0 {
            index -= 1
            if bytes[index] == ASCII.slash { break }
            guard bytes[index] == ASCII.dot else { continue }
            if index > 0, bytes[index - 1] == ASCII.slash { break }
            if let type = settings.value.types.type(for: bytes.extracting(index + 1..<bytes.count)) {
                return response.setContentType(type)
            }
            break
        }
        response.setContentType(settings.value.defaultType)
    }

    // MARK: - Everything else

    /// The path names a folder without a slash at its end: the client is sent there.
    private static func redirectToFolder(_ request: Request) -> Verdict {
        let location = request.response.location
        location.removeAll()
        let path = request.routing.path
        location.append(escaped: path.span, for: .path)
        location.append(ASCII.slash)
        if !request.routing.arguments.isEmpty {
            location.append(ASCII.question)
            location.append(request.routing.arguments)
        }
        return .answer(.movedPermanently)
    }

    /// Logs why a file could not be opened, and answers as nginx does.
    static func failed(_ request: Request, _ name: Buffer, _ failure: OpenFailure) -> Verdict {
        let status: Status
        var level = LogLevel.error
        switch failure.errno {
        case .notFound, .notDirectory, .nameTooLong: status = .notFound
        case .accessDenied, .tooManyLinks: status = .forbidden
        default:
            status = .internalServerError
            level = .crit
        }
        if status != .notFound || request.core.value.logsNotFound {
            request.log(level, errno: failure.errno) {
                $0.append(failure.call)
                $0.append(" \"")
                $0.append(name)
                $0.append("\" failed")
            }
        }
        return .answer(status)
    }
}
