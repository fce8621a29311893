/// What is still to be sent of a stream's body. Files are read as frames are made of them, so that one that waits costs nothing.
final class HTTP2Body {
    /// Pieces from `first` on.
    private let pieces = List<Piece>()
    private var first = 0
    private(set) var count = 0
    /// No more will follow.
    var isLast = false
    /// Parts of the first piece may still wait in the queue: its buffer must not be used for anything else before they left.
    private var isFirstInUse = false
    /// Where the frame that was offered begins in the queue's buffer, its head still empty: its bytes are there already.
    private var frameStart = -1
    /// A thread has read the first file up to here.
    var grantedEnd = 0
    /// What a thread is to read before more can be offered, and of which pool.
    private(set) var absent: (file: OpenFile, part: Range<Int>, pool: Int)?

    init() {}

    var isEmpty: Bool { count == 0 }

    func append(_ piece: Piece) {
        guard piece.count > 0 else { return }
        pieces.append(piece)
        count += piece.count
    }

    /// Bytes that the next frame can have at once; a frame has bytes of one file only. Nil: its file cannot be read, with how
    /// much was read or the error: EAGAIN, if it is to be read by a thread first (`absent`).
    func offer(
        atMost limit: Int, kernel: Kernel, to queue: OutputQueue
    ) -> (count: Int, failure: Int?) {
        frameStart = -1
        guard first < pieces.count, case .file(let file, let range) = pieces[first] else {
            return (inMemory(atMost: limit), nil)
        }
        let wanted = min(limit, range.count)
        guard wanted > 0 else { return (0, nil) }
        let buffer = queue.room(for: HTTP2FrameHead.size + wanted)
        let start = buffer.count
        buffer.append(repeating: 0, count: HTTP2FrameHead.size)
        let got = read(file, range, atMost: wanted, kernel, into: buffer)
        guard got == wanted || got > 0 && file.reading != nil else {
            buffer.truncate(to: start)
            return (0, got)
        }
        frameStart = start
        return (got, nil)
    }

    private func read(_ file: OpenFile, _ range: Range<Int>, atMost count: Int, _ kernel: Kernel, into buffer: Buffer) -> Int {
        guard let reading = file.reading else {
            return kernel.read(file.descriptor, into: buffer, count: count, offset: range.lowerBound)
        }
        switch reading.read(file, range, atMost: count, granted: grantedEnd, into: buffer) {
        case .read(let code): return code
        case .absent(let part, let pool):
            absent = (file, part, pool)
            return -Int(Errno.again.code)
        }
    }

    /// Has a thread read what is absent; the number of the read, 0 if it cannot.
    func beginReading(for endpoint: Endpoint) -> Int {
        guard let (file, part, pool) = absent, let reading = file.reading else { return 0 }
        absent = nil
        return reading.begin(part, of: file, by: pool, for: endpoint)
    }

    /// Bytes in memory before the first file.
    private func inMemory(atMost limit: Int) -> Int {
        var total = 0
        var index = first
        while index < pieces.count, total < limit {
            if case .file = pieces[index] { break }
            total += pieces[index].count
            index += 1
        }
        return min(total, limit)
    }

    /// Pieces up to this size are copied behind the frame's head: cheaper than a place of their own in what is sent.
    private static let copied = 4_096

    /// Writes the frame that was offered.
    func write(_ head: HTTP2FrameHead, to queue: OutputQueue, releasing loop: EventLoop) {
        let size = head.length
        count -= size
        if frameStart >= 0 {
            head.overwrite(queue.writable, at: frameStart)
            frameStart = -1
            return skip(size)
        }
        head.append(to: queue.room(for: HTTP2FrameHead.size + min(size, Self.copied)))
        var rest = size
        while rest > 0 {
            let piece = pieces[first]
            let part = min(rest, piece.count)
            rest -= part
            if let (buffer, range) = piece.buffer, part <= Self.copied, !isFirstInUse {
                queue.room(for: part).append(
                    buffer, range.lowerBound..<range.lowerBound + part)
                if part == piece.count { loop.release(piece) }
                skip(part)
            } else {
                queue.append(part == piece.count ? piece : piece.slice(0..<part).shared)
                skip(part)
                isFirstInUse = part < piece.count
            }
        }
    }

    /// Passes over bytes of the first piece.
    private func skip(_ size: Int) {
        let piece = pieces[first]
        guard size == piece.count else {
            pieces[first] = piece.dropping(first: size)
            return
        }
        first += 1
        isFirstInUse = false
        guard first == pieces.count else { return }
        pieces.removeAll(keepingUpTo: 64)
        first = 0
    }

    /// Drops everything.
    func removeAll(releasing loop: EventLoop) {
        for index in first..<pieces.count where !(index == first && isFirstInUse) {
            loop.release(pieces[index])
        }
        isFirstInUse = false
        pieces.removeAll(keepingUpTo: 64)
        first = 0
        count = 0
        isLast = false
        frameStart = -1
        grantedEnd = 0
        absent = nil
    }
}

extension Piece {
    /// The same bytes without the right to give their buffer back: for a part before the last one.
    fileprivate var shared: Piece {
        guard case .pooled(let buffer, let range) = self else { return self }
        return .shared(buffer, range)
    }
}
