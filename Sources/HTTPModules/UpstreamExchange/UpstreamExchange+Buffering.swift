/// The answer's body on its way to the client.
extension UpstreamExchange {
    /// Bytes behind the head came in.
    func receiveBody(_ bytes: Span<UInt8>) {
        updateAttempt { $0.responseLength += bytes.count }
        guard intake.rate.limit > 0 else { return takeBody(bytes) }
        if let heldBytes { return heldBytes.append(bytes) }
        let allowance = max(intake.rate.allowance(nowSecond: second), 0)
        let now = min(bytes.count, allowance)
        if now < bytes.count { hold(bytes.extracting(now..<bytes.count)) }
        intake.rate.took(now)
        let current = use
        if now > 0 { takeBody(bytes.extracting(0..<now)) }
        guard use == current, stage == .receiving, heldBytes != nil else { return }
        delayReading()
    }

    /// Decodes a part of the body and passes its data on.
    private func takeBody(_ bytes: Span<UInt8>) { lentProto.lend { takeBody(bytes, $0) } }

    private func takeBody(_ bytes: Span<UInt8>, _ proto: UpstreamProtocol) {
        var position = 0
        var waiting = 0..<0
        var isGathering = false
        let current = use
        while true {
            switch proto.decode(bytes, from: position) {
            case .data(let range):
                if !waiting.isEmpty {
                    isGathering = gather(bytes.extracting(waiting), isGathering)
                    guard use == current, stage == .receiving else { return }
                }
                waiting = range
                position = range.upperBound
                continue
            case .needMore:
                deliverRest(bytes.extracting(waiting), isGathering)
                guard use == current, stage == .receiving else { return }
                if proto.plainRest >= Self.movedSize { moveRest() }
                guard use == current, stage == .receiving else { return }
                return pauseIfFull()
            case .end(let index):
                complete(bytes, waiting, isGathering, end: index, proto)
            case .invalid:
                request.log(.error, while: action) { proto.appendFault(to: $0, head: head) }
                // As nginx has it: what a broken answer has left unsent is dropped.
                end(.badGateway, flushes: false)
            case .brokenOff:
                deliverRest(bytes.extracting(waiting), isGathering)
                guard use == current, stage == .receiving else { return }
                request.log(.error, while: action) { proto.appendFault(to: $0, head: head) }
                end(.badGateway)
            }
            return
        }
    }

    /// Passes on what has come so far.
    private func deliverRest(_ last: Span<UInt8>, _ isGathering: Bool) {
        if isGathering {
            _ = gather(last, true)
            deliverGathered(isLast: false)
        } else if !last.isEmpty {
            deliver(last, isLast: false)
        }
    }

    /// The answer ends within these bytes.
    private func complete(
        _ bytes: Span<UInt8>, _ last: Range<Int>, _ isGathering: Bool, end: Int, _ proto: UpstreamProtocol
    ) {
        var keeps = proto.keepsConnection(head)
        if end < bytes.count {
            if let message = proto.excessMessage {
                request.log(.warn, while: action) { $0.append(message) }
            }
            keeps = false
        }
        let current = use
        let place = place()
        guard use == current, stage == .receiving else { return }
        if isGathering, place == .client {
            _ = gather(bytes.extracting(last), true)
            finishUpstream(keepsConnection: keeps)
            return deliverGathered(isLast: true)
        }
        if isGathering {
            _ = gather(bytes.extracting(last), true)
            deliverGathered(isLast: false)
            return upstreamCompleted(keepsConnection: keeps)
        }
        if place == .file {
            if !last.isEmpty { deliver(bytes.extracting(last), isLast: false) }
            guard use == current, stage == .receiving else { return }
            return upstreamCompleted(keepsConnection: keeps)
        }
        finishUpstream(keepsConnection: keeps)
        engine.sendBody(request, bytes: bytes.extracting(last), isLast: true, flush: true)
    }

    /// The upstream has said all: gives it back, and completes the response as far as the client keeps up.
    func upstreamCompleted(keepsConnection: Bool) {
        let backlog = intake.buffering.hasFileBacklog
        let file = bodyFile
        let writer = backlog ? spoolWriter.take() : nil
        finishUpstream(keepsConnection: keepsConnection)
        guard backlog else { return request.sendLast() }
        bodyFile = file
        spoolWriter = writer
        stage = .draining
        if request.pendingOutput == 0 { clientDrained() }
    }

    func finishUpstream(keepsConnection: Bool) {
        if !trailers.fields.isEmpty, setting({ $0.passesTrailers }) { passTrailers() }
        stage = .done
        close(keepsConnection: keepsConnection)
    }

    // MARK: - Passing on

    /// Data below this size are put together before they are sent: an answer in many small chunks should not take a system call
    /// each.
    private static let gatheringSize = 16 * 1_024

    /// Adds data to what is put together, or passes it on alone when it is large enough and nothing is before it.
    private func gather(_ bytes: Span<UInt8>, _ isGathering: Bool) -> Bool {
        if !isGathering, bytes.count >= Self.gatheringSize {
            deliver(bytes, isLast: false)
            return false
        }
        var rest = bytes
        while !rest.isEmpty {
            let buffer = gatheringBuffer()
            let part = min(rest.count, buffer.free)
            buffer.append(rest.extracting(0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        return true
    }

    /// The buffer that data are put together in, the last of `request.outgoing`.
    private func gatheringBuffer() -> Buffer {
        let pieces = request.outgoing.pieces
        if case .pooled(let buffer, _)? = pieces.last, buffer.free > 0 { return buffer }
        let buffer = loop.largeBuffers.take()
        // The range is set when all is there.
        request.outgoing.pieces.append(.pooled(buffer, 0..<0))
        return buffer
    }

    private func deliverGathered(isLast: Bool) {
        for index in request.outgoing.pieces.indices {
            guard case .pooled(let buffer, _) = request.outgoing.pieces[index] else { continue }
            request.outgoing.pieces[index] = .pooled(buffer, 0..<buffer.count)
        }
        if !isLast, place() == .file { return spoolGathered() }
        request.outgoing.isLast = isLast
        request.outgoing.flush = true
        engine.sendBody(request)
    }

    private func spoolGathered() {
        let pieces = List<Piece>()
        pieces.swap(with: request.outgoing.pieces)
        request.outgoing.removeAll()
        let current = use
        for index in pieces.indices {
            guard case .pooled(let buffer, let range) = pieces[index] else { continue }
            if use == current, stage == .receiving { spool(buffer.span(range)) }
            loop.largeBuffers.give(buffer)
        }
    }

    /// Where data go now. What only waits for the turn's end is sent first: it must not look like a slow client.
    private func place() -> BodyBuffering.Place {
        let place = intake.buffering.place(pending: request.pendingOutput)
        if place == .client { return place }
        let current = use
        request.lendStream { $0.flush() }
        guard use == current, stage == .receiving else { return .client }
        return intake.buffering.place(pending: request.pendingOutput)
    }

    private func deliver(_ bytes: Span<UInt8>, isLast: Bool) {
        let current = use
        let place = place()
        guard use == current, stage == .receiving else { return }
        switch place {
        case .client: engine.sendBody(request, bytes: bytes, isLast: isLast, flush: true)
        case .file: spool(bytes)
        }
    }

    // MARK: - The temporary file

    private func spool(_ bytes: Span<UInt8>) {
        guard let file = bodyFile ?? (intake.buffering.fileLimit > 0 ? makeFile() : nil) else { return stopSpooling(bytes) }
        bodyFile = file
        if let writer = writer(to: file) {
            intake.buffering.leave(bytes.count)
            return writer.append(bytes)
        }
        var rest = bytes
        while !rest.isEmpty {
            let code = loop.kernel.write(
                file.descriptor, rest, offset: intake.buffering.written)
            guard code > 0 else {
                logFailedWrite(Errno(Int32(-code)))
                return stopSpooling(rest)
            }
            intake.buffering.wrote(code)
            rest = rest.extracting(code..<rest.count)
        }
    }

    func logFailedWrite(_ error: Errno) {
        request.log(.crit, errno: error, while: action) { $0.append("pwrite() to a temporary file failed") }
    }

    /// Without a file the answer is held in memory, and the upstream waits more. nginx would break the answer off.
    private func stopSpooling(_ bytes: Span<UInt8>) {
        intake.buffering.closeFile()
        if let range = intake.buffering.takeBacklog(), let bodyFile {
            request.send(.file(bodyFile, range), last: false)
        }
        engine.sendBody(request, bytes: bytes, isLast: false, flush: true)
    }

    private func makeFile() -> OpenFile? {
        scratch.removeAll()
        do throws(TempFileError) {
            let file = try TempFile.create(
                in: settings.value.tempPath, keepsName: false, name: scratch, kernel: loop.kernel)
            request.settleReading(of: file, size: nil)
            request.log(.warn, while: action) {
                $0.append("an upstream response is buffered to a temporary file ")
                $0.append(scratch)
            }
            return file
        } catch {
            request.log(.crit, errno: error.errno, while: action) { error.appendMessage(to: $0) }
            return nil
        }
    }

    // MARK: - Keeping pace

    private func pauseIfFull() {
        guard !intake.isPaused, intake.buffering.pauses(pending: request.pendingOutput)
        else { return }
        let current = use
        request.lendStream { $0.flush() }
        guard use == current, stage == .receiving, let connection,
            intake.buffering.pauses(pending: request.pendingOutput)
        else { return }
        intake.isPaused = true
        loop.pauseReading(connection)
        if !intake.isDelayed { loop.clearInputDeadline(connection) }
    }

    /// The client has taken what it was given.
    func clientDrained() {
        switch stage {
        case .receiving, .draining:
            let isLast = stage == .draining && intake.buffering.awaited == 0
            if let range = intake.buffering.takeBacklog(), let file = bodyFile {
                if isLast {
                    stage = .done
                    bodyFile = nil
                    dropWriter()
                    return request.send(.file(file, range), last: true)
                }
                let current = use
                request.send(.file(file, range), last: false, flush: true)
                guard use == current, stage == .receiving else { return }
            }
            resumeIfRoom()
        case .tunnelling:
            tunnelClientDrained()
        case .idle, .readingRequest, .connecting, .asking, .done: break
        }
    }

    func resumeIfRoom() {
        guard let connection, intake.isPaused, !intake.isDelayed,
            !intake.buffering.pauses(pending: request.pendingOutput)
        else { return }
        resumeReading(connection)
    }

    /// Reads on where the client was waited for.
    func resumeReading(_ connection: UpstreamConnection) {
        intake.isPaused = false
        intake.patience.endWaiting(now: loop.now)
        loop.setInputDeadline(connection, in: settings.value.readTimeout)
        loop.resumeReading(connection)
    }

    // MARK: - The upstream's rate

    private func hold(_ bytes: Span<UInt8>) {
        let buffer = loop.largeBuffers.take()
        buffer.append(bytes)
        heldBytes = buffer
    }

    /// Reads no more until the rate allows it.
    private func delayReading() {
        guard let connection else { return }
        intake.isDelayed = true
        loop.pauseReading(connection)
        loop.setInputDeadline(connection, in: intake.rate.delay(nowSecond: second))
    }

    /// The rate allows more of what was held back.
    func deliverHeld() {
        intake.isDelayed = false
        guard let connection, let held = heldBytes else { return }
        let allowance = intake.rate.allowance(nowSecond: second)
        guard allowance > 0 else { return delayReading() }
        let count = min(allowance, held.count)
        intake.rate.took(count)
        let isAll = count == held.count
        if isAll { heldBytes = nil }
        let current = use
        takeBody(held.span(0..<count))
        if isAll {
            loop.largeBuffers.give(held)
        } else {
            guard use == current, stage == .receiving else { return }
            held.removeFirst(count)
            return delayReading()
        }
        guard use == current, stage == .receiving else { return }
        if connection.hasPeerEnded { return upstreamEndedBehindHeld() }
        guard !intake.isPaused else { return }
        loop.setInputDeadline(connection, in: settings.value.readTimeout)
        loop.resumeReading(connection)
    }

    private func upstreamEndedBehindHeld() {
        guard let connection else { return }
        // Bytes may stand before the end: the loop reads them first.
        intake.isPaused = false
        loop.setInputDeadline(connection, in: settings.value.readTimeout)
        loop.resumeReading(connection)
        loop.readSoon(connection)
    }
}
