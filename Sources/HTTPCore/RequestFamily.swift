/// A main request with its subrequests: whose output is sent, and what waits for it.
///
/// Output goes out in the order in which the parts of a page stand: that of a subrequest where its parent started it, before what
/// the parent puts out later. One request is active: its output is passed on at once. The others' waits with them, and a request
/// whose turn comes sends what has gathered.
final class RequestFamily {
    unowned let engine: RequestEngine
    let main: Request
    /// Whose output is sent.
    private(set) var active: Request
    /// Subrequests whose answers have not ended.
    private(set) var members: [Request] = []
    /// The main request is over but for its members: it ends with the last of them. Whether its answer was sent; nil before.
    var isMainAnswered: Bool?

    /// Subrequests that may be under way at once.
    static let limit = 64_535
    /// Generations of subrequests.
    static let generations = 51

    init(engine: RequestEngine, main: Request) {
        self.engine = engine
        self.main = main
        active = main
    }

    /// Takes a new subrequest in; its output stands where its parent is now.
    func add(_ request: Request, _ kinship: Kinship) {
        members.append(request)
        guard kinship.kind == .ordered, let parent = kinship.parent, let own = parent.kinship else {
            kinship.isPassed = true
            return
        }
        if active === parent, own.postponed.isEmpty {
            active = request
        } else {
            own.postponed.append(.request(request))
        }
    }

    func isActive(_ request: Request) -> Bool { active === request }

    /// Takes what a request's own filters have put out.
    func take(_ request: Request) {
        guard let kinship = request.kinship else { return }
        switch kinship.kind {
        case .ordered: break
        case .inMemory: return keep(request, kinship)
        case .background: return drop(request, kinship)
        }
        let isLast = request.outgoing.isLast
        if active === request, kinship.postponed.isEmpty, main.response.isHeadSent {
            forward(request)
        } else {
            postpone(request, kinship)
        }
        if isLast, request !== main { end(request, kinship) }
        advance()
    }

    private func postpone(_ request: Request, _ kinship: Kinship) {
        let outgoing = request.outgoing
        if outgoing.isEmpty, !outgoing.isLast, !outgoing.flush { return }
        kinship.postponedBytes += outgoing.count
        kinship.postponed.append(
            .pieces(outgoing.pieces.array, isLast: outgoing.isLast, flush: outgoing.flush))
        request.outgoing.removeAll()
    }

    /// Passes the active request's output on to what is common to all: the main request's stream.
    private func forward(_ request: Request) {
        guard request !== main else { return engine.passOn(main) }
        main.outgoing.pieces.swap(with: request.outgoing.pieces)
        main.outgoing.flush = request.outgoing.flush
        request.outgoing.removeAll()
        if !main.outgoing.isEmpty || main.outgoing.flush { engine.passOn(main) }
    }

    private func end(_ request: Request, _ kinship: Kinship) {
        guard !kinship.hasEnded else { return }
        kinship.hasEnded = true
        engine.wish(.end, for: request)
    }

    /// A subrequest's answer ends with what it has put out so far.
    func endOutput(of request: Request, code: UInt16) {
        guard let kinship = request.kinship, !kinship.hasEnded else { return }
        kinship.endCode = code
        end(request, kinship)
        advance()
    }

    /// Sends what has gathered with the active request, and goes on to the next one where it has ended.
    func advance() {
        guard main.response.isHeadSent else { return }
        while let kinship = active.kinship {
            if kinship.postponed.isEmpty {
                // The main request stays active to its end.
                guard kinship.hasEnded, let parent = kinship.parent else { return }
                let passed = active
                active = parent
                kinship.isPassed = true
                if kinship.isEndTold { separate(passed) }
                continue
            }
            switch kinship.postponed.removeFirst() {
            case .request(let next):
                active = next
                // It may have been held up by what has gathered with it.
                engine.wish(.turn, for: next)
            case .pieces(let pieces, let isLast, let flush):
                for piece in pieces { kinship.postponedBytes -= piece.count }
                let isEnd = isLast && active === main
                if pieces.isEmpty, !flush, !isEnd { continue }
                for piece in pieces { main.outgoing.pieces.append(piece) }
                main.outgoing.flush = flush
                main.outgoing.isLast = isEnd
                engine.passOn(main)
                if isEnd { return }
            }
        }
    }

    /// The end of a subrequest was told: it leaves, unless its output has still to be sent.
    func endWasTold(of request: Request) {
        guard let kinship = request.kinship else { return }
        kinship.isEndTold = true
        if kinship.isPassed { separate(request) }
    }

    // MARK: - In memory

    private func keep(_ request: Request, _ kinship: Kinship) {
        let limit = request.core.value.subrequestBufferSize
        if kinship.memory == nil, request.response.contentLength > limit {
            request.log(.error) {
                $0.append("too big subrequest response: ")
                $0.append(decimal: request.response.contentLength)
            }
            return engine.abort(main)
        }
        let memory = kinship.memory ?? Buffer(capacity: 256)
        kinship.memory = memory
        for index in request.outgoing.pieces.indices {
            guard let (buffer, range) = request.outgoing.pieces[index].buffer, memory.count + range.count <= limit else {
                request.log(.error) { $0.append("too big subrequest response") }
                return engine.abort(main)
            }
            memory.append(buffer, range)
        }
        drop(request, kinship)
    }

    /// Nobody gets the output.
    private func drop(_ request: Request, _ kinship: Kinship) {
        let isLast = request.outgoing.isLast
        release(request.outgoing.pieces.array)
        request.outgoing.removeAll()
        if isLast { end(request, kinship) }
    }

    // MARK: - The end

    /// The main request ends: whatever is under way is broken off, and nothing refers to each other any more.
    func dissolve() {
        active = main
        while let request = members.last { separate(request) }
        if let kinship = main.kinship { empty(kinship) }
        main.kinship = nil
    }

    /// Takes a subrequest out of the family for good.
    private func separate(_ request: Request) {
        if let index = members.lastIndex(where: { $0 === request }) { members.remove(at: index) }
        if let producer = request.producer {
            request.producer = nil
            producer.cancel()
        }
        request.breakCircles()
        request.pipeline = nil
        release(request.outgoing.pieces.array)
        request.outgoing.removeAll()
        if let kinship = request.kinship { empty(kinship) }
        request.kinship = nil
    }

    private func empty(_ kinship: Kinship) {
        kinship.observer = nil
        for output in kinship.postponed {
            if case .pieces(let pieces, _, _) = output { release(pieces) }
        }
        kinship.postponed = []
    }

    private func release(_ pieces: [Piece]) {
        for piece in pieces { engine.loop.release(piece) }
    }
}
