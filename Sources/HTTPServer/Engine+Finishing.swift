/// The end of a request: complete, by an error page, or broken off.
extension Engine {
    func end(_ request: Request, code: UInt16) {
        guard !request.flags.contains(.finished) else { return }
        if let producer = request.producer.take() { producer.cancel() }
        if !request.isMain { return endSubrequest(request, code: code) }
        switch code {
        case 0:
            // The module is through: what it has not said is not said.
            if !request.response.isHeadSent { return finish(request, code: 500) }
            if !request.response.isBodyComplete { breakOff(request) }
        case 444:
            request.response.status = 444
            request.flags.insert(.isTimedOut)
            breakOff(request)
        case 408, 499:
            if !request.response.isHeadSent { request.response.status = Status(rawValue: code) }
            breakOff(request)
        default:
            if request.response.isHeadSent { return breakOff(request) }
            answerSpecially(request, code: code)
        }
    }

    /// Ends the connection with whatever was sent so far.
    func breakOff(_ request: Request) {
        request.flags.remove(.keepAlive)
        complete(request)
    }

    /// Breaks off what nobody waits for any longer, subrequests and `post_action` included. Without an answer there is no status.
    func cutOff(_ request: Request) {
        request.kinship?.family.dissolve()
        request.flags.insert(.hasPostAction)
        breakOff(request)
    }

    /// Breaks off what is answered to a client that nothing can be sent to any more.
    func breakOffUnsent(_ request: Request) {
        request.flags.insert(.clientGone)
        if !request.response.isHeadSent { request.response.status = .clientClosedRequest }
        breakOff(request)
    }

    /// Everything queued was handed to the kernel.
    func outputDrained(_ request: Request, isComplete: Bool) {
        if isComplete { return complete(request, isSent: true) }
        if request.areFiltersBusy { return request.stream.continueSoon() }
        if let family = request.kinship?.family, !family.isActive(request) {
            return wishes.add(.turn, for: family.active)
        }
        request.producer?.outputDrained()
    }

    /// Logs the request and gives the connection back to its protocol.
    func complete(_ request: Request, isSent: Bool = false) {
        guard !request.flags.contains(.finished) else { return }
        if request.lendLocation({ $0.core.value.postAction != nil }) { actAfterwards(request, isSent: isSent) }
        if let family = request.kinship?.family, !family.members.isEmpty, isSent || family.isMainAnswered == nil {
            // As in nginx, subrequests in the background hold the connection's next request back.
            if isSent { family.isMainAnswered = true }
            if family.isMainAnswered == nil, request.flags.contains(.hasPostAction) { family.isMainAnswered = false }
            if family.isMainAnswered != nil { return }
        }
        request.flags.insert(.finished)
        if isSent { request.flags.insert(.isAnswered) }
        if let producer = request.producer.take() { producer.cancel() }
        request.kinship?.family.dissolve()
        log(request)
        request.admission.releasePlaces()
        request.lendStream { if isSent { $0.finish(request) } else { $0.abort(request) } }
    }

    /// Does what `post_action` asks for, once.
    private func actAfterwards(_ request: Request, isSent: Bool) {
        guard !request.flags.contains(.hasPostAction), let action = request.core.value.postAction else { return }
        request.flags.insert(.hasPostAction)
        if isSent {
            request.flags.insert(.isAnswered)
        } else {
            if let producer = request.producer.take() { producer.cancel() }
            request.kinship?.family.dissolve()
        }
        startPostAction(action, of: request)
    }

    /// The log phase: access logs, and modules that keep count of requests.
    func log(_ request: Request) {
        guard !request.flags.contains(.logged) else { return }
        request.flags.insert(.logged)
        request.routing.phase = .log
        request.bytesSent = request.lendStream { $0.bytesSent }
        request.bodyBytesSent = max(request.bytesSent - request.response.headSize, 0)
        tellEnd(of: request)
        let steps = request.lendLocation { $0.plan.log }
        if steps.count == 0 { return }
        request.logAction = "logging request"
        for index in steps.indices { _ = Roster.handle(steps[index], request) }
        request.logAction = ""
    }

    // MARK: - Trouble with the client

    func connectionFailed(_ request: Request, _ error: Errno) {
        request.flags.insert(.clientGone)
        if request.producer is RequestPause {
            request.log(.info, errno: error) { $0.append("client prematurely closed connection") }
        } else if request.response.isHeadSent {
            request.log(.info, errno: error, while: Self.sendingAction(request)) { $0.append("send() failed") }
        } else {
            request.log(.info, errno: error) { $0.append("recv() failed") }
        }
        if !request.response.isHeadSent {
            request.response.status = request.body.state == .reading ? 400 : 499
        }
        breakOff(request)
    }

    func timedOut(_ request: Request, sending: Bool) {
        // Of a body that does not come nginx tells the access log alone.
        if sending {
            request.log(.info, errno: .timedOut, while: Self.sendingAction(request)) {
                $0.append("client timed out")
            }
        }
        if !request.response.isHeadSent { request.response.status = 408 }
        request.flags.insert(.isTimedOut)
        breakOff(request)
    }

    private static func sendingAction(_ request: Request) -> StaticString {
        request.attempts.isEmpty ? "sending response to client" : "sending to client"
    }

    private static func readingAction(_ request: Request) -> StaticString {
        request.head.length == 0 ? "reading client request line" : "reading client request headers"
    }

    func headTimedOut(_ request: Request) {
        request.log(.info, errno: .timedOut, while: Self.readingAction(request)) {
            $0.append("client timed out")
        }
        request.response.status = 408
        request.flags.insert(.isTimedOut)
        logAbandoned(request)
    }

    func logClientLeft(_ request: Request) {
        request.log(.info, while: Self.readingAction(request)) {
            $0.append("client prematurely closed connection")
        }
        request.response.status = 400
    }

    func logFailure(_ request: Request, _ error: Errno) {
        request.log(.info, errno: error, while: Self.readingAction(request)) {
            $0.append("recv() failed")
        }
        request.response.status = 400
    }

    /// A head that will never be complete.
    func logAbandoned(_ request: Request) {
        understand(request)
        log(request)
    }

    /// What was understood of a head that is not taken shows in the log, as in nginx.
    private func understand(_ request: Request) {
        if request.routing.path.isEmpty, !request.head.target.isEmpty { takeTarget(request) }
    }

    func clientEndedWithinBody(_ request: Request) {
        request.log(.info) { $0.append("client prematurely closed connection") }
        request.flags.insert(.clientGone)
        if !request.response.isHeadSent { request.response.status = 400 }
        breakOff(request)
    }

    func bodyIsInvalid(_ request: Request) {
        request.body.state = .failed
        request.finish(request.refuseBody())
    }

    /// The head cannot be taken.
    func refuse(_ request: Request, _ error: ParseError) {
        request.log(.info, while: error.action) { error.appendMessage(to: $0, head: request.head) }
        request.flags.remove(.keepAlive)
        request.head.giveUp()
        understand(request)
        if request.method == .head { request.response.isHeadOnly = true }
        if error.lingers { request.flags.insert(.lingers) }
        finish(request, code: error.status.rawValue)
    }
}
