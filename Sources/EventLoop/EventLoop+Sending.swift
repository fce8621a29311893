import CLinux

extension EventLoop {
    /// The queue of what `endpoint` has still to send, made if there is none. Call `flush` or `flushLater` after writing to it.
    func output(of endpoint: Endpoint) -> OutputQueue {
        if let output = endpoint.output { return output }
        giveOutput(to: endpoint)
        return output(of: endpoint)
    }

    /// Lends that queue.
    @inline(__always)
    func lendOutput<Result>(of endpoint: Endpoint, _ use: (OutputQueue) -> Result) -> Result {
        if !endpoint.hasOutput { giveOutput(to: endpoint) }
        return endpoint.lendOutput(use)
    }

    private func giveOutput(to endpoint: Endpoint) {
        endpoint.giveOutput(idleQueues.popLast() ?? OutputQueue(small: buffers, large: largeBuffers, departed: departed))
    }

    /// Takes the endpoint's queue away with whatever is left in it.
    func discardOutput(of endpoint: Endpoint) {
        guard let queue = endpoint.takeOutput() else { return }
        queue.removeAll()
        // It may be lent, so it is not let go of at once.
        if idleQueues.count < 1_024, queue.isSmall { idleQueues.append(queue) } else { departed.append(queue) }
    }

    /// Sends at the end of this turn, together with whatever else is queued until then.
    func flushLater(_ endpoint: Endpoint) {
        guard !endpoint.flags.contains(.inFlushList), !endpoint.isClosed else { return }
        endpoint.flags.insert(.inFlushList)
        unflushed.append(endpoint)
    }

    /// Goes on sending in the next turn, so that others have theirs between.
    private func flushSoon(_ endpoint: Endpoint) {
        guard !endpoint.flags.contains(.inUnfinishedList) else { return }
        endpoint.flags.insert(.inUnfinishedList)
        unfinished.append(endpoint)
    }

    /// Goes on with what the turn before has begun to send.
    func resumeUnfinished() {
        serving.swap(with: unfinished)
        for index in serving.indices {
            let endpoint = serving[index]
            endpoint.flags.remove(.inUnfinishedList)
            flushLater(endpoint)
        }
        serving.removeAll()
    }

    /// The same for a buffer's bytes. A span that is formed where the buffer is no parameter counts a reference to it.
    @inline(never)
    func send(_ bytes: Buffer, to endpoint: Endpoint) { send(bytes.span, to: endpoint) }

    /// Sends bytes at once without queueing when nothing waits before them; what does not fit is copied to the queue.
    func send(_ bytes: Span<UInt8>, to endpoint: Endpoint) {
        guard !endpoint.isClosed, !endpoint.flags.contains(.failed) else { return }
        if let security = endpoint.security { return sendSealing(bytes, to: endpoint, security) }
        sendUnsealed(bytes, to: endpoint)
    }

    /// The same, of bytes that the kernel is given as they are.
    func sendUnsealed(_ bytes: Span<UInt8>, to endpoint: Endpoint) {
        if !endpoint.hasOutput, endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting]) {
            var sent = 0
            let code = unsafe bytes.withUnsafeBytes {
                unsafe kernel.send(endpoint.descriptor, $0, more: false)
            }
            if code >= 0 {
                sent = code
                endpoint.bytesSent += code
            } else if Errno(Int32(-code)) != .again {
                return fail(endpoint, Errno(Int32(-code)))
            }
            if sent == bytes.count { return }
            enqueueCopy(of: bytes.extracting(sent..<bytes.count), for: endpoint)
            return sendingFailed(endpoint, .again)
        }
        enqueueCopy(of: bytes, for: endpoint)
        if !endpoint.flags.contains(.sendBlocked) { flushLater(endpoint) }
    }

    /// Queues a copy of bytes that somebody else owns.
    func enqueueCopy(of bytes: Span<UInt8>, for endpoint: Endpoint) {
        var rest = bytes
        let queue = output(of: endpoint)
        while !rest.isEmpty {
            let part = min(rest.count, largeBuffers.size)
            let buffer = largeBuffers.take()
            buffer.append(rest.extracting(0..<part))
            queue.append(.pooled(buffer, 0..<part))
            rest = rest.extracting(part..<rest.count)
        }
    }

    /// Sends what is queued as far as the kernel takes it; `drained` is called when nothing is left.
    func flush(_ endpoint: Endpoint) {
        if endpoint.flags.contains(.gathersOutput),
            endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting, .failed, .closed, .awaitsFile])
        {
            endpoint.gatherOutput()
        }
        if let security = endpoint.security { return flushSealing(endpoint, security) }
        guard endpoint.hasOutput,
            endpoint.flags.isDisjoint(with: [.sendBlocked, .connecting, .failed, .closed, .awaitsFile])
        else { return }
        endpoint.lendOutput { flush($0, of: endpoint) }
    }

    /// Sends a queue's bytes as they are.
    func flush(_ queue: OutputQueue, of endpoint: Endpoint) {
        if queue.isLeadOnly {
            let code = send(queue.lead, of: endpoint)
            if code < 0 { return sendingFailed(endpoint, Errno(Int32(-code))) }
            endpoint.bytesSent += code
            queue.advanceLead(by: code)
            if queue.isEmpty { return flushed(endpoint) }
        }
        queue.sealTail()
        var ofFiles = queue.fileChunk
        while !queue.isSent {
            let code: Int
            if let (file, range) = queue.frontFile {
                guard ofFiles > 0 else { return flushSoon(endpoint) }
                var count = min(range.count, ofFiles, 2_147_479_552)
                if let reading = file.reading, count > 0 {
                    count = readable(file, range, atMost: count, reading, queue, endpoint)
                    if count == 0 { return }
                }
                code = kernel.sendFile(
                    endpoint.descriptor, file: file.descriptor, offset: range.lowerBound, count: count)
                ofFiles -= max(code, 0)
                if code > 0, let reading = file.reading { reading.sent(upTo: range.lowerBound + code, of: file.descriptor) }
                if code == 0, !range.isEmpty {
                    // The file was truncated under us: the promised length cannot be kept.
                    endpoint.fileEnded(at: range.lowerBound)
                    return fail(endpoint, .brokenPipe)
                }
            } else if let pipe = queue.frontPipe {
                code = send(pipe, to: endpoint)
            } else {
                code = unsafe sendVector(endpoint, queue)
            }
            if code < 0 { return sendingFailed(endpoint, Errno(Int32(-code))) }
            endpoint.bytesSent += code
            queue.advance(by: code)
        }
        flushed(endpoint)
    }

    private func send(_ lead: Buffer, of endpoint: Endpoint) -> Int {
        if lead.isEmpty { return 0 }
        return unsafe lead.span.withUnsafeBytes { unsafe kernel.send(endpoint.descriptor, $0, more: false) }
    }

    /// Everything queued was handed to the kernel.
    private func flushed(_ endpoint: Endpoint) {
        discardOutput(of: endpoint)
        endpoint.drained()
    }

    /// The kernel takes no more: for now, or at all.
    private func sendingFailed(_ endpoint: Endpoint, _ error: Errno) {
        guard error == .again else { return fail(endpoint, error) }
        blockSending(endpoint)
        if !endpoint.isClosed { endpoint.outputBlocked() }
    }

    /// Sends the memory pieces at the queue's front with one call.
    @unsafe
    private func sendVector(_ endpoint: Endpoint, _ queue: OutputQueue) -> Int {
        let pieces = queue.pieces
        let first = queue.first
        let descriptor = endpoint.descriptor
        // The common case: one piece.
        if first + 1 == pieces.count, let (buffer, range) = pieces[first].buffer {
            return unsafe buffer.span(range).withUnsafeBytes {
                unsafe kernel.send(descriptor, $0, more: false)
            }
        }
        let vector = sendVector
        vector.removeAll()
        var index = first
        while index < pieces.count, vector.count < SendVector.limit,
            let (buffer, range) = pieces[index].buffer
        {
            // The buffer is held by the queue, so its memory stays where it is during the call.
            unsafe buffer.span(range).withUnsafeBytes { unsafe vector.append($0) }
            index += 1
        }
        return kernel.send(descriptor, vector: vector, more: index < pieces.count)
    }

    /// Waits for an event that says that more fits.
    func blockSending(_ endpoint: Endpoint) {
        endpoint.flags.insert(.sendBlocked)
        let code = source.watchOutput(endpoint, self)
        if code < 0 { fail(endpoint, Errno(Int32(-code))) }
    }
}

extension EventLoop {
    /// Gives a piece that will not be sent back to where its memory belongs.
    func release(_ piece: Piece) {
        guard case .pooled(let buffer, _) = piece else { return }
        (buffer.capacity >= largeBuffers.size ? largeBuffers : buffers).give(buffer)
    }
}
