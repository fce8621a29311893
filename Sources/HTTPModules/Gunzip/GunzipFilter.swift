/// Decompresses the body of one answer as it comes: a buffer at a time, since little may become very much.
final class GunzipFilter {
    private let pool: InflaterPool
    private let outputSize: Int
    private var inflater: Inflater?
    /// What has still to be decompressed: the first from `place` on.
    private let input = List<Piece>()
    private var next = 0
    private var place = 0
    /// The body ends behind the input.
    private var endsHere = false
    private var flushes = false
    private var isDone = false

    init(pool: InflaterPool, outputSize: Int) {
        self.pool = pool
        self.outputSize = outputSize
    }

    deinit {
        if let inflater { pool.give(inflater) }
    }

    var isHolding: Bool { next < input.count || endsHere }

    /// Filters `request.outgoing`, which is in memory; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        if isDone { return true }
        let outgoing = request.outgoing
        for index in outgoing.pieces.indices { input.append(outgoing.pieces[index]) }
        if outgoing.isLast { endsHere = true }
        if outgoing.flush { flushes = true }
        outgoing.removeAll()
        guard let inflater = start(request) else { return false }
        let loop = request.engine.loop
        let output = outputSize <= loop.buffers.size ? loop.buffers.take() : loop.largeBuffers.take()
        let isGood = fill(output, inflater, request)
        if output.isEmpty {
            loop.release(.pooled(output, 0..<0))
        } else {
            outgoing.append(.pooled(output, 0..<output.count))
        }
        return isGood
    }

    private func start(_ request: Request) -> Inflater? {
        if let inflater { return inflater }
        inflater = pool.take()
        if inflater == nil {
            request.log(.alert) { $0.append("inflateInit2() failed") }
        }
        return inflater
    }

    /// Decompresses until the output is full or the input ends.
    private func fill(_ output: Buffer, _ inflater: Inflater, _ request: Request) -> Bool {
        while next < input.count {
            let piece = input[next]
            guard let (buffer, range) = piece.buffer else { return false }
            let isEnd = endsHere && next == input.count - 1
            let outcome = inflater.inflate(buffer.span(range), from: &place, isLast: isEnd, into: output)
            switch outcome {
            case .taken: dropFirst(request)
            case .full: return true
            case .failed(let code): return fail(request, code, isEnd: isEnd)
            }
        }
        request.outgoing.flush = flushes
        flushes = false
        return endsHere ? end(output, inflater, request) : true
    }

    private func dropFirst(_ request: Request) {
        request.engine.loop.release(input[next])
        next += 1
        place = 0
        guard next == input.count else { return }
        input.removeAll()
        next = 0
    }

    /// The body ends: what has come has to be whole.
    private func end(_ output: Buffer, _ inflater: Inflater, _ request: Request) -> Bool {
        if !inflater.isAtEnd {
            var none = 0
            if case .failed(let code) = inflater.inflate(Span(), from: &none, isLast: true, into: output) {
                return fail(request, code, isEnd: true)
            }
        }
        guard inflater.isAtEnd else {
            request.log(.error) {
                $0.append("inflate() returned ")
                $0.append(decimal: Int(inflater.lastCode))
                $0.append(" on response end")
            }
            return false
        }
        endsHere = false
        isDone = true
        pool.give(inflater)
        self.inflater = nil
        request.outgoing.isLast = true
        return true
    }

    private func fail(_ request: Request, _ code: Int32, isEnd: Bool) -> Bool {
        request.log(.error) {
            $0.append("inflate() failed: ")
            // The mode that zlib was called in.
            $0.append(isEnd ? "4, " : "0, ")
            $0.append(decimal: Int(code))
        }
        return false
    }
}
