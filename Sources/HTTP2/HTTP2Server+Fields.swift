/// What a stream depends on, as it is sent (RFC 7540 5.3).
struct HTTP2Dependency {
    let stream: Int32
    let isExclusive: Bool
    let weight: Int

    init(_ bytes: Span<UInt8>, at start: Int) {
        let word = bytes.word(at: start)
        stream = Int32(truncatingIfNeeded: word & 0x7FFF_FFFF)
        isExclusive = word >> 31 != 0
        weight = Int(bytes[start + 4]) + 1
    }

    var isUsual: Bool { stream == 0 && !isExclusive && weight == HTTP2Priorities.usualWeight }
}

/// Reading the fields of heads.
extension HTTP2Server {
    /// Frames that may continue a head, besides what its bytes are bounded by.
    private static let mostContinuations = 64

    /// A HEADERS frame has begun, and what stands before its fields is read.
    func beginBlock(_ dependency: HTTP2Dependency?) {
        let id = frame.stream
        if id & 1 == 0 { return terminate(.protocolError, "client sent HEADERS frame with incorrect identifier") }
        blockEndsStream = frame.has(HTTP2Flag.endsStream)
        blockIsTrailer = id <= lastStream
        current = -1
        if blockIsTrailer {
            guard beginTrailer(id) else { return }
        } else {
            if let dependency, dependency.stream == id {
                return terminate(.protocolError, "client sent HEADERS frame with incorrect dependency")
            }
            lastStream = id
            openStream(id)
            if let dependency { setPriority(id, dependency) }
            if isTerminated { return }
        }
        blockStream = id
        blockSize = 0
        continuations = 0
        decoder.begin()
        takeBlockSize()
    }

    /// Fields behind a body: they are read, and nobody wants them. False: they end the connection.
    private func beginTrailer(_ id: Int32) -> Bool {
        let handle = states.find(id)
        if handle >= 0, !states[handle].isBrokenOff {
            if !states[handle].inputHasEnded, blockEndsStream {
                current = handle
                return true
            }
        } else if handle >= 0 || unfinished.contains(id) {
            return true
        }
        terminate(.protocolError, "client sent HEADERS frame with incorrect identifier")
        return false
    }

    private func openStream(_ id: Int32) {
        // The client was told that such streams are not served.
        if isGoingAway { return allowance.spendStream() }
        let handle = states.open(id)
        states[handle].sendWindow = initialWindow
        states[handle].receiveWindow = limits.window
        states[handle].window = limits.window
        states[handle].inputHasEnded = blockEndsStream
        if let priorities { states[handle].node = Int32(priorities.open(id)) }
        if streamBegan(handle, id: id, endsStream: blockEndsStream) {
            current = handle
        } else {
            forget(handle)
            appendReset(id, .refusedStream)
        }
    }

    func setPriority(_ id: Int32, _ dependency: HTTP2Dependency) {
        if priorities == nil {
            if dependency.isUsual { return }
            priorities = HTTP2Priorities()
        }
        guard let priorities else { return }
        let own = states.find(id)
        let above = dependency.stream == 0 ? -1 : states.find(dependency.stream)
        let nodes = priorities.set(
            id, isOpen: own >= 0, dependsOn: dependency.stream, parentIsOpen: above >= 0,
            isExclusive: dependency.isExclusive, weight: dependency.weight)
        if own >= 0 { states[own].node = Int32(nodes.own) }
        if above >= 0 { states[above].node = Int32(nodes.parent) }
    }

    func beginContinuation() {
        allowance.spend(HTTP2FrameHead.size + rest)
        guard frame.kind == HTTP2FrameKind.continuation else {
            return terminate(.protocolError, "client sent inappropriate frame while CONTINUATION was expected")
        }
        guard frame.stream == blockStream else {
            return terminate(.protocolError, "client sent CONTINUATION frame with incorrect identifier")
        }
        continuations += 1
        if continuations > Self.mostContinuations {
            return terminate(.enhanceYourCalm, "client sent too many CONTINUATION frames")
        }
        takeBlockSize()
        if rest == 0, !isTerminated {
            takeFields(Span(), isLast: frame.has(HTTP2Flag.endsBlock))
            if !isTerminated { endBlockFrame() }
        }
    }

    private func takeBlockSize() {
        blockSize += rest
        // Packed fields may take more room than plain ones, but not so much more.
        if blockSize > 2 * limits.head + 16_384 { return terminate(.enhanceYourCalm, "client sent too large header") }
        state = .block
    }

    func readBlock(_ bytes: Span<UInt8>, _ position: inout Int) {
        let start = position
        let part = min(rest, bytes.count - position)
        position += part
        rest -= part
        takeFields(bytes.extracting(start..<position), isLast: rest == 0 && frame.has(HTTP2Flag.endsBlock))
        if rest == 0, !isTerminated { endBlockFrame() }
    }

    private func endBlockFrame() {
        let isLast = frame.has(HTTP2Flag.endsBlock)
        endFrame()
        if isLast { endBlock() }
    }

    /// Takes bytes of the block; what is not a whole field is kept for the next ones.
    private func takeFields(_ part: Span<UInt8>, isLast: Bool) {
        let handle = blockIsTrailer ? -1 : current
        var position = 0
        let openField = self.openField
        if openField.isEmpty {
            decode(part, &position, handle)
            if position < part.count { openField.append(part.extracting(position..<part.count)) }
        } else {
            openField.append(part)
            decode(openField.span, &position, handle)
            openField.removeFirst(position)
        }
        if isLast, !openField.isEmpty, !isTerminated {
            terminate(.frameSizeError, "client sent header block with incorrect length")
        }
    }

    private func decode(_ block: Span<UInt8>, _ position: inout Int, _ handle: Int32) {
        if handle >= 0 { return fieldsCame(handle, block, &position) }
        while nextField(block, &position, into: nobodys) { nobodys.removeAll() }
        nobodys.removeAll()
    }

    /// Decodes the next field of a block, `decoder.field`. False: no other is complete.
    final func nextField(_ block: Span<UInt8>, _ position: inout Int, into bytes: Buffer) -> Bool {
        while position < block.count {
            switch decoder.next(block, &position, into: bytes) {
            case .field: return true
            case .update: continue
            case .needMore: return false
            case .failed:
                terminate(decoder.failure.code, decoder.failure.text)
                return false
            }
        }
        return false
    }

    private func endBlock() {
        let handle = current
        blockStream = 0
        current = -1
        allowance.carry(blockSize)
        guard handle >= 0 else { return }
        if blockIsTrailer {
            states[handle].inputHasEnded = true
            streamEnded(handle)
        } else {
            headEnded(handle, size: blockSize, endsStream: blockEndsStream)
        }
    }
}
