/// Writing: frames straight into the queue, when the loop is about to send.
extension HTTP2Server {
    // MARK: - Frames that wait for nothing

    /// Bytes that may wait before all others: a client that makes more of them and does not read is a flood.
    private static let mostControl = 64 * 1_024

    /// Whether the peer makes more work than it takes.
    var isFlooded: Bool { allowance.isUsedUp || control.count > Self.mostControl }

    func appendControl(_ head: HTTP2FrameHead) {
        allowance.spend(HTTP2FrameHead.size + head.length)
        head.append(to: control)
    }

    func appendWindowUpdate(_ id: Int32, _ size: Int) {
        appendControl(HTTP2FrameHead(length: 4, kind: HTTP2FrameKind.windowUpdate, flags: 0, stream: id))
        control.append(word: UInt32(clamping: size))
    }

    func appendReset(_ id: Int32, _ code: HTTP2Code) {
        unfinished.insert(id)
        allowance.expectLeftovers()
        if code != .noError { allowance.spendStream() }
        appendControl(HTTP2FrameHead(length: 4, kind: HTTP2FrameKind.reset, flags: 0, stream: id))
        control.append(word: code.rawValue)
    }

    func appendGoAway(_ code: HTTP2Code) {
        HTTP2FrameHead(length: 8, kind: HTTP2FrameKind.goAway, flags: 0, stream: 0).append(to: control)
        control.append(word: UInt32(bitPattern: lastStream))
        control.append(word: code.rawValue)
    }

    private func flushControl(to queue: OutputQueue) {
        guard !control.isEmpty else { return }
        queue.room(for: control.count).append(control)
        control.removeAll()
    }

    // MARK: - Heads

    /// Heads that may be longer than this are not written in place: the peer need not take frames of more than 16 KB.
    private static let usualHead = 4_096

    /// Writes a head of about so many bytes: `write` encodes its fields. Returns the bytes that it takes.
    @inline(__always)
    final func writeHead(
        size: Int, _ handle: Int32, endsStream: Bool, to queue: OutputQueue, _ write: (Buffer) -> Void
    ) -> Int {
        flushControl(to: queue)
        guard size <= Self.usualHead else {
            let fields = Buffer(capacity: size)
            encoder.begin(fields)
            write(fields)
            return writeFrames(of: fields, handle, endsStream: endsStream, to: queue)
        }
        var taken = 0
        queue.write(together: HTTP2FrameHead.size + size) { bytes in
            let start = bytes.count
            bytes.append(repeating: 0, count: HTTP2FrameHead.size)
            encoder.begin(bytes)
            write(bytes)
            taken = closeHead(bytes, start, handle, endsStream: endsStream)
        }
        if taken > 0 { return taken }
        // It has become longer than the peer takes in one frame.
        let bytes = queue.writable
        let fields = Buffer(capacity: -taken)
        fields.append(bytes, bytes.count + taken + HTTP2FrameHead.size..<bytes.count)
        bytes.truncate(to: bytes.count + taken)
        return writeFrames(of: fields, handle, endsStream: endsStream, to: queue)
    }

    /// Writes the head of the frame. Returns its size, or the same below zero: that is too long.
    private func closeHead(_ bytes: Buffer, _ start: Int, _ handle: Int32, endsStream: Bool) -> Int {
        let size = bytes.count &- start
        guard size &- HTTP2FrameHead.size <= longestFrame else { return -size }
        if endsStream { states[handle].outputHasEnded = true }
        allowance.carry(size)
        HTTP2FrameHead(
            length: size &- HTTP2FrameHead.size, kind: HTTP2FrameKind.headers,
            flags: endsStream ? HTTP2Flag.endsStream | HTTP2Flag.endsBlock : HTTP2Flag.endsBlock, stream: states[handle].id
        ).overwrite(bytes, at: start)
        return size
    }

    /// Cuts the fields of a head into frames that the peer takes. Returns the bytes of all of them.
    private func writeFrames(of fields: Buffer, _ handle: Int32, endsStream: Bool, to queue: OutputQueue) -> Int {
        if endsStream { states[handle].outputHasEnded = true }
        let length = fields.count
        var start = 0
        var size = 0
        repeat {
            let part = min(length - start, longestFrame)
            let isFirst = start == 0
            let isLast = start + part == length
            let output = queue.room(for: HTTP2FrameHead.size + min(part, 16_384))
            HTTP2FrameHead(
                length: part, kind: isFirst ? HTTP2FrameKind.headers : HTTP2FrameKind.continuation,
                flags: (isFirst && endsStream ? HTTP2Flag.endsStream : 0) | (isLast ? HTTP2Flag.endsBlock : 0),
                stream: states[handle].id
            ).append(to: output)
            output.append(fields, start..<start + part)
            start += part
            size += part + HTTP2FrameHead.size
        } while start < length
        allowance.carry(size)
        return size
    }

    /// Sends an interim head with the fields of a list, before all that is written from here on.
    final func sendInterimHead(_ handle: Int32, _ status: Status, _ fields: HeaderList) {
        guard !isTerminated else { return }
        let queue = control
        let start = queue.count
        queue.append(repeating: 0, count: HTTP2FrameHead.size)
        encoder.begin(queue)
        encoder.append(status, queue)
        encoder.append(fields, queue)
        let length = queue.count - start - HTTP2FrameHead.size
        allowance.carry(length + HTTP2FrameHead.size)
        HTTP2FrameHead(
            length: length, kind: HTTP2FrameKind.headers, flags: HTTP2Flag.endsBlock, stream: states[handle].id
        ).overwrite(queue, at: start)
    }

    // MARK: - Streams

    /// The stream has something to send.
    @inline(never)
    final func schedule(_ handle: Int32) {
        guard !states[handle].isReady else { return }
        states[handle].isReady = true
        isStuck = false
        ready.append(handle)
    }

    /// Whether a body of so many bytes can be sent at once, in one frame and before others.
    final func canSend(_ handle: Int32, _ count: Int) -> Bool {
        count <= sendWindow && count <= states[handle].sendWindow && count <= longestFrame && !isTerminated
            && !states[handle].isBrokenOff
    }

    /// A frame of a body was written.
    final func noteBody(_ handle: Int32, _ count: Int, endsStream: Bool) {
        sendWindow &-= count
        states[handle].sendWindow &-= count
        if endsStream { states[handle].outputHasEnded = true }
        allowance.carry(count)
    }

    /// Whether there are frames to be made.
    final var wantsToSend: Bool {
        !isOver && (!control.isEmpty || !isTerminated && !isStuck && nextReady < ready.count)
    }

    /// Makes frames until nothing is left to be sent or `bound` bytes are queued: of each stream one after the other.
    final func makeFrames(into queue: OutputQueue, bound: Int) {
        guard !isOver else { return }
        flushControl(to: queue)
        guard !isTerminated else { return }
        var progress = true
        while progress, nextReady < ready.count {
            if queue.size >= bound { return }
            progress = false
            if priorities != nil { sortReady() }
            while nextReady < ready.count, queue.size < bound {
                let handle = ready[nextReady]
                nextReady &+= 1
                var (isReady, sent) = serve(handle, to: queue)
                if sent { progress = true }
                while isReady, sent, queue.size < bound, goesFirst(handle) { (isReady, sent) = serve(handle, to: queue) }
                if isReady { later.append(handle) } else { states[handle].isReady = false }
            }
            guard nextReady == ready.count else { return }
            ready.removeAll(keepingUpTo: 1_024)
            nextReady = 0
            ready.swap(with: later)
        }
        isStuck = !progress && !ready.isEmpty
    }

    /// Sends a frame of a stream. Tells whether it has more, and whether something of its body was sent.
    private func serve(_ handle: Int32, to queue: OutputQueue) -> (isReady: Bool, sent: Bool) {
        guard !states[handle].isBrokenOff, !states[handle].outputHasEnded else { return (false, false) }
        let limit = min(sendWindow, states[handle].sendWindow, longestFrame)
        switch send(handle, atMost: max(limit, 0), to: queue) {
        case .nothing: return (false, false)
        case .blocked:
            guard states[handle].sendWindow <= 0 else { return (true, false) }
            states[handle].awaitsWindow = true
            return (false, false)
        case .body(let count, let endsStream):
            noteBody(handle, count, endsStream: endsStream)
            return (!endsStream, true)
        }
    }

    /// Brings those that the client wants first to the front; the order of others stays.
    private func sortReady() {
        guard let priorities else { return }
        var index = nextReady + 1
        while index < ready.count {
            let handle = ready[index]
            let place = self.place(of: handle, priorities)
            var target = index
            while target > nextReady {
                let other = self.place(of: ready[target - 1], priorities)
                guard place.depth < other.depth || place.depth == other.depth && place.share > other.share else { break }
                ready[target] = ready[target - 1]
                target -= 1
            }
            ready[target] = handle
            index += 1
        }
    }

    /// Whether the client wants all of the stream before the next.
    private func goesFirst(_ handle: Int32) -> Bool {
        guard let priorities, nextReady < ready.count else { return false }
        let (own, next) = (place(of: handle, priorities), place(of: ready[nextReady], priorities))
        return own.depth < next.depth || own.depth == next.depth && own.share > next.share
    }

    private func place(of handle: Int32, _ priorities: HTTP2Priorities) -> (depth: Int, share: Double) {
        let node = Int(states[handle].node)
        return node >= 0 ? priorities.place(of: node) : HTTP2Priorities.usualPlace
    }
}

/// The last streams that were broken off before the peer had ended them. It may have sent more on them before it knew.
final class UnfinishedStreams {
    private static let most = 32
    private let ids = List<Int32>(capacity: 4)
    private var next = 0

    init() {}

    func insert(_ id: Int32) {
        if ids.count < Self.most {
            ids.append(id)
        } else {
            ids[next] = id
            next = (next + 1) % Self.most
        }
    }

    func contains(_ id: Int32) -> Bool {
        for index in ids.indices where ids[index] == id { return true }
        return false
    }
}
