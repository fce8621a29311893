/// Decides where bytes of an answer go that come faster than the client takes them: to the client's queue, to a temporary file
/// behind it, or nowhere, in which case the upstream has to wait.
struct BodyBuffering: Sendable {
    enum Place: Equatable {
        case client, file
    }

    /// `proxy_buffering`: off hands everything on at once, and reads nothing before the client has taken it.
    let isBuffered: Bool
    /// Bytes that may wait in memory for the client.
    let memoryLimit: Int
    /// The size that the file may have; 0 for no file.
    private(set) var fileLimit: Int
    /// Bytes in the file.
    private(set) var written = 0
    /// Those of them that were handed to the client's queue.
    private(set) var handedOver = 0
    /// Bytes that a thread is to write behind them.
    private(set) var awaited = 0

    init(isBuffered: Bool, memoryLimit: Int, fileLimit: Int) {
        self.isBuffered = isBuffered
        self.memoryLimit = memoryLimit
        self.fileLimit = isBuffered ? fileLimit : 0
    }

    /// Bytes in the file that the client's queue has not seen.
    var hasFileBacklog: Bool { written + awaited > handedOver }

    /// Where the next bytes go, with `pending` bytes waiting in the client's queue.
    func place(pending: Int) -> Place {
        // What is in the file comes first.
        if hasFileBacklog { return .file }
        return pending >= memoryLimit && hasRoomInFile ? .file : .client
    }

    /// A slow client's upstream can be relieved by the file.
    var hasRoomInFile: Bool { written < fileLimit }

    mutating func wrote(_ count: Int) { written += count }

    /// Bytes are left to a thread: the upstream waits until they are written.
    mutating func leave(_ count: Int) { awaited += count }

    mutating func wroteAwaited(_ count: Int) {
        awaited -= count
        written += count
    }

    /// The thread could not write. Returns what was written before and has still to be handed to the client's queue, or nil.
    mutating func stopWriting() -> Range<Int>? {
        awaited = 0
        closeFile()
        return takeBacklog()
    }

    /// The file takes no more: the disk is full. What was written stays good.
    mutating func closeFile() { fileLimit = min(fileLimit, written) }

    /// Whether the upstream must wait.
    func pauses(pending: Int) -> Bool {
        guard isBuffered else { return pending > 0 }
        if awaited > 0 { return true }
        if hasFileBacklog { return written >= fileLimit }
        return pending >= memoryLimit && written >= fileLimit
    }

    /// The client has taken what it was given: the range of the file to give it now, or nil.
    ///
    /// The file is never written again from its start: the kernel may still be sending from its pages.
    mutating func takeBacklog() -> Range<Int>? {
        guard written > handedOver else { return nil }
        let range = handedOver..<written
        handedOver = written
        return range
    }
}

/// How long an upstream whose answer is moved from socket to socket may wait for its client: as long as a fast one makes it wait now
/// and then. With a slower one the answer is buffered.
struct ClientPatience: Sendable {
    /// Milliseconds of waiting that every answer may cost.
    private static let grace = 100
    /// Bytes that are worth a millisecond more: what a fast client takes in it, at a gigabit a second.
    private static let bytesPerMillisecond = 100_000

    /// Milliseconds waited so far.
    private var waited = 0
    /// When the wait under way began; negative: there is none.
    private var since = -1

    var isWaiting: Bool { since >= 0 }

    /// Milliseconds left, when the client was given so many bytes; 0 or less: it has come to an end.
    func left(given bytes: Int) -> Int { Self.grace + bytes / Self.bytesPerMillisecond - waited }

    mutating func beginWaiting(now: Int) { since = now }

    mutating func endWaiting(now: Int) {
        guard isWaiting else { return }
        waited += now - since
        since = -1
    }
}

/// Holds an upstream to `proxy_limit_rate`, as nginx does: by whole seconds since the body began.
struct ReadingRate: Sendable {
    /// Bytes per second; 0 is no limit.
    let limit: Int
    private let startSecond: Int
    private var taken = 0

    init(limit: Int, nowSecond: Int) {
        self.limit = limit
        startSecond = nowSecond
    }

    /// Bytes that may be taken now; none or less: wait.
    func allowance(nowSecond: Int) -> Int {
        limit == 0 ? .max : limit * (nowSecond - startSecond + 1) - taken
    }

    /// Bytes taken last.
    private var last = 0

    mutating func took(_ count: Int) {
        taken += count
        last = count
    }

    /// Milliseconds to wait after the allowance is used up: as long as the last bytes should have taken.
    func delay(nowSecond: Int) -> Int {
        let debt = -allowance(nowSecond: nowSecond)
        return max(last * 1_000 / limit, debt * 1_000 / limit + 1)
    }
}
