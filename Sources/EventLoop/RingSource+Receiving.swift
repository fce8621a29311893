import CLinux

/// Input by io_uring. The kernel receives into buffers of the ring, so that an idle connection owns none.
extension RingSource {
    /// How a connection receives, found out by what came last.
    enum Pace: UInt8 {
        /// Nothing is known: the kernel receives once.
        case unknown
        /// A message left room in its buffer: the kernel receives once more.
        case short
        /// More than one did: the kernel receives over and over, and nothing has to be asked for between two messages. When it is
        /// told to end it may have received a few dozen buffers more.
        case steady
        /// A message filled its buffer: the kernel only says that more has come. It is received by plain calls, each into the loop's
        /// own buffer, which is much larger; and as nobody receives it but the endpoint that wants it, the peer is slowed exactly.
        case long
    }

    func received(_ completion: Ring.Completion, _ key: RingKey, _ loop: EventLoop) {
        defer { if completion.buffer >= 0 { ring.giveBack(completion.buffer) } }
        guard let endpoint = key.endpoint(loop) else { return }
        if completion.isLast { endpoint.operations.remove([.receives, .cancels]) }
        if completion.result > 0 {
            ring.lend(completion.buffer, count: Int(completion.result)) { take($0, of: endpoint, key, loop) }
        } else if completion.result == 0 {
            return ended(endpoint, loop)
        } else if completion.result != -ECANCELED, completion.result != -ENOBUFS {
            return failed(endpoint, Errno(-completion.result), loop)
        }
        // Another may have taken its place meanwhile.
        guard let present = key.endpoint(loop) else { return }
        if completion.isLast {
            receiveOn(present, key, loop)
        } else if !present.operations.contains(.cancels), present.pace == .long || present.operations.contains(.holdsInput) {
            present.operations.insert(.cancels)
            cancel(.receives, of: present)
        }
    }

    private func take(_ bytes: Span<UInt8>, of endpoint: Endpoint, _ key: RingKey, _ loop: EventLoop) {
        if bytes.count == ring.bufferSize { endpoint.pace = .long } else { messageWasShort(endpoint) }
        guard isReady(endpoint) else { return hold(bytes, of: endpoint, loop) }
        if isEndNext(of: key) { endpoint.flags.insert(.peerEnded) }
        // It came before the wait was over.
        loop.isEventFresh = true
        loop.take(bytes, for: endpoint)
    }

    private func messageWasShort(_ endpoint: Endpoint) {
        switch endpoint.pace {
        case .unknown: endpoint.pace = .short
        case .short: endpoint.pace = .steady
        // What was on its way when much began to come does not say how it goes on.
        case .steady, .long: break
        }
    }

    /// What has come can be handed out.
    private func isReady(_ endpoint: Endpoint) -> Bool {
        endpoint.flags.contains(.reading) && !endpoint.operations.contains(.holdsInput)
    }

    private func ended(_ endpoint: Endpoint, _ loop: EventLoop) {
        endpoint.flags.insert(.peerEnded)
        if isReady(endpoint) {
            loop.inputEnded(endpoint)
        } else {
            // The kernel says so again.
            endpoint.flags.insert(.readable)
        }
    }

    private func failed(_ endpoint: Endpoint, _ error: Errno, _ loop: EventLoop) {
        if isReady(endpoint) {
            loop.fail(endpoint, error)
        } else {
            // The kernel says so only once.
            input(heldFor: endpoint).error = error
        }
    }

    /// Has the kernel receive again, or remembers that it has to when reading is resumed.
    func goOn(_ endpoint: Endpoint, _ loop: EventLoop) {
        guard endpoint.flags.isDisjoint(with: [.closed, .failed]) else { return }
        guard endpoint.flags.contains(.reading) else {
            endpoint.flags.insert(.readable)
            return
        }
        let code = receiveMore(of: endpoint)
        if code < 0 { loop.fail(endpoint, Errno(Int32(-code))) }
    }

    func receiveMore(of endpoint: Endpoint) -> Int {
        switch endpoint.pace {
        case .unknown, .short:
            begin(.receives, of: endpoint) {
                ring.receiveOnce(endpoint.descriptor, waits: endpoint.pace == .short, key: $0)
            }
        case .steady: begin(.receives, of: endpoint) { ring.receive(endpoint.descriptor, key: $0) }
        case .long: pollInput(of: endpoint)
        }
    }

    /// Reading was resumed, or may be worth an attempt.
    func resume(_ endpoint: Endpoint, _ loop: EventLoop) {
        let key = RingKey(endpoint, .receives)
        endpoint.flags.remove(.readable)
        if endpoint.operations.contains(.holdsInput) { handOutHeld(of: endpoint, loop) }
        guard let present = key.endpoint(loop),
            present.operations.isDisjoint(with: [.receives, .pollsInput, .holdsInput])
        else { return }
        receiveOn(present, key, loop)
    }

    private func receiveOn(_ endpoint: Endpoint, _ key: RingKey, _ loop: EventLoop) {
        guard endpoint.pace == .long, isReady(endpoint) else { return goOn(endpoint, loop) }
        endpoint.flags.insert(.readable)
        let count = loop.receiveDirectly(endpoint)
        guard let present = key.endpoint(loop) else { return }
        if 1..<ring.bufferSize ~= count { present.pace = .unknown }
        if !present.flags.contains(.readable) { goOn(present, loop) }
    }

    // MARK: - Input that waits

    /// Keeps what has come although the endpoint had paused. It is bounded by what the kernel receives before it is told to end.
    private func hold(_ bytes: Span<UInt8>, of endpoint: Endpoint, _ loop: EventLoop) {
        let input = input(heldFor: endpoint)
        if (input.buffers.last?.free ?? 0) < bytes.count { input.buffers.append(loop.largeBuffers.take()) }
        input.buffers.last?.append(bytes)
    }

    private func input(heldFor endpoint: Endpoint) -> HeldInput {
        endpoint.operations.insert(.holdsInput)
        endpoint.flags.insert(.readable)
        let slot = Int(endpoint.slot)
        while held.count <= slot { held.append(nil) }
        if let present = held[slot] { return present }
        let fresh = HeldInput()
        held[slot] = fresh
        return fresh
    }

    private func handOutHeld(of endpoint: Endpoint, _ loop: EventLoop) {
        let key = RingKey(endpoint, .receives)
        guard let input = held[Int(endpoint.slot)] else { return }
        // As long as it is wanted: each part may have the endpoint pause, close, or be replaced.
        while let present = key.endpoint(loop), present.operations.contains(.holdsInput) {
            guard present.flags.contains(.reading) else {
                present.flags.insert(.readable)
                return
            }
            if input.next < input.buffers.count {
                let buffer = input.buffers[input.next]
                input.next += 1
                loop.take(buffer.span, for: present)
                loop.largeBuffers.give(buffer)
                continue
            }
            discardHeld(of: present, loop)
            if let error = input.error { loop.fail(present, error) }
        }
    }

    func discardHeld(of endpoint: Endpoint, _ loop: EventLoop) {
        let slot = Int(endpoint.slot)
        guard let input = held[slot] else { return }
        held[slot] = nil
        endpoint.operations.remove(.holdsInput)
        for index in input.next..<input.buffers.count { loop.largeBuffers.give(input.buffers[index]) }
        input.buffers.removeAll()
    }
}

/// What came for an endpoint that had paused reading, and what went wrong behind it.
final class HeldInput {
    let buffers = List<Buffer>()
    /// Those before it were handed out.
    var next = 0
    var error: Errno?
}
