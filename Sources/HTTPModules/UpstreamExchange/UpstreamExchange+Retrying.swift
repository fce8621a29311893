/// What follows from a failure: another server, or an end.
extension UpstreamExchange {
    private func situation(isSent: Bool) -> RetryPolicy.Situation {
        RetryPolicy.Situation(
            method: request.method, isSent: isSent, isStreamed: isStreamed,
            triesLeft: selection.triesLeft, elapsed: loop.now - firstTryAt)
    }

    /// What came is no answer. A request that nobody has looked at, and that is all there, goes on to the next connection or server,
    /// whatever its method is: nginx fails with it.
    func headFailed() {
        let conditions = settings.value.retryPolicy.conditions
        let isPassedOver = !isStreamed && proto.wasPassedOver && conditions.contains(.error) && !conditions.contains(.off)
        let wasReused = connection?.isReused ?? false
        request.log(isPassedOver && wasReused ? .info : .error, while: action(ofHead: true)) {
            proto.appendFault(to: $0, head: head)
        }
        guard isPassedOver else { return failed(Fault(.upstream, .invalidHeader, .invalidHead)) }
        failed(Fault(.upstream, .error, .closed), wasPassedOver: true)
    }

    /// A try failed before its answer was passed on.
    func failed(_ fault: Fault, wasPassedOver: Bool = false) {
        let isSent = attempt.isStarted && !wasPassedOver
        let wasReused = connection?.isReused ?? false
        if fault.cause == .timeout {
            request.log(.error, errno: .timedOut, while: action) { $0.append("upstream timed out") }
        }
        updateAttempt { $0.status = fault.retry.status.rawValue }
        let outcome: PeerOutcome = fault.countsAgainstPeer && !(wasPassedOver && wasReused) ? .failed : .succeeded
        releasePeer(outcome)
        // An idle connection that turns out to be closed says little about its server.
        if wasReused, fault.retry == .error { selection.allowAnotherTry() }
        if request.main.flags.contains(.clientGone) { return end(.clientClosedRequest) }
        guard settings.value.retryPolicy.allowsRetry(after: fault.retry, situation(isSent: isSent)) else {
            return end(fault.retry.status)
        }
        tryNextPeer()
    }

    /// Whether the answer is given up for another server's; then that one has been asked.
    func retriesAnswer() -> Bool {
        guard let condition = RetryConditions(status: head.status) else { return false }
        // This try is not over yet for the balancer, so two must be left.
        guard
            settings.value.retryPolicy.allowsRetry(after: condition, situation(isSent: attempt.isStarted), triesNeeded: 2)
        else { return false }
        failed(Fault(.upstream, condition, .status))
        return true
    }

    /// The connection broke.
    func connectionFailed(_ error: Errno) {
        switch stage {
        case .connecting:
            request.log(.error, errno: error, while: action) {
                $0.append(
                    attempt.isSecuring ? "peer closed connection in SSL handshake" : "connect() failed")
            }
            failed(Fault(.upstream, .error, .connect, errno: error))
        case .asking:
            let isSending = error == .brokenPipe
            request.log(
                .error, errno: error,
                while: isSending ? "sending request to upstream" : action
            ) { $0.append(isSending ? "writev() failed" : "recv() failed") }
            failed(Fault(.upstream, .error, isSending ? .send : .receive, errno: error))
        case .receiving:
            request.log(.error, errno: error, while: action) {
                $0.append(error == .brokenPipe ? "writev() failed" : "recv() failed")
            }
            end(.badGateway)
        case .tunnelling:
            request.log(.error, errno: error, while: action) {
                $0.append(error == .brokenPipe ? "send() failed" : "recv() failed")
            }
            endTunnel()
        case .idle, .readingRequest, .draining, .done:
            close()
        }
    }

    /// What is spoken with the upstream has broken down.
    func conversationFailed() {
        switch stage {
        case .asking, .receiving:
            request.log(.error, while: action) { proto.appendFault(to: $0, head: head) }
            if stage == .receiving { return end(.badGateway) }
            failed(Fault(.upstream, .error, .send))
        case .idle, .readingRequest, .connecting, .tunnelling, .draining, .done: break
        }
    }

    func sendTimedOut() {
        switch stage {
        case .connecting, .asking: failed(Fault(.upstream, .timeout, .timeout))
        case .receiving:
            logTimeout()
            end(.gatewayTimeout)
        case .tunnelling: tunnelTimedOut()
        case .idle, .readingRequest, .draining, .done: break
        }
    }

    func readTimedOut() {
        switch stage {
        case .connecting, .asking: failed(Fault(.upstream, .timeout, .timeout))
        case .receiving:
            if intake.isDelayed { return deliverHeld() }
            if intake.patience.isWaiting { return relieveUpstream() }
            logTimeout()
            end(.gatewayTimeout)
        case .tunnelling: tunnelTimedOut()
        case .idle, .readingRequest, .draining, .done: break
        }
    }

    func logTimeout() {
        request.log(.error, errno: .timedOut, while: action) { $0.append("upstream timed out") }
    }

    /// The upstream sends no more.
    func upstreamEnded() {
        switch stage {
        case .connecting, .asking:
            let isReading = attempt.isStarted
            request.log(
                .error,
                while: isReading ? "reading response header from upstream" : action
            ) { $0.append("upstream prematurely closed connection") }
            failed(Fault(.upstream, .error, .closed))
        case .receiving:
            if proto.endsAtClose, heldBytes == nil {
                return upstreamCompleted(keepsConnection: false)
            }
            if heldBytes != nil { return }
            request.log(.error, while: action) {
                $0.append("upstream prematurely closed connection")
            }
            end(.badGateway)
        case .tunnelling: upstreamEndedTunnel()
        case .idle, .readingRequest, .draining, .done: close()
        }
    }
}
