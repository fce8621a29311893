/// Compresses the body of one answer as it comes.
final class CompressionFilter {
    private let shape: Compressor.Shape
    private let pool: CompressorPool
    private var compressor: Compressor?
    /// Bytes of the body, or -1.
    private let length: Int
    /// The size of the buffers that the settings ask for.
    var outputSize = 4_096
    /// Whether compressed bytes are sent as soon as there are any.
    var isUnbuffered = false
    /// Bytes to gather before the start; 0 once it has begun.
    var postponed = 0
    private let input = List<Piece>()
    /// Holds compressed bytes that are not worth sending yet.
    private var output: Buffer?
    private var isDone = false
    private var bytesIn = 0
    private var bytesOut = 0
    /// Takes down what comes out, if it is to be kept.
    private var recording: KeptBodies.Recording?

    /// - Parameter length: of the body, -1 if it is not known.
    init(_ shape: Compressor.Shape, pool: CompressorPool, length: Int, recording: KeptBodies.Recording? = nil) {
        self.shape = shape
        self.pool = pool
        self.length = length
        self.recording = recording
    }

    deinit {
        if let compressor { pool.give(compressor, shape) }
    }

    /// The size before compression by that after it in hundredths, rounded; nil until the whole body is through.
    var ratio: Int? { isDone && bytesOut > 0 ? (bytesIn * 1_000 / bytesOut + 5) / 10 : nil }

    /// Filters `request.outgoing`, which is in memory; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        if isDone { return true }
        let outgoing = request.outgoing
        for index in outgoing.pieces.indices { input.append(outgoing.pieces[index]) }
        outgoing.pieces.removeAll()
        if postponed > 0 {
            var total = 0
            for index in input.indices { total += input[index].count }
            guard total > postponed || outgoing.isLast || outgoing.flush else { return true }
            postponed = 0
        }
        guard let compressor = start(request) else { return false }
        let isGood = takeAll(compressor, outgoing.isLast ? .finish : outgoing.flush ? .flush : .gather, request)
        input.removeAll()
        guard isGood else { return false }
        settle(compressor, request)
        return true
    }

    private func start(_ request: Request) -> Compressor? {
        if let compressor { return compressor }
        compressor = pool.take(shape, for: length)
        if compressor == nil {
            request.log(.alert) { $0.append("no memory for a compressor") }
        }
        return compressor
    }

    /// Compresses all input; behind the last of it is done what the chain asks for: an end, a flush, or nothing.
    private func takeAll(_ compressor: Compressor, _ mode: Compressor.Mode, _ request: Request) -> Bool {
        let loop = request.engine.loop
        var isGood = true
        var isSettled = mode == .gather
        for index in input.indices {
            if isGood, let (buffer, range) = input[index].buffer {
                let isLast = index == input.count - 1
                isGood = take(buffer.span(range), isLast ? mode : .gather, compressor, request)
                if isLast { isSettled = true }
            }
            loop.release(input[index])
        }
        if isGood, !isSettled { isGood = take(Span(), mode, compressor, request) }
        return isGood
    }

    /// Hands on what has to reach the client now.
    private func settle(_ compressor: Compressor, _ request: Request) {
        let outgoing = request.outgoing
        if outgoing.isLast {
            isDone = true
            pool.give(compressor, shape)
            self.compressor = nil
            if let recording, let ratio { recording.end(bytesIn: bytesIn, ratio: ratio) }
            recording = nil
        } else if !outgoing.flush, !isUnbuffered {
            return
        }
        guard let output, isDone || !output.isEmpty else { return }
        self.output = nil
        if output.isEmpty {
            request.engine.loop.release(.pooled(output, 0..<0))
        } else {
            outgoing.append(.pooled(output, 0..<output.count))
        }
    }

    /// Compresses bytes; full buffers go out.
    private func take(
        _ bytes: Span<UInt8>, _ mode: Compressor.Mode, _ compressor: Compressor, _ request: Request
    ) -> Bool {
        var start = 0
        while true {
            let buffer = output ?? takeBuffer(request)
            output = buffer
            let (taken, made) = (start, buffer.count)
            let outcome = compressor.compress(bytes, from: &start, mode, into: buffer)
            bytesIn += start - taken
            bytesOut += buffer.count - made
            if let recording { recording.append(buffer, from: made) }
            switch outcome {
            case .taken: return true
            case .full:
                output = nil
                request.outgoing.append(.pooled(buffer, 0..<buffer.count))
            case .failed(let code):
                request.log(.alert) {
                    $0.append("compression failed: ")
                    $0.append(decimal: code)
                }
                return false
            }
        }
    }

    /// Large bodies go out in large pieces; the head and a short body share a small one.
    private func takeBuffer(_ request: Request) -> Buffer {
        let loop = request.engine.loop
        return outputSize <= loop.buffers.size && 0..<16_122 ~= length
            ? loop.buffers.take() : loop.largeBuffers.take()
    }
}
