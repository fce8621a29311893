/// The body filters of one response, in order. A response that needs none has no pipeline.
///
/// Filters that change content need it in memory. So files are read for them, a buffer at a time and only as the client takes
/// what comes out: what waits is kept here, as ranges of files. A filter may also hold on to what it was given: because it makes
/// much of little, or because a subrequest's output has to come first. Then nothing more is given to any filter until it goes on.
final class Pipeline {
    private var stages: [Stage] = []
    /// Its filters see the whole answer, with the parts that subrequests made.
    private let isEncoding: Bool
    /// What has come and was not filtered yet, from `next` on.
    private var waiting: [Piece] = []
    private var next = 0
    /// The body ends behind what waits.
    private var endsHere = false
    /// What waits is to reach the client at once.
    private var flushes = false
    /// Guards against being run within itself.
    private var isRunning = false
    /// A thread reads what comes next of a file.
    private var fileWait: FileWait?
    private var grantedEnd = 0
    /// Bytes that came out of the last step.
    private var produced = 0

    init(isEncoding: Bool) {
        self.isEncoding = isEncoding
    }

    /// Whether anything waits to be filtered.
    var isBusy: Bool { hasWaiting || stages.contains { $0.isHolding } }

    private var hasWaiting: Bool { next < waiting.count || endsHere }

    /// Bytes that wait.
    var waitingCount: Int {
        var total = 0
        for index in next..<waiting.count { total += waiting[index].count }
        return total
    }

    /// Puts a filter in its place, whenever it joins.
    func append(_ stage: Stage) {
        let place = stages.firstIndex { $0.rank > stage.rank } ?? stages.count
        stages.insert(stage, at: place)
    }

    /// Sends `request.outgoing` through all filters; false when one failed.
    func take(_ request: Request) -> Bool {
        var content = 0
        while content < stages.count, !stages[content].changesContent {
            guard stages[content].run(request) else { return false }
            content += 1
        }
        if content == stages.count {
            write(request)
            return content > 0 && stages[0].isHolding ? advance(request) : true
        }
        if !isBusy, !isRunning, !request.outgoing.hasFile {
            guard run(from: content, request) else { return false }
            return stages.contains { $0.isHolding } ? advance(request) : true
        }
        for index in request.outgoing.pieces.indices { waiting.append(request.outgoing.pieces[index]) }
        if request.outgoing.isLast { endsHere = true }
        flushes = request.outgoing.flush
        request.outgoing.removeAll()
        return advance(request)
    }

    private func run(from first: Int, _ request: Request) -> Bool {
        for index in first..<stages.count {
            guard stages[index].run(request) else { return false }
        }
        write(request)
        return true
    }

    /// Hands on what has passed all filters.
    private func write(_ request: Request) {
        let outgoing = request.outgoing
        if outgoing.isEmpty, !outgoing.isLast, !outgoing.flush { return }
        if isEncoding { return request.stream.writeBody(of: request) }
        if let kinship = request.kinship { return kinship.family.take(request) }
        request.engine.passOn(request)
    }

    /// Filters more of what waits, as far as the client has taken what came before; false when the response cannot be completed.
    func advance(_ request: Request) -> Bool {
        guard !isRunning, fileWait == nil else { return true }
        isRunning = true
        defer { isRunning = false }
        let plan = request.core.value.outputBuffers
        // The bound of what is read in one turn, and of what may wait for the client.
        var budget = plan.count * plan.size
        let bound = budget
        let content = stages.firstIndex { $0.changesContent } ?? stages.count
        while true {
            // What waits has passed the first filters already, and comes before what they hold.
            let holder = stages.lastIndex { $0.isHolding }.flatMap { $0 < content && hasWaiting ? nil : $0 }
            guard holder != nil || hasWaiting else { break }
            if let holder, stages[holder].isWaiting { return true }
            if request.stream.queuedOutput >= bound {
                request.stream.flush()
                return true
            }
            if budget <= 0 {
                request.stream.continueSoon()
                return true
            }
            let step: Step
            if let holder {
                step = go(on: holder, request)
                budget -= max(produced, 1)
            } else {
                guard let portion = takePortion(request, largest: plan.size) else { return fileWait != nil }
                budget -= portion
                step = go(on: content, request)
            }
            switch step {
            case .more: continue
            case .last: return true
            case .failed: return false
            }
        }
        // Whoever sends files waits to be told that there is room.
        if request.stream.queuedOutput == 0 {
            request.stream.continueSoon()
        } else {
            request.stream.flush()
        }
        return true
    }

    private enum Step {
        case more, last, failed
    }

    /// Runs the filters from one on, and hands on what comes out.
    private func go(on first: Int, _ request: Request) -> Step {
        for index in first..<stages.count {
            guard stages[index].run(request) else { return .failed }
        }
        produced = request.outgoing.count
        let isLast = request.outgoing.isLast
        if isLast || produced > 0 {
            write(request)
        } else {
            request.outgoing.removeAll()
        }
        return isLast ? .last : .more
    }

    /// Moves the first of what waits to `request.outgoing`, in memory, with the body's end if it is there. Returns its size, nil if
    /// it cannot be read, or not yet.
    private func takePortion(_ request: Request, largest: Int) -> Int? {
        guard let count = takePiece(request, largest: largest) else { return nil }
        guard next == waiting.count else { return count }
        waiting.removeAll(keepingCapacity: true)
        next = 0
        request.outgoing.isLast = endsHere
        request.outgoing.flush = flushes
        endsHere = false
        return count
    }

    private func takePiece(_ request: Request, largest: Int) -> Int? {
        guard next < waiting.count else { return 0 }
        let piece = waiting[next]
        guard case .file(let file, let range) = piece else {
            next += 1
            request.outgoing.append(piece)
            return piece.count
        }
        let loop = request.engine.loop
        let count = min(range.count, largest, loop.largeBuffers.size)
        let buffer = count <= loop.buffers.size ? loop.buffers.take() : loop.largeBuffers.take()
        let code = read(file, range, atMost: count, request, into: buffer)
        guard code == count || code > 0 && file.reading != nil else {
            loop.release(.pooled(buffer, 0..<0))
            if fileWait == nil { logShortRead(request, code, of: count) }
            return nil
        }
        request.outgoing.append(.pooled(buffer, 0..<code))
        if code == range.count {
            next += 1
        } else {
            waiting[next] = piece.dropping(first: code)
        }
        return code
    }

    private func read(
        _ file: OpenFile, _ range: Range<Int>, atMost count: Int, _ request: Request, into buffer: Buffer
    ) -> Int {
        let loop = request.engine.loop
        guard let reading = file.reading else {
            return loop.kernel.read(file.descriptor, into: buffer, count: count, offset: range.lowerBound)
        }
        switch reading.read(file, range, atMost: count, granted: grantedEnd, into: buffer) {
        case .read(let code): return code
        case .absent(let part, let pool):
            let wait = FileWait(loop: loop, self, request)
            guard wait.begin(part, of: file, reading, by: pool) else { return -Int(Errno.noBuffers.code) }
            fileWait = wait
            return -Int(Errno.again.code)
        }
    }

    /// What was waited for is there: the filters go on.
    fileprivate func fileWasRead(upTo end: Int, _ request: Request) {
        fileWait = nil
        grantedEnd = end
        // The request may be over, and serve another.
        guard request.pipeline === self || request.encoding === self else { return }
        (request.engine as? Engine)?.continueBody(request)
    }

    private static let action: StaticString = "sending response to client"

    private func logShortRead(_ request: Request, _ code: Int, of count: Int) {
        if code < 0 {
            request.log(.crit, errno: Errno(Int32(-code)), while: Self.action) {
                $0.append("pread() \"")
                request.appendFilePath(to: $0)
                $0.append("\" failed")
            }
            return
        }
        request.log(.alert, while: Self.action) {
            $0.append("pread() read only ")
            $0.append(decimal: code)
            $0.append(" of ")
            $0.append(decimal: count)
            $0.append(" from \"")
            request.appendFilePath(to: $0)
            $0.append(ASCII.quote)
        }
    }
}

/// Hears that a thread has read what filters wait for.
private final class FileWait: Endpoint {
    private weak var pipeline: Pipeline?
    fileprivate let request: Request

    init(loop: EventLoop, _ pipeline: Pipeline, _ request: Request) {
        self.pipeline = pipeline
        self.request = request
        super.init(loop: loop, descriptor: -1)
    }

    /// False: the threads can take no more.
    func begin(_ part: Range<Int>, of file: OpenFile, _ reading: FileReading, by pool: Int) -> Bool {
        loop.addTimer(self)
        if reading.begin(part, of: file, by: pool, for: self) != 0 { return true }
        loop.close(self)
        return false
    }

    override func fileWasRead(_ task: Int, upTo end: Int) {
        loop.close(self)
        pipeline?.fileWasRead(upTo: end, request)
    }

    /// The request may be over, and serve another.
    fileprivate var isAwaited: Bool { pipeline.map { request.pipeline === $0 || request.encoding === $0 } ?? false }
}

/// As the request, for messages about its reads.
extension FileWait: LogContext {
    var connectionNumber: UInt64 { isAwaited ? request.connectionNumber : 0 }
    func appendContext(to line: Buffer) {
        if isAwaited { request.appendContext(to: line) }
    }
}

extension BodyChain {
    /// Whether a part of it is not in memory.
    var hasFile: Bool {
        for index in pieces.indices {
            if case .file = pieces[index] { return true }
        }
        return false
    }
}

extension Request {
    /// The pipeline, made when the first filter joins it.
    func append(_ stage: Stage) {
        if stage.isEncoding {
            let pipeline = encoding as? Pipeline ?? Pipeline(isEncoding: true)
            encoding = pipeline
            return pipeline.append(stage)
        }
        let pipeline = self.pipeline as? Pipeline ?? Pipeline(isEncoding: false)
        self.pipeline = pipeline
        pipeline.append(stage)
    }

    /// Whether filters have something left.
    var areFiltersBusy: Bool {
        if let pipeline = encoding as? Pipeline, pipeline.isBusy { return true }
        guard let pipeline = pipeline as? Pipeline else { return false }
        return pipeline.isBusy
    }

    /// Bytes that wait before filters.
    var unfilteredCount: Int {
        ((pipeline as? Pipeline)?.waitingCount ?? 0) + ((encoding as? Pipeline)?.waitingCount ?? 0)
    }
}
