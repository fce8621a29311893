/// Compresses the body of one answer as it comes.
final class GzipFilter {
    private let shape: Deflater.Shape
    private let pool: DeflaterPool
    private var deflater: Deflater?
    private let outputSize: Int
    private let isUnbuffered: Bool
    /// Bytes to gather before the start; 0 once it has begun.
    private var postponed: Int
    private let gathered = List<Piece>()
    /// Holds compressed bytes that are not worth sending yet.
    private var output: Buffer?
    private var isDone = false
    /// Sizes of the whole body, once it is through.
    private(set) var bytesIn = 0
    private(set) var bytesOut = 0

    init(
        _ shape: Deflater.Shape, pool: DeflaterPool, buffers: BufferPlan, postpones: Int,
        isUnbuffered: Bool
    ) {
        self.shape = shape
        self.pool = pool
        outputSize = buffers.size
        postponed = postpones
        self.isUnbuffered = isUnbuffered
    }

    deinit {
        if let deflater { pool.give(deflater) }
    }

    /// Filters `request.outgoing`, which is in memory; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        if isDone { return true }
        let pieces = List<Piece>()
        pieces.swap(with: request.outgoing.pieces)
        if postponed > 0 {
            var total = 0
            for index in pieces.indices { gathered.append(pieces[index]) }
            for index in gathered.indices { total += gathered[index].count }
            guard total > postponed || request.outgoing.isLast || request.outgoing.flush else {
                return true
            }
            postponed = 0
            pieces.removeAll()
            pieces.swap(with: gathered)
        }
        guard let deflater = start(request) else { return false }
        let loop = request.engine.loop
        var isGood = true
        for index in pieces.indices {
            if isGood, let (buffer, range) = pieces[index].buffer {
                isGood = take(buffer.span(range), .gather, deflater, request)
            }
            loop.release(pieces[index])
        }
        guard isGood, settle(deflater, request) else { return false }
        return true
    }

    private func start(_ request: Request) -> Deflater? {
        if let deflater { return deflater }
        deflater = pool.take(shape)
        if deflater == nil {
            request.log(.alert) { $0.append("deflateInit2() failed") }
        }
        return deflater
    }

    /// Does what the chain asks for behind its pieces: end, flush, or nothing.
    private func settle(_ deflater: Deflater, _ request: Request) -> Bool {
        let none = Span<UInt8>()
        if request.outgoing.isLast {
            guard take(none, .finish, deflater, request) else { return false }
            isDone = true
            bytesIn = deflater.bytesIn
            bytesOut = deflater.bytesOut
            pool.give(deflater)
            self.deflater = nil
        } else if request.outgoing.flush {
            guard take(none, .flush, deflater, request) else { return false }
        } else if !isUnbuffered {
            return true
        }
        if let output, !output.isEmpty {
            self.output = nil
            request.outgoing.append(.pooled(output, 0..<output.count))
        } else if let output, isDone {
            self.output = nil
            request.engine.loop.release(.pooled(output, 0..<0))
        }
        return true
    }

    /// Compresses bytes; full buffers go out.
    private func take(
        _ bytes: Span<UInt8>, _ mode: Deflater.Mode, _ deflater: Deflater, _ request: Request
    ) -> Bool {
        var start = 0
        while true {
            let buffer = output ?? takeBuffer(request)
            output = buffer
            switch deflater.deflate(bytes, from: &start, mode, into: buffer) {
            case .taken: return true
            case .full:
                output = nil
                request.outgoing.append(.pooled(buffer, 0..<buffer.count))
            case .failed(let code):
                request.log(.alert) {
                    $0.append("deflate() failed: ")
                    $0.append(decimal: Int(code))
                }
                return false
            }
        }
    }

    private func takeBuffer(_ request: Request) -> Buffer {
        let loop = request.engine.loop
        // Large bodies go out in large pieces; the head and a short body share a small one.
        return outputSize <= loop.buffers.size && shape.windowBits < 15
            ? loop.buffers.take() : loop.largeBuffers.take()
    }
}
