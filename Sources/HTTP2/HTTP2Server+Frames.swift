/// Reading: frames as they come, torn anywhere.
extension HTTP2Server {
    /// Reads bytes and tells what they bring. `second` is any clock's, for `HTTP2Allowance`.
    final func receive(_ bytes: Span<UInt8>, second: Int) {
        allowance.advance(to: second)
        var position = 0
        while position < bytes.count, !isTerminated {
            switch state {
            case .preface: readPreface(bytes, &position)
            case .head: readHead(bytes, &position)
            case .beginning: readBeginning(bytes, &position)
            case .settings: readSetting(bytes, &position)
            case .block: readBlock(bytes, &position)
            case .data: readData(bytes, &position)
            case .skipping: skip(bytes, &position)
            }
        }
    }

    /// Collects bytes that came apart. True: there are as many as are needed.
    private func collect(_ count: Int, _ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        let part = min(count - unit.count, bytes.count - position)
        unit.append(bytes.extracting(position..<position + part))
        position += part
        return unit.count == count
    }

    private func readPreface(_ bytes: Span<UInt8>, _ position: inout Int) {
        let isWhole = collect(HTTP2Preface.text.utf8CodeUnitCount, bytes, &position)
        let unit = self.unit
        if HTTP2Preface.match(unit.span) == .none { return terminate(.protocolError, "invalid connection preface") }
        guard isWhole else { return }
        unit.removeAll()
        state = .head
    }

    private func readHead(_ bytes: Span<UInt8>, _ position: inout Int) {
        if unit.isEmpty, bytes.count - position >= HTTP2FrameHead.size {
            frame = HTTP2FrameHead(bytes, at: position)
            position += HTTP2FrameHead.size
        } else {
            guard collect(HTTP2FrameHead.size, bytes, &position) else { return }
            let unit = self.unit
            frame = HTTP2FrameHead(unit.span, at: 0)
            unit.removeAll()
        }
        rest = frame.length
        padding = 0
        if blockStream != 0 { beginContinuation() } else { beginFrame() }
        if isFlooded { terminate(.enhanceYourCalm, "flood") }
    }

    /// What a frame of each kind begins with decides on the rest.
    private func beginFrame() {
        switch frame.kind {
        case HTTP2FrameKind.headers:
            allowance.spend(HTTP2FrameHead.size + rest)
            let size = (frame.has(HTTP2Flag.isPadded) ? 1 : 0) + (frame.has(HTTP2Flag.hasPriority) ? 5 : 0)
            if rest <= size { return terminate(.frameSizeError, "client sent HEADERS frame with incorrect length") }
            if size > 0 { expect(size) } else { beginBlock(nil) }
        case HTTP2FrameKind.data:
            allowance.spend(HTTP2FrameHead.size)
            guard frame.has(HTTP2Flag.isPadded) else { return beginData() }
            if rest == 0 { return terminate(.frameSizeError, "client sent padded DATA frame with incorrect length") }
            expect(1)
        case HTTP2FrameKind.settings: beginSettings()
        case HTTP2FrameKind.windowUpdate:
            beginControl(size: 4, "client sent WINDOW_UPDATE frame with incorrect length")
        case HTTP2FrameKind.reset: beginControl(size: 4, "client sent RST_STREAM frame with incorrect length")
        case HTTP2FrameKind.ping: beginControl(size: 8, "client sent PING frame with incorrect length")
        case HTTP2FrameKind.priority: beginControl(size: 5, "client sent PRIORITY frame with incorrect length")
        case HTTP2FrameKind.goAway: beginGoAway()
        case HTTP2FrameKind.pushPromise: terminate(.protocolError, "client sent PUSH_PROMISE frame")
        case HTTP2FrameKind.continuation: terminate(.protocolError, "client sent unexpected CONTINUATION frame")
        default:
            allowance.ignore(HTTP2FrameHead.size)
            ignoreRest()
        }
    }

    private func expect(_ count: Int) {
        needed = count
        state = .beginning
    }

    /// The frame is complete but for what is passed over.
    func ignoreRest() {
        isIgnored = true
        endFrame()
    }

    func endFrame() {
        state = rest + padding > 0 ? .skipping : .head
        guard state == .skipping else { return }
        rest += padding
        padding = 0
    }

    private func skip(_ bytes: Span<UInt8>, _ position: inout Int) {
        let part = min(rest, bytes.count - position)
        position += part
        rest -= part
        if isIgnored {
            allowance.ignore(part)
            if allowance.isUsedUp { return terminate(.enhanceYourCalm, "flood") }
        }
        guard rest == 0 else { return }
        isIgnored = false
        state = .head
    }

    private func readBeginning(_ bytes: Span<UInt8>, _ position: inout Int) {
        if unit.isEmpty, bytes.count - position >= needed {
            let start = position
            position += needed
            rest -= needed
            return begin(bytes, start)
        }
        guard collect(needed, bytes, &position) else { return }
        rest -= needed
        let unit = self.unit
        begin(unit.span, 0)
        unit.removeAll()
    }

    private func begin(_ bytes: Span<UInt8>, _ start: Int) {
        switch frame.kind {
        case HTTP2FrameKind.headers:
            var start = start
            if frame.has(HTTP2Flag.isPadded) {
                padding = Int(bytes[start])
                start += 1
                guard padding < rest else {
                    return terminate(.protocolError, "client sent padded HEADERS frame with incorrect length")
                }
                rest -= padding
            }
            let hasPriority = frame.has(HTTP2Flag.hasPriority)
            beginBlock(hasPriority ? HTTP2Dependency(bytes, at: start) : nil)
        case HTTP2FrameKind.data:
            padding = Int(bytes[start])
            guard padding <= rest else {
                return terminate(.protocolError, "client sent padded DATA frame with incorrect length")
            }
            rest -= padding
            allowance.spend(padding)
            beginData()
        case HTTP2FrameKind.windowUpdate: takeWindowUpdate(Int(bytes.word(at: start) & 0x7FFF_FFFF))
        case HTTP2FrameKind.reset: takeReset(HTTP2Code(rawValue: bytes.word(at: start)))
        case HTTP2FrameKind.priority: takePriority(HTTP2Dependency(bytes, at: start))
        case HTTP2FrameKind.ping:
            state = .head
            guard !frame.has(HTTP2Flag.acknowledges) else { return }
            let head = HTTP2FrameHead(length: 8, kind: HTTP2FrameKind.ping, flags: HTTP2Flag.acknowledges, stream: 0)
            appendControl(head)
            control.append(bytes.extracting(start..<start + 8))
        default: endFrame()
        }
    }

    // MARK: - Frames about the connection

    private func beginControl(size: Int, _ fault: StaticString) {
        allowance.spend(HTTP2FrameHead.size + rest)
        if rest != size { return terminate(.frameSizeError, fault) }
        let isOfConnection = frame.kind == HTTP2FrameKind.ping
        let isOfEither = frame.kind == HTTP2FrameKind.windowUpdate
        if !isOfEither, isOfConnection != (frame.stream == 0) {
            return terminate(.protocolError, "client sent a frame with incorrect identifier")
        }
        expect(size)
    }

    /// Bytes of debug data that a GOAWAY may bring.
    private static let longestGoAway = 1_024

    private func beginGoAway() {
        allowance.spend(HTTP2FrameHead.size + rest)
        if rest < 8 { return terminate(.frameSizeError, "client sent GOAWAY frame with incorrect length") }
        if frame.stream != 0 { return terminate(.protocolError, "client sent GOAWAY frame with incorrect identifier") }
        if rest > Self.longestGoAway { return terminate(.enhanceYourCalm, "client sent too long GOAWAY frame") }
        expect(8)
    }

    private func beginSettings() {
        allowance.spend(HTTP2FrameHead.size + rest)
        if frame.stream != 0 { return terminate(.protocolError, "client sent SETTINGS frame with incorrect identifier") }
        if frame.has(HTTP2Flag.acknowledges) {
            if rest != 0 {
                return terminate(.frameSizeError, "client sent SETTINGS frame with the ACK flag and nonzero length")
            }
            settingsAreAcknowledged = true
            state = .head
            return
        }
        if rest % 6 != 0 { return terminate(.frameSizeError, "client sent SETTINGS frame with incorrect length") }
        newWindow = -1
        if rest == 0 { endSettings() } else { state = .settings }
    }

    private func readSetting(_ bytes: Span<UInt8>, _ position: inout Int) {
        if unit.isEmpty, bytes.count - position >= 6 {
            takeSetting(bytes, position)
            position += 6
        } else {
            guard collect(6, bytes, &position) else { return }
            let unit = self.unit
            takeSetting(unit.span, 0)
            unit.removeAll()
        }
        rest -= 6
        if rest == 0, !isTerminated { endSettings() }
    }

    private func takeSetting(_ bytes: Span<UInt8>, _ start: Int) {
        let value = Int(bytes.word(at: start + 2))
        switch Int(bytes[start]) << 8 | Int(bytes[start + 1]) {
        case 1: encoder.setLimit(value)
        case 2:
            if value > 1 { terminate(.protocolError, "client sent SETTINGS frame with incorrect ENABLE_PUSH value") }
        case 4:
            guard value <= Self.largestWindow else {
                return terminate(.flowControlError, "client sent SETTINGS frame with incorrect INITIAL_WINDOW_SIZE value")
            }
            newWindow = value
        case 5:
            guard value >= 16_384, value <= Self.largestFrame else {
                return terminate(.protocolError, "client sent SETTINGS frame with incorrect MAX_FRAME_SIZE value")
            }
            longestFrame = value
        default: break
        }
    }

    /// All settings are read: they hold from here on.
    private func endSettings() {
        state = .head
        appendControl(HTTP2FrameHead(length: 0, kind: HTTP2FrameKind.settings, flags: HTTP2Flag.acknowledges, stream: 0))
        guard newWindow >= 0, newWindow != initialWindow else { return }
        let change = newWindow - initialWindow
        initialWindow = newWindow
        for handle in states.handles where states[handle].id != 0 && !states[handle].isBrokenOff {
            if states[handle].sendWindow + change > Self.largestWindow {
                breakOff(handle, .flowControlError)
                if isTerminated { return }
            } else {
                states[handle].sendWindow += change
                if change > 0 { windowOpened(handle) }
            }
        }
    }

    private func takePriority(_ dependency: HTTP2Dependency) {
        state = .head
        if dependency.stream == frame.stream {
            return terminate(.protocolError, "client sent PRIORITY frame with incorrect dependency")
        }
        setPriority(frame.stream, dependency)
    }

    // MARK: - Frames about streams

    private func takeReset(_ code: HTTP2Code) {
        state = .head
        let id = frame.stream
        if isIdle(id) { return terminate(.protocolError, "client sent RST_STREAM frame for an idle stream") }
        let handle = states.find(id)
        guard handle >= 0, !states[handle].isBrokenOff else { return }
        allowance.spendStream()
        guard !states[handle].isOver else { return }
        states[handle].isBrokenOff = true
        streamBroken(handle, code, byPeer: true)
    }

    private func takeWindowUpdate(_ size: Int) {
        state = .head
        let id = frame.stream
        if size == 0 { return terminate(.protocolError, "client sent WINDOW_UPDATE frame with incorrect window increment 0") }
        if id == 0 {
            if size > Self.largestWindow - sendWindow {
                return terminate(.flowControlError, "client violated connection flow control")
            }
            sendWindow += size
            isStuck = false
            return
        }
        if isIdle(id) { return terminate(.protocolError, "client sent WINDOW_UPDATE frame for an idle stream") }
        let handle = states.find(id)
        guard handle >= 0, !states[handle].isBrokenOff else { return }
        if size > Self.largestWindow - states[handle].sendWindow { return breakOff(handle, .flowControlError) }
        states[handle].sendWindow += size
        windowOpened(handle)
    }

    private func windowOpened(_ handle: Int32) {
        guard states[handle].awaitsWindow, states[handle].sendWindow > 0 else { return }
        states[handle].awaitsWindow = false
        let isStuck = isStuck || nextReady == ready.count
        schedule(handle)
        if sendWindow <= 0 { self.isStuck = isStuck }
    }

    /// Whether the peer has not opened a stream of this number yet.
    private func isIdle(_ id: Int32) -> Bool { id > lastStream || id & 1 == 0 }

    /// The padding, if there is any, is read.
    private func beginData() {
        let size = frame.length
        let id = frame.stream
        if id == 0 || isIdle(id) { return terminate(.protocolError, "client sent DATA frame with incorrect identifier") }
        if size > receiveWindow { return terminate(.flowControlError, "client violated connection flow control") }
        receiveWindow -= size
        if receiveWindow < Self.largestWindow / 4 {
            appendWindowUpdate(0, Self.largestWindow - receiveWindow)
            receiveWindow = Self.largestWindow
        }
        let handle = states.find(id)
        guard handle >= 0, !states[handle].isBrokenOff else { return ignoreRest() }
        if size > states[handle].receiveWindow {
            ignoreRest()
            return breakOff(handle, .flowControlError)
        }
        states[handle].receiveWindow -= size
        if states[handle].inputHasEnded {
            ignoreRest()
            return breakOff(handle, .streamClosed)
        }
        if size > rest { consume(handle, size - rest) }
        dataHandle = handle
        if rest == 0 { endData() } else { state = .data }
    }

    private func readData(_ bytes: Span<UInt8>, _ position: inout Int) {
        let start = position
        let part = min(rest, bytes.count - position)
        position += part
        rest -= part
        let handle = dataHandle
        guard handle >= 0, !states[handle].isBrokenOff else {
            allowance.ignore(part)
            return ignoreRest()
        }
        allowance.carry(part)
        data(handle, bytes.extracting(start..<position))
        if rest == 0, !isTerminated { endData() }
    }

    private func endData() {
        let handle = dataHandle
        dataHandle = -1
        endFrame()
        guard handle >= 0, frame.has(HTTP2Flag.endsStream), !states[handle].isBrokenOff else { return }
        states[handle].inputHasEnded = true
        streamEnded(handle)
    }
}
