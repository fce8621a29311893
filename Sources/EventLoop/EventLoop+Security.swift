/// Endpoints whose bytes are protected: between the kernel and the endpoint stands its `EndpointSecurity`.
extension EventLoop {
    /// Plaintext that is sealed for one send, in bytes: three full records. With four, the kernel cuts a small packet off the end of
    /// its largest one (64 KB with all headers), which costs a fifth of all that is spent on a large body.
    static let trainSize = 48 * 1_024
    /// What the records of a train may need beyond the plaintext.
    static let trainOverhead = 4 * 1_024
    /// So many sealed bytes may wait for a peer: a train, and what the protocol itself has to say. Whoever provokes answers without
    /// taking them is not served.
    private static let unsentLimit = 128 * 1_024
    /// Pieces from this size on are sealed where they lie; smaller ones are gathered, since each record has its price.
    private static let gatheredSize = 4 * 1_024

    /// Protects an endpoint from now on, and sends the first bytes if it is for us to begin.
    func secure(_ endpoint: Endpoint, by security: EndpointSecurity) {
        endpoint.security = security
        guard security.begin() else { return failSecurity(endpoint, security) }
        if security.unsentCount > 0 { flush(endpoint) }
    }

    // MARK: - Opening

    /// Opens received bytes and hands the plaintext out in one call. Returns the endpoint that is in charge afterwards: hearing that
    /// its handshake is over, an endpoint may put another in its place.
    func open(_ bytes: Span<UInt8>, for endpoint: Endpoint, _ security: EndpointSecurity) -> Endpoint {
        var endpoint = endpoint
        var position = 0
        if endpoint.flags.contains(.preamble) {
            position = endpoint.receivedPreamble(bytes)
            if endpoint.isClosed || position == bytes.count { return endpoint }
        }
        while endpoint.security === security, !endpoint.isClosed {
            // After our end whatever comes is thrown away.
            if security.isShut { return endpoint }
            if let held = security.heldInput {
                held.append(bytes.extracting(position..<bytes.count))
                return endpoint
            }
            let plaintext = opened
            plaintext.removeAll()
            let outcome = security.open(bytes, from: &position, into: plaintext)
            if security.unsentCount > 0 { flushLater(endpoint) }
            if security.unsentCount > Self.unsentLimit {
                fail(endpoint, .noBuffers)
                return endpoint
            }
            if !plaintext.isEmpty {
                endpoint.received(plaintext.span)
                if endpoint.isClosed { return endpoint }
            }
            switch outcome {
            case .more: return endpoint
            case .established:
                endpoint.secured()
                endpoint = security.endpoint
                if position == bytes.count, !security.holdsPlaintext { return endpoint }
            case .plain:
                endpoint.security = nil
                endpoint.receivedUnprotected()
                if endpoint.isClosed { return endpoint }
                endpoint.received(bytes.extracting(position..<bytes.count))
                return endpoint
            case .held:
                let held = buffers.take()
                held.append(bytes.extracting(position..<bytes.count))
                security.heldInput = held
                pauseReading(endpoint)
                return endpoint
            case .ended:
                endpoint.flags.insert(.peerEnded)
                endpoint.flags.remove(.reading)
                endpoint.peerEnded()
                return endpoint
            case .failed:
                failSecurity(endpoint, security)
                return endpoint
            }
        }
        return endpoint
    }

    /// Goes on after `Opening.held`: the endpoint hears that its handshake is over, and what came since.
    func resumeInput(of security: EndpointSecurity) {
        guard let held = security.heldInput else { return }
        security.heldInput = nil
        security.endpoint.secured()
        let endpoint = security.endpoint
        if !endpoint.isClosed, endpoint.security === security {
            let last = open(held.span, for: endpoint, security)
            if !last.isClosed { resumeReading(last) }
        }
        buffers.give(held)
    }

    /// What protects the connection is of no use any more: the alert is sent if there is one, and the endpoint told.
    func failSecurity(_ endpoint: Endpoint, _ security: EndpointSecurity) {
        guard !endpoint.isClosed, !endpoint.flags.contains(.failed) else { return }
        if endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting]) {
            _ = sendOnce(endpoint, security)
        }
        security.isShut = true
        endpoint.flags.insert(.failed)
        endpoint.flags.remove([.reading, .readable])
        endpoint.securityFailed()
    }

    // MARK: - Sealing

    /// Seals and sends what is queued as far as the kernel takes it.
    func flushSealing(_ endpoint: Endpoint, _ security: EndpointSecurity) {
        guard !endpoint.isClosed,
            endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting, .failed])
        else { return }
        if endpoint.flags.contains(.awaitsFile) {
            if security.unsentCount > 0 { _ = sendSealed(endpoint, security) }
            return
        }
        guard let queue = endpoint.output, security.isEstablished, !security.isShut else {
            if security.unsentCount > 0, sendSealed(endpoint, security), security.isShut { endpoint.endWasSent() }
            return
        }
        if security.isSealedByKernel {
            if sendRecords(endpoint, security) { flush(queue, of: endpoint) }
            return
        }
        queue.sealTail()
        repeat {
            guard sealTrain(of: queue, endpoint, security) else { return }
            guard sendSealed(endpoint, security) else { return }
            if endpoint.flags.contains(.awaitsFile) { return }
        } while !queue.isEmpty
        discardOutput(of: endpoint)
        endpoint.drained()
    }

    /// As `send`: bytes are sealed where they lie, behind what is queued and in one train with it.
    func sendSealing(_ bytes: Span<UInt8>, to endpoint: Endpoint, _ security: EndpointSecurity) {
        var position = 0
        if endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting, .awaitsFile]), security.isEstablished,
            !security.isShut
        {
            if security.isSealedByKernel {
                if sendRecords(endpoint, security) { return sendUnsealed(bytes, to: endpoint) }
                if endpoint.isClosed || endpoint.flags.contains(.failed) { return }
                return enqueueCopy(of: bytes, for: endpoint)
            }
            endpoint.output?.sealTail()
            repeat {
                if let queue = endpoint.output, !queue.isEmpty {
                    guard sealTrain(of: queue, endpoint, security) else { return }
                    if queue.isEmpty {
                        discardOutput(of: endpoint)
                    }
                }
                if !endpoint.hasOutput {
                    let room = max(Self.trainSize - security.unsentCount, Self.gatheredSize)
                    let part = min(bytes.count - position, room)
                    guard seal(bytes.extracting(position..<position + part), endpoint, security)
                    else { return }
                    position += part
                }
            } while sendSealed(endpoint, security) && !endpoint.flags.contains(.awaitsFile)
                && (position < bytes.count || endpoint.hasOutput)
            if position == bytes.count { return }
            if endpoint.isClosed || endpoint.flags.contains(.failed) { return }
        }
        enqueueCopy(of: bytes.extracting(position..<bytes.count), for: endpoint)
        if !endpoint.flags.contains(.sendBlocked) { flushLater(endpoint) }
    }

    /// Seals from the queue's front what goes into one send. False: the connection failed.
    private func sealTrain(
        of queue: OutputQueue, _ endpoint: Endpoint, _ security: EndpointSecurity
    ) -> Bool {
        var budget = Self.trainSize - security.unsentCount
        while budget > 0, !endpoint.flags.contains(.awaitsFile), let front = queue.front {
            if let (buffer, range) = front.buffer,
                range.count >= Self.gatheredSize || queue.hasOnePiece
            {
                let part = range.lowerBound..<range.lowerBound + min(range.count, budget)
                guard seal(buffer.span(part), endpoint, security) else { return false }
                budget -= part.count
                queue.advance(by: part.count)
                continue
            }
            let gathered = gathering
            gathered.removeAll()
            guard gather(into: gathered, upTo: budget, from: queue, endpoint) else { return false }
            guard seal(gathered.span, endpoint, security) else { return false }
            budget -= gathered.count
        }
        return true
    }

    /// Copies small pieces and parts of files from the queue's front, up to one that is to be read first. False: a file has become
    /// shorter.
    private func gather(
        into gathered: Buffer, upTo budget: Int, from queue: OutputQueue, _ endpoint: Endpoint
    ) -> Bool {
        while gathered.count < budget, let front = queue.front {
            let room = budget - gathered.count
            switch front {
            case .pooled(let buffer, let range), .shared(let buffer, let range):
                // A large piece is left for itself, but for what fills the record that the small ones began.
                let rest = Self.recordSize - gathered.count % Self.recordSize
                let part = min(range.count, room, range.count >= Self.gatheredSize ? rest : room)
                gathered.append(buffer, range.lowerBound..<range.lowerBound + part)
                queue.advance(by: part)
                if part < range.count { return true }
            case .file(let file, let range):
                let count = min(range.count, room)
                let code: Int
                if let reading = file.reading, count > 0 {
                    code = read(file, into: gathered, range, reading, atMost: count, queue, endpoint)
                    if endpoint.flags.contains(.awaitsFile) { return true }
                    if endpoint.flags.contains(.failed) { return false }
                } else {
                    code = kernel.read(file.descriptor, into: gathered, count: count, offset: range.lowerBound)
                }
                guard code > 0 || range.isEmpty else {
                    // What was promised cannot be kept.
                    if code == 0 { endpoint.fileEnded(at: range.lowerBound) }
                    fail(endpoint, code == 0 ? .brokenPipe : Errno(Int32(-code)))
                    return false
                }
                queue.advance(by: max(code, 0))
            case .pipe: preconditionFailure("nobody can seal what is in a pipe")
            }
        }
        return true
    }

    /// The plaintext of a full record.
    private static let recordSize = 16 * 1_024

    private func seal(
        _ bytes: Span<UInt8>, _ endpoint: Endpoint, _ security: EndpointSecurity
    ) -> Bool {
        if bytes.isEmpty { return true }
        guard security.seal(bytes) else {
            failSecurity(endpoint, security)
            return false
        }
        security.holdsOutput = true
        endpoint.bytesSent += bytes.count
        return true
    }

    // MARK: - Sending

    /// Sends what is sealed with one call; false if something is left, or the connection failed.
    private func sendSealed(_ endpoint: Endpoint, _ security: EndpointSecurity) -> Bool {
        let code = sendOnce(endpoint, security)
        if security.unsentCount == 0 { return true }
        if code < 0, Errno(Int32(-code)) != .again {
            fail(endpoint, Errno(Int32(-code)))
            return false
        }
        // As long as something of its own is unsent the endpoint has output, and hears of its end.
        if security.holdsOutput { _ = output(of: endpoint) }
        blockSending(endpoint)
        if security.holdsOutput, !endpoint.isClosed { endpoint.outputBlocked() }
        return false
    }

    /// Offers the kernel what is sealed; what it returns.
    private func sendOnce(_ endpoint: Endpoint, _ security: EndpointSecurity) -> Int {
        guard let buffer = security.sealed else { return 0 }
        if let sealing = security.kernelSealing { return sendFrames(buffer, by: sealing, endpoint, security) }
        let rest = buffer.span(security.sealedStart..<buffer.count)
        let code = unsafe rest.withUnsafeBytes {
            unsafe kernel.send(endpoint.descriptor, $0, more: false)
        }
        guard code > 0 else { return code }
        security.sealedStart += code
        if security.unsentCount == 0 { security.discardSealed() }
        return code
    }

    // MARK: - Sealing by the kernel

    /// Sends all that is sealed, within whatever OpenSSL is doing; false if something is left.
    func sendWhatIsSealed(_ endpoint: Endpoint, _ security: EndpointSecurity) -> Bool {
        guard security.unsentCount > 0 else { return true }
        guard endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting, .failed, .closed]) else { return false }
        return sendOnce(endpoint, security) > 0 && security.unsentCount == 0
    }

    /// Sends the records that are not data: they go before what is queued. False if something is left, or the connection failed.
    private func sendRecords(_ endpoint: Endpoint, _ security: EndpointSecurity) -> Bool {
        if security.unsentCount == 0 || sendSealed(endpoint, security) { return true }
        if endpoint.hasOutput, !endpoint.isClosed, !endpoint.flags.contains(.failed) { endpoint.outputBlocked() }
        return false
    }

    private func sendFrames(
        _ buffer: Buffer, by sealing: KernelSealing, _ endpoint: Endpoint, _ security: EndpointSecurity
    ) -> Int {
        while security.unsentCount > 0 {
            let code = sealing.sendFrame(buffer, from: security.sealedStart, to: endpoint)
            guard code > 0 else { return code }
            security.sealedStart = code
        }
        let count = security.sealedStart
        security.discardSealed()
        return count
    }

    // MARK: - The end

    /// Says that nothing follows, if that makes sense still, and gives up what protects the connection. True: somebody else closes
    /// the socket, once all that was sealed is on its way.
    func closeSecurity(of endpoint: Endpoint) -> Bool {
        guard let security = endpoint.security else { return false }
        let isWhole = hasSealedAll(of: endpoint, security)
        shutSecurity(endpoint, security)
        security.ended()
        if let held = security.heldInput { buffers.give(held) }
        security.heldInput = nil
        if isWhole, endpoint.slot >= 0, isWaitedFor(endpoint, security) {
            if endpoint.hasOutput { discardOutput(of: endpoint) }
            let farewell = Farewell(of: endpoint, security.kernelSealing)
            replace(endpoint, by: farewell)
            farewell.begin()
            return true
        }
        security.discardSealed()
        endpoint.security = nil
        return false
    }

    /// Whether the connection is in order and nothing of its data is in the process any more.
    private func hasSealedAll(of endpoint: Endpoint, _ security: EndpointSecurity) -> Bool {
        security.isEstablished && !security.holdsOutput && endpoint.pendingOutput == security.unsentCount
            && !endpoint.flags.contains(.failed)
    }

    /// Whether closing the socket now would cut off something that was sealed.
    private func isWaitedFor(_ endpoint: Endpoint, _ security: EndpointSecurity) -> Bool {
        if let sealing = security.kernelSealing { return security.unsentCount > 0 || !sealing.hasPassedOn(of: endpoint) }
        return security.unsentCount > 0 && farewellCount < Farewell.limitForWords
    }

    /// Ends our direction: the protocol's own end first, then the socket's.
    func shutdownSending(_ endpoint: Endpoint) -> Int {
        if let security = endpoint.security {
            shutSecurity(endpoint, security)
            // An end of TCP's would cut off what the kernel has sealed and not sent; the protocol's own end is behind that.
            if let sealing = security.kernelSealing, security.unsentCount > 0 || !sealing.hasPassedOn(of: endpoint) {
                flushLater(endpoint)
                return 0
            }
            // It would stand before what did not fit: `endWasSent` makes up for it.
            if security.unsentCount > 0, !endpoint.flags.contains(.failed) {
                flushLater(endpoint)
                return 0
            }
        }
        return kernel.shutdownSending(endpoint.descriptor)
    }

    /// The word that nothing follows is sent only behind everything else, and to a peer that still listens.
    private func shutSecurity(_ endpoint: Endpoint, _ security: EndpointSecurity) {
        guard security.isEstablished, !security.isShut else { return }
        if hasSealedAll(of: endpoint, security), endpoint.descriptor >= 0, !endpoint.flags.contains(.peerEnded) {
            security.sealEnd()
            if !endpoint.flags.contains(.sendBlocked) { _ = sendOnce(endpoint, security) }
        }
        security.isShut = true
    }

    // MARK: - Buffers

    /// Where a buffer for sealed bytes comes from.
    func pool(for count: Int) -> BufferPool {
        if count <= buffers.size { return buffers }
        return count <= largeBuffers.size ? largeBuffers : trains
    }

    func recycle(sealed buffer: Buffer) {
        if buffer.capacity >= trains.size { return trains.give(buffer) }
        (buffer.capacity >= largeBuffers.size ? largeBuffers : buffers).give(buffer)
    }
}
