/// A client's HTTP/1 connection: one request after the other. While it waits for one it holds no buffer.
final class HTTP1Connection: ServedConnection {
    enum State: UInt8 {
        /// Waits for the first byte of a head, or for more of it.
        case readingHead
        /// A request is being answered.
        case serving
        /// The answer is sent; the rest of the request's body is read and thrown away.
        case discarding
        /// The answer is sent and our side closed; what the client still sends is thrown away.
        case lingering
    }

    private(set) var state = State.readingHead
    /// The request under way; nil while the connection is idle.
    private(set) var stream: HTTP1Stream?
    /// Guards against a pipelined request being begun within the end of the one before it.
    private(set) var isAdvancing = false
    /// The client may still turn out to speak HTTP/2.
    private var awaitsPreface: Bool

    override init(
        engine: Engine, descriptor: Int32, address: RawAddress, binding: ListenBinding,
        number: UInt64
    ) {
        awaitsPreface = HTTP1Connection.takesPreface(binding)
        super.init(
            engine: engine, descriptor: descriptor, address: address, binding: binding,
            number: number)
    }

    /// `keepalive_min_timeout` has not passed yet: so many milliseconds are left then. Negative: it has.
    private var keptFurther: Int32 = -1

    /// Whether it can be closed without breaking off a request. One that was only just accepted has a request on its way.
    private var isIdle: Bool { action == .keepAlive && stream == nil && keptFurther < 0 }

    override func shutDown() {
        if isIdle { end() }
    }

    override func cutOff() {
        if state == .serving, let stream { engine.cutOff(stream.request) }
        end()
    }

    // MARK: - Input

    override func received(_ bytes: Span<UInt8>) {
        if awaitsProxyHeader {
            guard let end = takeProxyHeader(bytes) else { return self.end() }
            if end < bytes.count { take(bytes.extracting(end..<bytes.count)) }
            return
        }
        take(bytes)
    }

    private func take(_ bytes: Span<UInt8>) {
        switch state {
        case .readingHead:
            if awaitsPreface { return begin(bytes) }
            let isFirst = stream == nil
            read(bytes, by: beginStream(), isFirst: isFirst)
        case .serving, .discarding:
            guard let stream else { return }
            stream.received(bytes)
            if !isClosed, state == .discarding, stream.isBodyConsumed { discarded(stream) }
        case .lingering:
            break
        }
    }

    @inline(never)
    private func read(_ bytes: Span<UInt8>, by stream: HTTP1Stream, isFirst: Bool) {
        if isFirst { stream.request.arrival = loop.inputMoment }
        stream.headBytes.append(bytes)
        advance(from: stream)
    }

    /// The first bytes decide on the protocol.
    private func begin(_ bytes: Span<UInt8>) {
        if stream == nil, HTTP2Preface.match(bytes) == .whole { return becomeHTTP2(bytes) }
        let begun = beginStream()
        let head = begun.request.head.bytes
        head.append(bytes)
        switch HTTP2Preface.match(head.span) {
        case .part: return
        case .none:
            awaitsPreface = false
            advance(from: begun)
        case .whole:
            let copy = loop.largeBuffers.take()
            copy.append(head)
            stream = nil
            engine.takeBack(begun)
            becomeHTTP2(copy.span)
            loop.largeBuffers.give(copy)
        }
    }

    /// The stream that takes the head's bytes.
    private func beginStream() -> HTTP1Stream {
        if let stream { return stream }
        let stream = engine.takeStream(for: self)
        self.stream = stream
        engine.count(self, as: .reading)
        if action == .keepAlive {
            loop.setInputDeadline(self, in: binding.headerTimeout)
        }
        action = .readingRequestLine
        return stream
    }

    /// Parses and serves requests as long as complete heads are there.
    private func advance(from first: HTTP1Stream) {
        guard !isAdvancing else { return }
        isAdvancing = true
        var hasMore = first.parseHead(on: self)
        while hasMore, state == .readingHead, let stream, !isClosed { hasMore = stream.parseHead(on: self) }
        isAdvancing = false
        if !isClosed, hasOutput, stream?.gathersOutput != true { loop.flush(self) }
    }

    /// The head is complete: the request is served from here on.
    @inline(never)
    func beginServing() {
        state = .serving
        action = .none
        loop.clearInputDeadline(self)
        engine.count(self, as: .writing)
    }

    override func peerEnded() {
        switch state {
        case .readingHead:
            if awaitsProxyHeader, let error = proxy?.incompleteError { logProxyError(error) }
            if let stream {
                engine.logClientLeft(stream.request)
                stream.abandonHead()
            } else if !awaitsProxyHeader {
                logClientLeft()
            }
            end()
        case .serving:
            stream?.peerEnded()
        case .discarding, .lingering:
            end()
        }
    }

    override func secured() {
        action = .waiting
        if tls?.hasSelected("h2") == true { becomeHTTP2(Span()) }
    }

    /// The client has left before it asked for anything, or for anything more.
    private func logClientLeft() {
        guard action == .keepAlive else { return log(.info) { $0.append("client closed connection") } }
        writeBare(.info) {
            $0.append("client ")
            address.appendText(to: $0, withPort: false)
            $0.append(" closed keepalive connection")
        }
    }

    override func receivedUnprotected() { action = .waiting }

    override func securityFailed() {
        if let failure = tls?.failure {
            let wasHandshaking = security?.isEstablished == false
            if awaitsProxyHeader, let error = proxy?.incompleteError {
                logProxyError(error)
                return end()
            }
            if let stream { stream.request.log(failure) } else { log(failure) }
            if wasHandshaking { return end() }
        }
        peerEnded()
        // Nothing can be sent any more: who goes on without the client would wait for ever for its last byte to leave.
        if !isClosed, state == .serving, let stream { engine.breakOffUnsent(stream.request) }
    }

    override func failed(_ error: Errno) {
        switch state {
        case .serving:
            stream?.connectionFailed(error)
        case .readingHead:
            if let stream {
                engine.logFailure(stream.request, error)
                stream.abandonHead()
            } else if action != .keepAlive || error != .connectionReset {
                // Some browsers end a kept connection by a reset.
                log(.info, errno: error) { $0.append("recv() failed") }
            }
            end()
        case .discarding, .lingering:
            end()
        }
    }

    // MARK: - Output

    override func drained() {
        loop.clearOutputDeadline(self)
        stream?.outputDrained()
    }

    override func fileEnded(at offset: Int) {
        guard let stream else { return }
        let request = stream.request
        request.log(.alert, while: "sending response to client") {
            $0.append("sendfile() reported that \"")
            request.appendFilePath(to: $0)
            $0.append("\" was truncated at ")
            $0.append(decimal: offset)
        }
    }

    override func called() {
        guard state == .serving, let stream else { return }
        engine.continueBody(stream.request)
    }

    override func outputBlocked() {
        guard let stream else { return }
        loop.setOutputDeadline(self, in: stream.request.core.value.sendTimeout)
    }

    override func outputTimedOut() {
        guard let stream else { return end() }
        stream.timedOut(sending: true)
    }

    override func inputTimedOut() {
        switch state {
        case .readingHead:
            guard let stream else {
                if keptFurther > 0, !engine.isShuttingDown {
                    let rest = Int(keptFurther)
                    keptFurther = -1
                    return loop.setInputDeadline(self, in: rest)
                }
                // A connection that is kept may be silent; one that was just made should not be.
                if action != .keepAlive { log(.info, errno: .timedOut) { $0.append("client timed out") } }
                return end()
            }
            stream.headTimedOut()
        case .serving:
            stream?.timedOut(sending: false)
        case .discarding, .lingering:
            end()
        }
    }

    // MARK: - The end of a request

    /// The request's answer is sent and logged. Goes on to the next, or ends the connection.
    func finished(_ stream: HTTP1Stream) {
        // A client that has sent its end may have sent requests before it.
        let keepsAlive = stream.request.flags.contains(.keepAlive) && !engine.isShuttingDown
        if keepsAlive {
            if stream.isBodyConsumed { return nextRequest(after: stream) }
            state = .discarding
            // The body may have come with the head.
            stream.drainInput()
            if stream.isBodyConsumed { return discarded(stream) }
            loop.setInputDeadline(self, in: stream.request.core.value.lingeringTimeout)
            readOn()
            return
        }
        let settings = stream.request.core
        let lingers: Bool
        switch settings.value.lingeringClose {
        case .off: lingers = false
        case .always: lingers = true
        case .on:
            lingers =
                stream.request.flags.contains(.lingers) || stream.hasUnreadInput
                || !stream.isBodyConsumed
        }
        let time = settings.value.lingeringTime
        let timeout = settings.value.lingeringTimeout
        giveBackStream()
        guard lingers, !hasPeerEnded else { return end() }
        if beginLingering(for: time, timeout: timeout) { state = .lingering }
    }

    /// The rest of the body is gone. If it was malformed nobody knows where it ended, and what follows must not be taken for a
    /// request.
    private func discarded(_ stream: HTTP1Stream) {
        if stream.request.flags.contains(.keepAlive) { nextRequest(after: stream) } else { end() }
    }

    /// Waits for the next request, or begins it if it has come already.
    private func nextRequest(after stream: HTTP1Stream) {
        let (timeout, least) = stream.request.lendLocation {
            ($0.core.value.keepaliveTimeout, $0.core.value.keepaliveMinTimeout)
        }
        let rest = stream.hasUnreadInput ? stream.takeUnreadInput() : nil
        giveBackStream()
        state = .readingHead
        action = .keepAlive
        readOn()
        if let rest {
            let stream = beginStream()
            stream.request.head.bytes.append(rest.span)
            stream.request.flags.insert(.pipelined)
            loop.buffers.give(rest)
            return advance(from: stream)
        }
        engine.count(self, as: .waiting)
        if timeout == 0 { return end() }
        keptFurther = least > 0 ? Int32(clamping: max(timeout - least, 0)) : -1
        loop.setInputDeadline(self, in: least > 0 ? min(least, timeout) : timeout)
    }

    /// Receives what comes. The client's end may have been told of before, and no event will tell of it again.
    private func readOn() {
        loop.resumeReading(self)
        if hasPeerEnded { loop.readSoon(self) }
    }

    private func giveBackStream() {
        if let stream = stream.take() { engine.giveBack(stream) }
    }

    override func end() {
        guard !isClosed else { return }
        giveBackStream()
        engine.connectionEnded(self)
        loop.close(self)
    }
}
