/// A part of a body or of a connection's output.
enum Piece {
    /// A range of a buffer that returns to the loop's pool when it is sent.
    case pooled(Buffer, Range<Int>)
    /// A range of a buffer that others keep and nobody changes any more.
    case shared(Buffer, Range<Int>)
    /// A range of a file.
    case file(OpenFile, Range<Int>)
    /// The first bytes of what is in a pipe. For plain sockets alone: nobody can read them.
    case pipe(Pipe, Int)

    var count: Int {
        switch self {
        case .pooled(_, let range), .shared(_, let range), .file(_, let range): range.count
        case .pipe(_, let count): count
        }
    }

    /// The bytes, when they are in memory.
    var buffer: (Buffer, Range<Int>)? {
        switch self {
        case .pooled(let buffer, let range), .shared(let buffer, let range): (buffer, range)
        case .file, .pipe: nil
        }
    }

    /// A part of the piece, by its bytes' places in it.
    func slice(_ part: Range<Int>) -> Piece {
        switch self {
        case .pooled(let buffer, let range): .pooled(buffer, Self.part(part, of: range))
        case .shared(let buffer, let range): .shared(buffer, Self.part(part, of: range))
        case .file(let file, let range): .file(file, Self.part(part, of: range))
        case .pipe: preconditionFailure("what is in a pipe has no parts")
        }
    }

    private static func part(_ part: Range<Int>, of range: Range<Int>) -> Range<Int> {
        precondition(part.upperBound <= range.count)
        return range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
    }

    /// The same piece without its first `n` bytes.
    func dropping(first n: Int) -> Piece {
        switch self {
        case .pooled(let buffer, let range):
            .pooled(buffer, range.lowerBound + n..<range.upperBound)
        case .shared(let buffer, let range):
            .shared(buffer, range.lowerBound + n..<range.upperBound)
        case .file(let file, let range):
            .file(file, range.lowerBound + n..<range.upperBound)
        case .pipe(let pipe, let count): .pipe(pipe, count - n)
        }
    }
}

/// What a connection has still to send, in order. Pooled by the loop: an idle connection has none.
final class OutputQueue {
    /// Pieces from `first` on are to be sent.
    let pieces = List<Piece>()
    private(set) var first = 0
    private(set) var byteCount = 0
    /// What is written to an empty queue: most answers are no more than that, and go out from here. It is the queue's own.
    let lead: Buffer
    /// Bytes are being written to `lead`; they are not in `pieces` yet.
    private(set) var isLeadOpen = false
    /// The tail buffer that small writes are gathered in, if there is one; its bytes from `tailStart` on are not in `pieces` yet.
    private let tail: Lent<Buffer>
    private var hasTail = false
    private var tailStart = 0
    /// Bytes of files that are sent in one turn at most, so that a fast client does not hold the others up.
    var fileChunk = OutputQueue.standardChunk
    static let standardChunk = 2 * 1_048_576
    /// The read of what comes next of the file at the front that a thread is at, 0 for none; where that begins, and where the last
    /// one has ended.
    var fileTask = 0
    var fileTaskStart = 0
    var grantedEnd = 0
    private let pool: BufferPool
    private let largePool: BufferPool

    /// - Parameter departed: see `Lent`.
    init(small: BufferPool, large: BufferPool, departed: List<AnyObject>) {
        pool = small
        largePool = large
        lead = Buffer(capacity: small.size)
        tail = Lent(lead, departed: departed)
    }

    var isEmpty: Bool { first == pieces.count && !hasTail && !isLeadOpen }

    /// A buffer to append bytes to; they follow all that was queued before.
    var writable: Buffer {
        if opensLead { return lead }
        openTail()
        return tail.object
    }

    /// The same buffer, lent.
    @inline(__always)
    func write(_ use: (Buffer) -> Void) {
        if opensLead { return use(lead) }
        openTail()
        tail.lend(use)
    }

    /// Lends a buffer with room for `count` more bytes that are to lie together.
    @inline(__always)
    func write(together count: Int, _ use: (Buffer) -> Void) {
        if count <= lead.free, opensLead { return use(lead) }
        makeRoom(for: count)
        tail.lend(use)
    }

    /// Whether what is written now goes to `lead`.
    private var opensLead: Bool {
        if isLeadOpen { return true }
        guard pieces.isEmpty, !hasTail else { return false }
        isLeadOpen = true
        return true
    }

    private func openTail() {
        if !hasTail { begin(pool.take()) }
    }

    private func begin(_ buffer: Buffer) {
        tail.object = buffer
        hasTail = true
        tailStart = 0
    }

    /// Sees to it that the tail has room for `count` more bytes.
    private func makeRoom(for count: Int) {
        if hasTail, tail.lend({ $0.free >= count }) { return }
        sealTail()
        begin(largePool.take())
    }

    /// A buffer with room for `count` more bytes that are to lie together, for those who write much: a large one if the one
    /// that is being written has not that room.
    func room(for count: Int) -> Buffer {
        if isLeadOpen, lead.free >= count { return lead }
        makeRoom(for: count)
        return tail.object
    }

    /// Bytes queued, those included that were only written to `writable` so far.
    var size: Int { byteCount + (isLeadOpen ? lead.count : 0) + (hasTail ? tail.lend { $0.count - tailStart } : 0) }

    /// Queues a piece behind everything written so far.
    func append(_ piece: Piece) {
        sealTail()
        pieces.append(piece)
        byteCount += piece.count
    }

    /// Turns what was written to the tail into a piece.
    func sealTail() {
        if isLeadOpen {
            isLeadOpen = false
            byteCount += lead.count
            // Nobody writes to it before the queue is empty again.
            if !lead.isEmpty { pieces.append(.shared(lead, 0..<lead.count)) }
        }
        guard let tail = takeTail() else { return }
        let end = tail.count
        if end > tailStart {
            byteCount += end - tailStart
            pieces.append(.pooled(tail, tailStart..<end))
        } else {
            release(.pooled(tail, 0..<0))
        }
    }

    private func takeTail() -> Buffer? {
        guard hasTail else { return nil }
        let taken = tail.object
        hasTail = false
        tail.object = lead
        return taken
    }

    /// Removes `n` sent bytes from the front.
    func advance(by n: Int) {
        var rest = n
        byteCount -= n
        // The common case: one piece, sent whole.
        if first + 1 == pieces.count, pieces[first].count == n, let piece = pieces.popLast() {
            release(piece)
            return forgetSent()
        }
        while rest > 0 || (first < pieces.count && pieces[first].count == 0) {
            let count = pieces[first].count
            if count > rest {
                pieces[first] = pieces[first].dropping(first: rest)
                return
            }
            rest -= count
            release(pieces[first])
            first += 1
        }
        if first == pieces.count { forgetSent() }
    }

    private func forgetSent() {
        pieces.removeAll(keepingUpTo: 64)
        first = 0
        if !isLeadOpen { lead.removeAll() }
    }

    /// Whether all that is queued was written to `lead`.
    var isLeadOnly: Bool { isLeadOpen && pieces.isEmpty && !hasTail }

    /// So many bytes of `lead`, with nothing behind it, are sent: all of them, or what is left becomes a piece.
    func advanceLead(by n: Int) {
        if n == lead.count {
            isLeadOpen = false
            lead.removeAll()
        } else {
            sealTail()
            advance(by: n)
        }
    }

    /// Whether it is worth keeping: its memory has not grown.
    var isSmall: Bool { lead.capacity <= pool.size * 2 }

    /// Drops everything unsent.
    func removeAll() {
        isLeadOpen = false
        for index in first..<pieces.count { release(pieces[index]) }
        if let tail = takeTail() { release(.pooled(tail, 0..<0)) }
        byteCount = 0
        fileChunk = Self.standardChunk
        fileTask = 0
        grantedEnd = 0
        forgetSent()
    }

    /// A thread has read up to here. False: it was not for what is queued now.
    func takeFileTask(_ task: Int, upTo end: Int) -> Bool {
        guard task == fileTask else { return false }
        fileTask = 0
        grantedEnd = end
        return true
    }

    private func release(_ piece: Piece) {
        guard case .pooled(let buffer, _) = piece else { return }
        (buffer.capacity >= largePool.size ? largePool : pool).give(buffer)
    }

    /// Nothing is left to be sent. What was written to the tail counts once it is sealed.
    var isSent: Bool { first == pieces.count }

    /// The file part at the front; nil: memory stands there.
    var frontFile: (OpenFile, Range<Int>)? {
        if case .file(let file, let range) = pieces[first] { (file, range) } else { nil }
    }

    /// The pipe at the front, or nil.
    var frontPipe: Pipe? {
        if case .pipe(let pipe, _) = pieces[first] { pipe } else { nil }
    }

    /// Nothing follows the front piece.
    var hasOnePiece: Bool { first + 1 == pieces.count && !hasTail && !isLeadOpen }

    var front: Piece? { first < pieces.count ? pieces[first] : nil }
}
