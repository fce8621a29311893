extension EventLoop {
    /// Stops handing input to the endpoint: it stays in the kernel, whose window then slows the peer.
    func pauseReading(_ endpoint: Endpoint) {
        endpoint.flags.remove(.reading)
    }

    /// Hands out input again, from the next pass of the loop on, never from within this call.
    func resumeReading(_ endpoint: Endpoint) {
        guard !endpoint.isClosed, !endpoint.flags.contains(.reading) else { return }
        endpoint.flags.insert(.reading)
        if endpoint.flags.contains(.readable) { readLater(endpoint) }
    }

    /// Tries to receive in this turn's next pass although no event has come: data often arrive with a connection.
    func readSoon(_ endpoint: Endpoint) {
        endpoint.flags.insert(.readable)
        readLater(endpoint)
    }

    private func readLater(_ endpoint: Endpoint) {
        guard !endpoint.flags.contains(.inReadyList) else { return }
        endpoint.flags.insert(.inReadyList)
        ready.append(endpoint)
    }

    /// Receives what there is and hands it to the endpoint, at most a few buffers in a row so that none starves. Returns how many
    /// bytes there were.
    @discardableResult
    func receiveDirectly(_ endpoint: Endpoint) -> Int {
        var rounds = 0
        var total = 0
        while endpoint.flags.isSuperset(of: [.reading, .readable]) {
            if rounds == 4 {
                readLater(endpoint)
                return total
            }
            rounds += 1
            if endpoint.flags.contains(.movesInput) {
                noteReceipt()
                total += endpoint.moveInput()
                continue
            }
            let scratch = self.scratch
            scratch.removeAll()
            let got = unsafe scratch.receive(kernel, endpoint.descriptor)
            noteReceipt()
            if got > 0 {
                total += got
                // A short read means that the kernel has no more, unless the peer's end stands behind it.
                if got < Self.scratchSize, !endpoint.flags.contains(.peerEnded) {
                    endpoint.flags.remove(.readable)
                }
                guard let security = endpoint.security else {
                    endpoint.received(scratch.span)
                    continue
                }
                let successor = open(scratch.span, for: endpoint, security)
                if successor !== endpoint { return total + receiveDirectly(successor) }
                continue
            }
            endpoint.flags.remove(.readable)
            if got == 0 {
                inputEnded(endpoint)
            } else if Errno(Int32(-got)) != .again {
                fail(endpoint, Errno(Int32(-got)))
            }
            break
        }
        return total
    }

    /// Hands out bytes that were received without being asked for one by one.
    func take(_ bytes: Span<UInt8>, for endpoint: Endpoint) {
        noteReceipt()
        guard let security = endpoint.security else { return endpoint.received(bytes) }
        _ = open(bytes, for: endpoint, security)
    }

    /// The peer sends no more, and all it has sent was handed out.
    func inputEnded(_ endpoint: Endpoint) {
        endpoint.flags.insert(.peerEnded)
        endpoint.flags.remove(.reading)
        if let security = endpoint.security, !security.inputEnded() {
            failSecurity(endpoint, security)
        } else {
            endpoint.peerEnded()
        }
    }

    func fail(_ endpoint: Endpoint, _ error: Errno) {
        guard !endpoint.isClosed, !endpoint.flags.contains(.failed) else { return }
        endpoint.flags.insert(.failed)
        endpoint.flags.remove([.reading, .readable])
        endpoint.failed(error)
    }

    func finishConnecting(_ endpoint: Endpoint) {
        let error = kernel.socketError(endpoint.descriptor)
        endpoint.flags.remove(.connecting)
        if error != 0 { return fail(endpoint, Errno(error)) }
        endpoint.connected()
        if !endpoint.isClosed, endpoint.hasOutput { flushLater(endpoint) }
    }
}

extension Buffer {
    /// Receives once into the free space.
    @unsafe
    fileprivate func receive(_ kernel: Kernel, _ descriptor: Int32) -> Int {
        var outcome = 0
        _ = unsafe fill(minimum: 1) { space in
            outcome = unsafe kernel.receive(descriptor, into: space)
            return max(outcome, 0)
        }
        return outcome
    }
}
