/// The tunnel behind an answer 101: bytes pass both ways as they are. Whichever side is slower slows the other.
extension UpstreamExchange {
    func startTunnel(_ first: Span<UInt8>) {
        guard let connection else { return }
        stage = .tunnelling
        attempt.isSent = true
        intake.isPaused = false
        let current = use
        request.stream.startTunnel(of: request)
        guard use == current, stage == .tunnelling, lentConnection.holds(connection) else { return }
        if !first.isEmpty { passToClient(first) } else { request.stream.flush() }
    }

    func passToClient(_ bytes: Span<UInt8>) {
        updateAttempt { $0.responseLength += bytes.count }
        let current = use
        request.stream.sendThroughTunnel(bytes, of: request)
        guard use == current, stage == .tunnelling, let connection else { return }
        if request.pendingOutput >= settings.value.bufferSize, !intake.isPaused {
            intake.isPaused = true
            loop.pauseReading(connection)
        }
    }

    func passToUpstream(_ bytes: Span<UInt8>) {
        guard stage == .tunnelling, let connection else { return }
        loop.setInputDeadline(connection, in: settings.value.readTimeout)
        let current = use
        loop.send(bytes, to: connection)
        guard use == current, stage == .tunnelling, lentConnection.holds(connection) else { return }
        if connection.hasOutput {
            loop.setOutputDeadline(connection, in: settings.value.sendTimeout)
            if connection.pendingOutput >= settings.value.bufferSize {
                request.stream.pauseTunnel(true)
            }
        }
    }

    func tunnelUpstreamDrained() {
        if attempt.clientHasEnded { return endTunnel() }
        request.stream.pauseTunnel(false)
    }

    func tunnelClientDrained() {
        guard let connection else { return }
        if connection.hasPeerEnded, intake.upstreamHasEnded { return endTunnel() }
        if intake.isPaused {
            intake.isPaused = false
            loop.resumeReading(connection)
        }
    }

    func upstreamEndedTunnel() {
        guard request.pendingOutput > 0 else { return endTunnel() }
        // The end follows when the client has taken what came before it.
        intake.upstreamHasEnded = true
    }

    func clientEndedTunnel() {
        guard let connection, connection.hasOutput else { return endTunnel() }
        attempt.clientHasEnded = true
    }

    func tunnelTimedOut() {
        logTimeout()
        end(.gatewayTimeout)
    }

    func endTunnel() {
        stage = .done
        close()
        engine.finish(request, code: 0)
    }
}
