/// One request of an HTTP/1 connection: its head's parser, its body's decoder, and the writer of its answer.
///
/// Pooled together with the request, so that neither is made anew for each.
final class HTTP1Stream: ClientStream {
    /// The connection; changed when the pooled stream serves another.
    var connection: HTTP1Connection { lendConnection { $0 } }
    private let lentConnection: Lent<ClientConnection>
    let engine: Engine
    /// The request that this stream carries; the two are made and pooled together.
    let request: Request
    /// Parts of the request, one step nearer: see `Request.path`.
    let headBytes: Buffer
    private let routing: Routing
    let loop: EventLoop
    private var parser = RequestHeadParser()
    var decoder = ChunkedDecoder()
    /// Bytes that came behind the head and were not decoded yet, from `inputStart` on.
    var input: Buffer?
    var inputStart = 0
    /// Bytes of the body still expected by Content-Length; for chunked bodies 1 until the end is seen.
    var bodyRemaining = 0
    /// The body's bytes are wanted now.
    var readsBody = false
    /// What came with the head is being taken.
    private var isTakingFirst = false
    /// Bytes pass both ways as they are.
    var isTunnel = false
    /// The whole response is queued.
    var isResponseQueued = false
    /// Interim and final heads and bodies count as sent from here.
    private var sentBefore = 0
    private var serverIsKnown = false
    /// Present while the response is held to a rate.
    private var rateLimit: RateLimit?

    init(connection: HTTP1Connection, server: VirtualServer) {
        engine = connection.engine
        loop = connection.loop
        lentConnection = Lent(connection, departed: loop.departed)
        request = Request(engine: engine, connection: lentConnection, server: server)
        headBytes = request.headBytes
        routing = request.routing
        super.init()
        request.stream = self
    }

    @inline(__always)
    private func lendConnection<Result>(_ use: (HTTP1Connection) -> Result) -> Result {
        lentConnection.lend(as: HTTP1Connection.self, use)
    }

    /// Gives the request up, so that both can be freed.
    func detach() { request.breakCircles() }

    /// Ready for another request of `connection`.
    func reset(connection: HTTP1Connection) {
        lentConnection.hold(connection)
        parser = RequestHeadParser()
        decoder = ChunkedDecoder()
        bodyRemaining = 0
        readsBody = false
        isResponseQueued = false
        isTunnel = false
        sentBefore = connection.bytesSent
        serverIsKnown = false
    }

    /// Gives back what the pooled stream must not keep.
    func release() {
        if let rateLimit {
            rateLimit.end()
            self.rateLimit = nil
        }
        if let input = input.take() { loop.buffers.give(input) }
        inputStart = 0
    }

    // MARK: - The head

    /// Goes on parsing; false when more bytes are needed (or the connection is over).
    ///
    /// The connection is handed along on the way of every request: what is read from a property is counted at each use.
    func parseHead(on connection: HTTP1Connection) -> Bool {
        var limits = routing.lendServer { $0.limits }
        limits.pausesAtLine = true
        limits.pausesAtHost = !serverIsKnown && !connection.binding.hasOneServer
        return parse(request.head, limits, on: connection)
    }

    @inline(never)
    private func parse(_ head: RequestHead, _ limits: RequestLimits, on connection: HTTP1Connection) -> Bool {
        // Taken out and put back, since a change in place would be a checked access at each of its uses.
        var parser = self.parser
        let outcome = parser.parse(into: head, limits: limits)
        self.parser = parser
        switch outcome {
        case .needMore:
            if !head.requestLine.isEmpty { connection.action = .readingHead }
            return false
        case .lineKnown:
            // In the settings of the address's first server: the host is not known yet.
            if engine.takeTarget(request) { return true }
            connection.beginServing()
            engine.refuseTarget(request)
            return false
        case .hostKnown:
            selectServer(on: connection)
            return true
        case .complete(let length):
            accept(head, length: length, on: connection)
            return true
        case .failed(let error):
            // All of the head is there, and names nobody.
            if error == .missingHost, !serverIsKnown { selectServer(on: connection) }
            connection.beginServing()
            engine.refuse(request, error)
            return false
        }
    }

    private func selectServer(on connection: HTTP1Connection) {
        serverIsKnown = true
        let request = self.request
        let host = request.head.host
        let server = connection.binding.servers.server(for: host.span, captures: request)
        request.routing.select(server)
    }

    private func accept(_ head: RequestHead, length: Int, on connection: HTTP1Connection) {
        if !serverIsKnown, !connection.binding.hasOneServer { selectServer(on: connection) }
        if head.bytes.count > length {
            let rest = loop.buffers.take()
            rest.append(head.bytes, length..<head.bytes.count)
            input = rest
            inputStart = 0
            head.bytes.truncate(to: length)
        }
        bodyRemaining = head.isChunked ? 1 : max(head.contentLength, 0)
        connection.beginServing()
        engine.start(request)
    }

    func headTimedOut() {
        engine.headTimedOut(request)
        abort(request)
    }

    func abandonHead() {
        engine.logAbandoned(request)
    }

    // MARK: - The body

    /// No byte of the body is to come any more.
    var isBodyConsumed: Bool { bodyRemaining == 0 }
    /// The next request, or the rest of the body, has begun to arrive.
    var hasUnreadInput: Bool { input != nil }

    /// Input that stays in the process while a request is served, before the kernel has to keep it.
    private static let inputBound = 65_536

    /// Bytes came in while the request is served.
    func received(_ bytes: Span<UInt8>) {
        if isTunnel {
            request.producer?.tunnelReceived(bytes)
            return
        }
        guard input == nil, wantsBody else { return stash(bytes) }
        let used = consumeBody(bytes)
        if used < bytes.count, !connection.isClosed {
            stash(bytes.extracting(used..<bytes.count))
        }
    }

    private var wantsBody: Bool {
        bodyRemaining > 0
            && (readsBody && request.body.state == .reading || connection.state == .discarding)
    }

    private func stash(_ bytes: Span<UInt8>) {
        let input = self.input ?? loop.buffers.take()
        self.input = input
        if inputStart > 0 {
            input.removeFirst(inputStart)
            inputStart = 0
        }
        input.append(bytes)
        if input.count >= Self.inputBound { loop.pauseReading(connection) }
    }

    /// Decodes what has come of the body, and hands it on. Returns how many bytes belong to it.
    private func consumeBody(_ bytes: Span<UInt8>) -> Int {
        let before = request.body.wireSize
        let used = decodeBody(bytes)
        // Not counted: what was, before the last of it was handed on, which may have ended the request; and, as in nginx, what
        // came with the head and could not be taken.
        if request.body.wireSize == before, !(isTakingFirst && request.body.state == .failed) {
            request.body.wireSize += used
        }
        return used
    }

    private func decodeBody(_ bytes: Span<UInt8>) -> Int {
        if connection.state == .serving, readsBody {
            loop.setInputDeadline(connection, in: request.core.value.bodyTimeout)
        }
        guard request.head.isChunked else {
            let count = min(bodyRemaining, bytes.count)
            bodyRemaining -= count
            request.body.wireSize += count
            engine.takeBody(request, bytes.extracting(0..<count), isLast: bodyRemaining == 0)
            return count
        }
        var position = 0
        while true {
            var decoder = self.decoder
            let outcome = decoder.decode(bytes, from: position)
            self.decoder = decoder
            switch outcome {
            case .data(let range):
                position = range.upperBound
                engine.takeBody(request, bytes.extracting(range), isLast: false)
                if connection.isClosed || !wantsBody { return position }
            case .needMore:
                return bytes.count
            case .end(let end):
                bodyRemaining = 0
                request.body.wireSize += end
                engine.takeBody(request, bytes.extracting(end..<end), isLast: true)
                return end
            case .invalid:
                bodyRemaining = 0
                request.flags.remove(.keepAlive)
                engine.bodyIsInvalid(request)
                return bytes.count
            }
        }
    }

    override func startReadingBody(of request: Request) {
        readsBody = true
        if request.head.expectsContinue {
            request.head.expectsContinue = false
            let output = loop.output(of: connection).writable
            output.append("HTTP/1.1 100 Continue\r\n\r\n")
            loop.flush(connection)
        }
        connection.action = .readingBody
        loop.setInputDeadline(connection, in: request.core.value.bodyTimeout)
        isTakingFirst = true
        drainInput()
        isTakingFirst = false
        if !connection.isClosed, readsBody { loop.resumeReading(connection) }
    }

    override func isBodyMalformed(of request: Request) -> Bool {
        guard request.head.isChunked, bodyRemaining > 0, request.body.state == .untouched, let input else { return false }
        // What is found out is forgotten: the body is still to be read or thrown away.
        var decoder = self.decoder
        let bytes = input.span(inputStart..<input.count)
        var position = 0
        while true {
            switch decoder.decode(bytes, from: position) {
            case .data(let range): position = range.upperBound
            case .needMore, .end: return false
            case .invalid: return true
            }
        }
    }

    override func pauseReadingBody(_ isPaused: Bool) {
        readsBody = !isPaused
        if isPaused {
            loop.pauseReading(connection)
            loop.clearInputDeadline(connection)
        } else {
            drainInput()
            if !connection.isClosed { loop.resumeReading(connection) }
        }
    }

    override func bodyEnded() {
        readsBody = false
        connection.action = .none
        loop.clearInputDeadline(connection)
    }

    /// Feeds what was stashed to the body.
    func drainInput() {
        while let input, wantsBody, inputStart < input.count {
            let used = consumeBody(input.span(inputStart..<input.count))
            if connection.isClosed || self.input !== input { return }
            inputStart += used
            if used == 0 { break }
        }
        if let input, inputStart == input.count {
            loop.buffers.give(input)
            self.input = nil
            inputStart = 0
        }
    }

    /// What follows the request, for the next one.
    func takeUnreadInput() -> Buffer? {
        guard let input else { return nil }
        self.input = nil
        input.removeFirst(inputStart)
        inputStart = 0
        if !input.isEmpty { return input }
        loop.buffers.give(input)
        return nil
    }

    // MARK: - Trouble

    func peerEnded() {
        if readsBody, bodyRemaining > 0 {
            return engine.clientEndedWithinBody(request)
        }
        request.clientLeft()
    }

    func connectionFailed(_ error: Errno) {
        engine.connectionFailed(request, error)
    }

    func timedOut(sending: Bool) {
        engine.timedOut(request, sending: sending)
    }

    // MARK: - Output

    override var bytesSent: Int { lendConnection { $0.bytesSent } - sentBefore }

    func outputDrained() {
        if let rateLimit, !rateLimit.isEmpty { return rateLimit.release() }
        engine.outputDrained(request, isComplete: isResponseQueued)
    }

    override var pendingOutput: Int { queuedOutput + request.unfilteredCount }

    override var queuedOutput: Int { lendConnection { $0.pendingOutput } + (rateLimit?.heldBytes ?? 0) }

    override func continueSoon() { loop.callSoon(connection) }

    override func flush() { lendConnection { loop.flush($0) } }

    override func finish(_ request: Request) { lendConnection { $0.finished(self) } }

    override func abort(_ request: Request) {
        if request.flags.contains(.isTimedOut), request.core.value.resetsTimedOut, !connection.isClosed {
            _ = loop.kernel.resetOnClose(connection.descriptor)
        }
        connection.end()
    }

    override func writeBody(of request: Request) {
        if request.limitRate > 0 { return writeLimited(request) }
        lendConnection { writeBody(of: request, on: $0) }
    }

    private func writeBody(of request: Request, on connection: HTTP1Connection) {
        loop.lendOutput(of: connection) { writeBody(of: request, on: connection, to: $0) }
    }

    private func writeBody(of request: Request, on connection: HTTP1Connection, to queue: OutputQueue) {
        let isLast = request.outgoing.isLast
        if request.response.isChunked {
            writeChunk(request, queue, isLast: isLast)
        } else {
            queuePieces(of: request, queue)
        }
        if isLast { isResponseQueued = true }
        let flushes = isLast || request.outgoing.flush
        request.outgoing.removeAll()
        // Within `received` the connection flushes when all of the input is served.
        if connection.isAdvancing { return }
        if flushes || connection.pendingOutput >= request.core.value.postponeOutput {
            loop.flushLater(connection)
        }
    }

    /// Frames the body, then leaves it to the limit to queue the bytes at their time.
    private func writeLimited(_ request: Request) {
        let limit = rateLimit ?? RateLimit(stream: self)
        rateLimit = limit
        if request.response.isChunked { frameChunk(request) }
        limit.take(from: request)
        limit.release()
    }

    /// Puts the lines of the chunked coding around what is outgoing.
    private func frameChunk(_ request: Request) {
        let size = request.outgoing.count
        let isLast = request.outgoing.isLast
        let before = loop.buffers.take()
        let after = loop.buffers.take()
        if size > 0 {
            before.append(hex: UInt64(size))
            before.append("\r\n")
            after.append("\r\n")
        }
        if isLast {
            after.append("0\r\n")
            engine.trailers(of: request)?.write(to: after)
            after.append("\r\n")
        }
        request.outgoing.pieces.insert(.pooled(before, 0..<before.count), at: 0)
        request.outgoing.pieces.append(.pooled(after, 0..<after.count))
    }

    /// What is queued is the beginning of a page whose parts come in the next turns: it goes out together with them.
    var gathersOutput: Bool {
        request.kinship != nil && !isResponseQueued
            && connection.pendingOutput < request.core.value.postponeOutput
    }

    /// The last byte of the body is queued.
    func endBody() { isResponseQueued = true }

    /// Pieces up to this size are copied behind the head: one place to send from costs the kernel less than two.
    private static let copied = 2_048

    private func queuePieces(of request: Request, _ queue: OutputQueue) {
        for index in request.outgoing.pieces.indices {
            let piece = request.outgoing.pieces[index]
            if let (buffer, range) = piece.buffer, range.count <= Self.copied,
                queue.writable.free >= range.count
            {
                queue.writable.append(buffer, range)
                loop.release(piece)
            } else {
                if case .file = piece { queue.fileChunk = fileChunk(of: request) }
                queue.append(piece)
            }
        }
    }

    /// `sendfile_max_chunk`: how much of a file goes out in one turn.
    func fileChunk(of request: Request) -> Int {
        let chunk = request.core.value.sendFileMaxChunk
        return chunk > 0 ? chunk : .max
    }

    private func writeChunk(_ request: Request, _ queue: OutputQueue, isLast: Bool) {
        let size = request.outgoing.count
        if size > 0 {
            queue.writable.appendChunkSize(size)
            queuePieces(of: request, queue)
            queue.writable.append("\r\n")
        }
        if isLast {
            queue.writable.append("0\r\n")
            engine.trailers(of: request)?.write(to: queue.writable)
            queue.writable.append("\r\n")
        }
    }

    override func writeInterim(_ request: Request) {
        let output = loop.output(of: connection).writable
        HTTP1Writer.appendInterimHead(of: request, to: output)
        loop.flushLater(connection)
    }

    override func writeHead(of request: Request) {
        lendConnection { writeHead(of: request, on: $0) }
    }

    private func writeHead(of request: Request, on connection: HTTP1Connection) {
        loop.lendOutput(of: connection) { $0.write { writeHead(of: request, to: $0) } }
    }

    private func writeHead(of request: Request, to output: Buffer) {
        // A body that is not wanted is asked for all the same, unless the answer is an error: it will be read and thrown away.
        if request.head.expectsContinue, request.response.errorStatus.rawValue == 0 {
            request.head.expectsContinue = false
            output.append("HTTP/1.1 100 Continue\r\n\r\n")
        }
        // HTTP/0.9 has no heads, and ends its answers by closing.
        guard request.head.version >= .http10 else { return }
        let start = output.count
        HTTP1Writer.appendHead(of: request, engine: engine, to: output)
        request.response.headSize = output.count - start
    }

    override func writeBody(of request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        lendConnection { send(bytes, of: request, on: $0, isLast: isLast, flush: flush) }
    }

    override func takesPipes(of request: Request) -> Bool {
        let response = request.response
        return request.limitRate == 0 && !response.isChunked && !response.isHeadOnly && lendConnection { $0.security == nil }
    }

    override var takesTunnel: Bool { true }
    override func startTunnel(of request: Request) { beginTunnel() }

    override func sendThroughTunnel(_ bytes: Span<UInt8>, of request: Request) {
        if connection.hasOutput { loop.flush(connection) }
        loop.send(bytes, to: connection)
    }

    override func pauseTunnel(_ isPaused: Bool) { pauseTunnelInput(isPaused) }
}

extension Buffer {
    /// The line before a chunk of so many bytes.
    func appendChunkSize(_ count: Int) {
        append(hex: UInt64(count))
        append("\r\n")
    }
}
