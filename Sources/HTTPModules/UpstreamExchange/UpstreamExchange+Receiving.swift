/// The answer's head, as it comes.
extension UpstreamExchange {
    /// Bytes came from the upstream.
    func received(_ bytes: Span<UInt8>, on connection: UpstreamConnection) {
        guard lentConnection.holds(connection) else { return }
        updateAttempt { $0.bytesReceived += bytes.count }
        switch stage {
        case .asking:
            loop.setInputDeadline(connection, in: setting { $0.readTimeout })
            receiveHead(bytes)
        case .receiving:
            loop.setInputDeadline(connection, in: setting { $0.readTimeout })
            receiveBody(bytes)
        case .tunnelling:
            loop.setInputDeadline(connection, in: settings.value.readTimeout)
            passToClient(bytes)
        case .idle, .readingRequest, .connecting, .draining, .done:
            break
        }
    }

    private func receiveHead(_ bytes: Span<UInt8>) {
        var rest = bytes
        let limit = setting { $0.bufferSize }
        while true {
            switch lentProto.lend({ $0.readHead(rest, into: head, limit: limit) }) {
            case .needMore: return
            case .tooLong:
                request.log(.error, while: action(ofHead: true)) {
                    $0.append("upstream sent too big header")
                }
                return failed(Fault(.upstream, .invalidHeader, .tooBigHead))
            case .failed:
                return headFailed()
            case .refused:
                return failed(Fault(.upstream, .invalidHeader, .invalidHead))
            case .complete(let end):
                rest = rest.extracting(end..<rest.count)
                guard head.status.code < 200, isInterim else {
                    if head.status == .switchingProtocols, !request.stream.takesTunnel { return refuseTunnel() }
                    return lentProto.lend { headIsComplete(rest, $0) }
                }
                guard passInterim() else { return }
                if rest.isEmpty { return }
            }
        }
    }

    func action(ofHead: Bool) -> StaticString { "reading response header from upstream" }

    /// Another protocol takes a connection that carries nothing but this request.
    private func refuseTunnel() {
        request.log(.error, while: action(ofHead: true)) {
            $0.append("upstream sent 101 to a request that cannot be upgraded")
        }
        failed(Fault(.upstream, .invalidHeader, .invalidHead))
    }

    /// The client has not asked for another protocol. As in nginx it gets the 101, but nginx passes what follows, too, on a
    /// connection that is kept: the client could take it for the answer to its next request.
    private func endUnwantedSwitch() {
        request.response.isHeadOnly = true
        request.flags.remove(.keepAlive)
    }

    /// An answer before the answer. nginx takes a 100 that nobody asked for as the final answer; here it is swallowed.
    private var isInterim: Bool {
        proto.hasInterimAnswers && head.status.code >= 100 && head.status.code < 200
            && head.status != .switchingProtocols
    }

    /// Passes early hints on and gets ready for the next head; false when the try has failed.
    private func passInterim() -> Bool {
        if head.status == .earlyHints {
            if head.version < .http11 {
                request.log(.error, while: action(ofHead: true)) {
                    $0.append("upstream sent HTTP/1.0 response with early hints")
                }
                failed(Fault(.upstream, .invalidHeader, .invalidHead))
                return false
            }
            attempt.hintBytes += head.bytes.count
            if attempt.hintBytes <= settings.value.bufferSize {
                passHints()
            } else {
                request.log(.info, while: action(ofHead: true)) {
                    $0.append("upstream sent too big early hints")
                }
            }
        }
        head.reset()
        head.bytes.removeAll()
        proto.begin()
        return true
    }

    private func passHints() {
        let conditions = request.core.value.earlyHints
        guard !conditions.isEmpty, request.head.version >= .http11 else { return }
        for condition in conditions where !condition.isTrue(in: request) { return }
        let response = request.response
        let bytes = head.bytes
        for index in head.fields.indices {
            let field = head.fields[index]
            let name = bytes.span(field.nameRange)
            if settings.value.hidden.contains(field.name, spelled: name) { continue }
            response.headers.appendEntry(field.name, spelled: name, bytes.span(field.valueRange))
        }
        if !response.headers.isEmpty {
            response.status = .earlyHints
            request.stream.writeInterim(request)
        }
        response.status = Status(rawValue: 0)
        response.headers.removeAll()
    }

    // MARK: - The final head

    /// The head is there; `rest` is the body's beginning.
    private func headIsComplete(_ rest: Span<UInt8>, _ proto: UpstreamProtocol) {
        let status = head.status
        let elapsed = loop.now - attempt.startedAt
        updateAttempt {
            $0.status = status.rawValue
            $0.headerTime = elapsed
        }
        if status.code >= 300 {
            if retriesAnswer() { return }
            if interceptsError(isExcess: !rest.isEmpty) { return }
        }
        proto.beginBody(head, self)
        if let redirect = accelRedirect { return redirectInternally(redirect, isExcess: !rest.isEmpty) }
        lentSettings.lend { passHead($0, to: response) }
        proto.completeHead(request)
        let isUpgrade = status == .switchingProtocols && request.head.fields.contains(.upgrade)
        if isUpgrade {
            response.isTunnel = true
        } else if status == .switchingProtocols {
            endUnwantedSwitch()
        }
        let current = use
        stage = .receiving
        engine.sendHead(request)
        guard use == current, stage == .receiving else { return }
        if isUpgrade { return startTunnel(rest) }
        if response.isHeadOnly {
            let keeps = proto.isComplete && rest.isEmpty && proto.keepsConnection(head)
            return upstreamCompleted(keepsConnection: keeps)
        }
        beginBuffering()
        if proto.isComplete, rest.isEmpty {
            return upstreamCompleted(keepsConnection: proto.keepsConnection(head))
        }
        if !rest.isEmpty || proto.isComplete { receiveBody(rest) }
    }

    private func beginBuffering() {
        let isBuffered = askedBuffering ?? setting { $0.isBuffering }
        intake.buffering = BodyBuffering(
            isBuffered: isBuffered, memoryLimit: setting { $0.memoryLimit }, fileLimit: setting { $0.fileLimit })
        guard isBuffered else {
            // What is not held back here is not held back by us at all.
            request.limitRate = 0
            request.flags.insert(.hasLimitRate)
            return
        }
        if setting({ $0.limitRate != nil }) { limitReading() }
    }

    private func limitReading() {
        guard let template = settings.value.limitRate else { return }
        let scratch = scratch
        scratch.removeAll()
        template.append(to: scratch, scope: request)
        intake.rate = ReadingRate(limit: Self.size(scratch.span), nowSecond: second)
    }

    /// A size in nginx's notation, 0 if it is none.
    private static func size(_ text: Span<UInt8>) -> Int { Units.size(text) ?? 0 }

    /// Ends with an error page of ours where `proxy_intercept_errors` says so.
    private func interceptsError(isExcess: Bool) -> Bool {
        let status = head.status
        if settings.value.intercepts404, status == .notFound {
            finishIntercepted(status, isExcess: isExcess)
            return true
        }
        guard settings.value.interceptsErrors else { return false }
        for page in request.core.value.errorPages where page.status == status {
            if status == .unauthorized { passChallenges() }
            finishIntercepted(status, isExcess: isExcess)
            return true
        }
        return false
    }

    /// Ends with a page of ours. The body is not read, so the connection is kept only if there is none.
    private func finishIntercepted(_ status: Status, isExcess: Bool) {
        proto.beginBody(head, self)
        let keeps = !isExcess && proto.isComplete && proto.keepsConnection(head)
        stage = .done
        close(keepsConnection: keeps)
        engine.finish(request, code: status.rawValue)
    }

    /// Answers with what `X-Accel-Redirect` names.
    private func redirectInternally(_ value: ByteRange, isExcess: Bool) {
        let keeps = !isExcess && proto.isComplete && proto.keepsConnection(head)
        stage = .done
        close(keepsConnection: keeps)
        lentSettings.lend { passForRedirect($0, to: response) }
        let bytes = head.bytes
        let target = bytes.span(value)
        if !target.isEmpty, target[0] == ASCII.at {
            let name = target.extracting(1..<target.count)
            request.producer = nil
            return engine.redirect(request, toName: name)
        }
        let routing = request.routing
        scratch.removeAll()
        guard let question = AccelTarget.decode(target, into: scratch) else {
            request.log(.error, while: action(ofHead: true)) {
                $0.append("unsafe URI \"")
                $0.append(head.bytes, value)
                $0.append("\" was detected")
            }
            return engine.finish(request, code: 404)
        }
        routing.path.removeAll()
        routing.path.append(scratch)
        routing.arguments.removeAll()
        routing.hasQuery = question < target.count
        if routing.hasQuery {
            routing.arguments.append(target.extracting(question + 1..<target.count))
        }
        if request.method != .head {
            let requestHead = request.head
            let start = requestHead.bytes.count
            requestHead.bytes.append("GET")
            requestHead.method = .get
            requestHead.methodName = ByteRange(start, requestHead.bytes.count)
        }
        request.producer = nil
        engine.redirect(request)
    }
}
