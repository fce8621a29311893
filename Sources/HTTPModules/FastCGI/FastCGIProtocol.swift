/// FastCGI, as the module's directives say.
final class FastCGIProtocol: CGIProtocol {
    private var settings: Box<FastCGISettings>?
    private var records = FastCGIRecords()
    private var fault: Fault?
    /// What a record of the error stream holds, as far as it has come.
    private var said = Buffer(capacity: 0)
    /// More of a record is not logged.
    private static let longestTold = 4_096
    /// Bytes of the body that `Content-Length` has promised, -1 for any number.
    private var promised = -1
    private var isDone = false
    /// The request has ended as it should, and nothing came behind it.
    private var isClean = false

    /// What is wrong with the answer beside its head's text.
    private enum Fault {
        case record(FastCGIRecords.Fault)
        case unexpectedEnd, closedOutput, closedRequest
    }

    private static let schemeText: ByteString = "fastcgi://"
    override var scheme: ByteString { Self.schemeText }

    func use(_ settings: Box<FastCGISettings>) { self.settings = settings }

    private var keepsConnections: Bool { settings?.value.keepsConnections ?? false }

    // MARK: - The request

    override func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool {
        let request = exchange.request
        FastCGIWriter.appendBegin(keepsConnection: keepsConnections, to: output)
        let variables = collected
        variables.removeAll()
        eachVariable(of: exchange) { name, value in
            FastCGIWriter.append(length: name.count, to: variables)
            FastCGIWriter.append(length: value.count, to: variables)
            variables.append(name)
            variables.append(value)
        }
        let size = variables.count
        guard size <= 65_535 else {
            request.log(.alert) {
                $0.append("fastcgi request record is too big: ")
                $0.append(decimal: size)
            }
            return false
        }
        // An empty record would end them at once.
        if size > 0 { FastCGIWriter.appendParametersHead(size, to: output) }
        output.append(variables)
        FastCGIWriter.appendParametersHead(0, to: output)
        if !exchange.isStreamed, !bodyFollows(exchange) { appendBodyEnd(to: output) }
        return true
    }

    override var recordSize: Int { FastCGIWriter.bodyRecord }
    override func appendChunkHead(_ count: Int, to output: Buffer) { FastCGIWriter.appendInputHead(count, to: output) }
    override func appendBodyEnd(to output: Buffer) { FastCGIWriter.appendInputHead(0, to: output) }

    // MARK: - The head

    override func begin() {
        super.begin()
        records = FastCGIRecords()
        fault = nil
        said.removeAll()
        promised = -1
        isDone = false
        isClean = false
    }

    override func readHead(_ bytes: Span<UInt8>, into head: ResponseHead, limit: Int) -> HeadOutcome {
        // Taken out and put back, since a change in place would be a checked access at each of its uses.
        var records = self.records
        defer { self.records = records }
        var cursor = 0
        while true {
            switch records.next(bytes, &cursor) {
            case .needMore: return .needMore
            case .failed(let fault): return refuse(.record(fault))
            case .begin(.endRequest, _): return refuse(.unexpectedEnd)
            case .begin(.output, 0): return refuse(.closedOutput)
            case .end(.errors): if tellErrors() { return .refused }
            case .begin, .end: continue
            case .content(.errors, let range): said.append(bytes.extracting(range))
            case .content(_, let range):
                let room = min(range.count, limit - head.bytes.count)
                head.bytes.append(bytes.extracting(range.lowerBound..<range.lowerBound + room))
                switch parse(head) {
                case .needMore: if head.bytes.count >= limit { return .tooLong }
                case .complete(let end):
                    // What is left of the record is the body's.
                    let excess = range.count - room + head.bytes.count - end
                    records.unread(excess)
                    head.bytes.truncate(to: end)
                    return .complete(cursor - excess)
                case .tooLong: return .tooLong
                case .failed: return .failed
                case .refused: return .refused
                }
            }
        }
    }

    private func refuse(_ fault: Fault) -> HeadOutcome {
        self.fault = fault
        return .failed
    }

    // MARK: - The error stream

    /// Logs what a record of the error stream has said, without the line's end; whether it is a text to give the answer up for.
    private func tellErrors() -> Bool {
        if said.isEmpty { return false }
        var end = said.count
        while end > 1 {
            let byte = said[end - 1]
            guard byte == ASCII.lf || byte == ASCII.cr || byte == ASCII.dot || byte == ASCII.space else { break }
            end -= 1
        }
        let said = self.said
        exchange?.request.log(.error, while: exchange?.action ?? "") {
            $0.append("FastCGI sent in stderr: \"")
            $0.append(said, 0..<min(end, Self.longestTold))
            $0.append(ASCII.quote)
        }
        var isFatal = false
        if let settings {
            let text = said.span(0..<end)
            for pattern in settings.value.fatalErrors where text.firstIndex(of: pattern.span) != nil { isFatal = true }
        }
        // It stays with the request's object, which is used again: not if it is large.
        if said.capacity > Self.longestTold { self.said = Buffer(capacity: 0) } else { said.removeAll() }
        return isFatal
    }

    override func appendFault(to line: Buffer, head: ResponseHead) {
        switch fault {
        case .record(let fault): fault.appendMessage(to: line)
        case .unexpectedEnd: line.append("upstream sent unexpected FastCGI record: 3")
        case .closedOutput: line.append("upstream prematurely closed FastCGI stdout")
        case .closedRequest: line.append("upstream prematurely closed FastCGI request")
        case nil: super.appendFault(to: line, head: head)
        }
    }

    // MARK: - The body

    override func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {
        let hasNone = head.status == .noContent || head.status == .notModified
        promised = hasNone ? 0 : head.contentLength
    }

    override var isComplete: Bool { isDone }
    override var endsAtClose: Bool { !keepsConnections && promised <= 0 }

    override func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent {
        if isDone { return .end(bytes.count) }
        var records = self.records
        defer { self.records = records }
        var cursor = start
        while true {
            switch records.next(bytes, &cursor) {
            case .needMore: return .needMore
            case .failed(let fault):
                self.fault = .record(fault)
                return .invalid
            case .begin(.output, 0):
                if promised > 0 { return breakOff(.closedOutput) }
            case .begin(.endRequest, _):
                if promised > 0 { return breakOff(.closedRequest) }
            case .end(.endRequest):
                // It is waited for even where the connection is not kept: a server that is left before cannot say it any more.
                isClean = cursor == bytes.count
                isDone = true
                return .end(bytes.count)
            case .end(.errors): _ = tellErrors()
            case .begin, .end, .content(.endRequest, _): continue
            case .content(.errors, let range): said.append(bytes.extracting(range))
            case .content(.output, let range): return take(range, of: bytes)
            }
        }
    }

    /// Takes data, as far as they were promised.
    private func take(_ range: Range<Int>, of bytes: Span<UInt8>) -> BodyEvent {
        if promised < 0 { return .data(range) }
        if range.count <= promised {
            promised -= range.count
            return .data(range)
        }
        exchange?.request.log(.warn, while: "reading upstream") {
            $0.append("upstream sent more data than specified in \"Content-Length\" header")
        }
        isDone = true
        let rest = range.prefix(promised)
        return rest.isEmpty ? .end(bytes.count) : .data(rest)
    }

    private func breakOff(_ fault: Fault) -> BodyEvent {
        self.fault = fault
        return .brokenOff
    }

    override var excessMessage: StaticString? { nil }

    /// A server that was not asked to stay is about to close.
    override func keepsConnection(_ head: ResponseHead) -> Bool { isClean && keepsConnections }
}
