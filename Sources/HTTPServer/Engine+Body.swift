/// The request's body on its way into memory or a file.
extension Engine {
    func beginBody(_ request: Request) {
        let body = request.body
        // A subrequest has what the main request has read by now, and causes nothing to be read.
        if !request.isMain {
            request.producer?.requestBodyReady()
            return
        }
        switch body.state {
        case .complete, .discarding:
            request.producer?.requestBodyReady()
            return
        case .untouched: break
        case .reading, .failed: return
        }
        let length = request.head.contentLength
        guard request.head.isChunked || length > 0 else {
            // As in nginx: one that is said to be empty has its file, too.
            if length == 0, !body.isStreamed, request.core.value.bodyInFileOnly != .off, !flushToFile(request) { return }
            body.state = .complete
            request.producer?.requestBodyReady()
            return
        }
        body.state = .reading
        if length > 0, !body.isStreamed {
            body.memory.reserve(min(length, request.core.value.bodyBufferSize))
        }
        request.stream.startReadingBody(of: request)
    }

    /// Decoded bytes of the body came in.
    func takeBody(_ request: Request, _ bytes: Span<UInt8>, isLast: Bool) {
        let body = request.body
        guard body.state == .reading else { return }
        body.received += bytes.count
        let settings = request.core
        if request.head.isChunked, settings.value.maxBodySize > 0, body.received > settings.value.maxBodySize {
            request.log(.error) {
                $0.append("client intended to send too large chunked body: ")
                $0.append(decimal: body.received)
                $0.append(" bytes")
            }
            body.state = .failed
            request.flags.insert(.lingers)
            return finish(request, code: 413)
        }
        if !store(bytes, of: request) { return }
        if isLast {
            body.state = .complete
            request.stream.bodyEnded()
            if body.file != nil, !body.isStreamed, !flushToFile(request) { return }
            request.producer?.requestBodyReady()
        } else if body.isStreamed {
            request.producer?.requestBodyProgressed()
        }
    }

    /// Keeps the bytes; false when that was not possible and the request has ended.
    private func store(_ bytes: Span<UInt8>, of request: Request) -> Bool {
        let body = request.body
        body.memory.append(bytes)
        guard !body.isStreamed else { return true }
        let settings = request.core
        if body.memory.count > settings.value.bodyBufferSize || settings.value.bodyInFileOnly != .off {
            return flushToFile(request)
        }
        return true
    }

    /// Moves what is in memory to the temporary file.
    private func flushToFile(_ request: Request) -> Bool {
        let body = request.body
        if body.file == nil {
            let settings = request.core
            do throws(TempFileError) {
                body.file = try TempFile.create(
                    in: settings.value.bodyTempPath, keepsName: settings.value.bodyInFileOnly != .off,
                    name: body.fileName, kernel: loop.kernel)
            } catch {
                request.log(.crit, errno: error.errno) { error.appendMessage(to: $0) }
                body.state = .failed
                finish(request, code: 500)
                return false
            }
            body.losesName = settings.value.bodyInFileOnly == .clean
            request.log(settings.value.bodyInFileOnly == .off ? .warn : .notice) {
                $0.append("a client request body is buffered to a temporary file ")
                $0.append(body.fileName)
            }
        }
        guard let file = body.file else { return false }
        var written = 0
        let memory = body.memory
        while written < memory.count {
            let code = loop.kernel.write(
                file.descriptor, memory.span(written..<memory.count), offset: body.fileSize)
            guard code > 0 else {
                request.log(.crit, errno: Errno(Int32(-code))) {
                    $0.append("pwrite() \"")
                    $0.append(body.fileName)
                    $0.append("\" failed")
                }
                body.state = .failed
                finish(request, code: 500)
                return false
            }
            written += code
            body.fileSize += code
        }
        memory.removeAll()
        return true
    }
}
