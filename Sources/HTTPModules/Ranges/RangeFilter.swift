/// Cuts the body of one answer down to the ranges that were asked for. Files are not read for it.
final class RangeFilter {
    private let range: Range<Int>
    /// All ranges and what is written before each, when there are several.
    private let multipart: Multipart?
    /// Bytes of the body that have come so far.
    private var offset: Int

    private struct Multipart {
        let ranges: [Range<Int>]
        /// The headers of all parts, and the closing boundary.
        let headers: Buffer
        /// Where each part's headers end.
        let ends: [Int]
    }

    /// The body begins at `start` of what the range is one of.
    init(_ range: Range<Int>, from start: Int) {
        self.range = range
        offset = start
        multipart = nil
    }

    init(_ ranges: [Range<Int>], headers: Buffer, ends: [Int]) {
        range = 0..<0
        offset = 0
        multipart = Multipart(ranges: ranges, headers: headers, ends: ends)
    }

    /// Filters `request.outgoing`; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        if let multipart { return run(multipart, request) }
        let loop = request.engine.loop
        var kept = 0
        for index in request.outgoing.pieces.indices {
            let piece = request.outgoing.pieces[index]
            let start = offset
            offset += piece.count
            let wanted = range.clamped(to: start..<offset)
            if wanted.isEmpty {
                loop.release(piece)
                continue
            }
            request.outgoing.pieces[kept] = piece.slice(
                wanted.lowerBound - start..<wanted.upperBound - start)
            kept += 1
        }
        request.outgoing.pieces.truncate(to: kept)
        return true
    }

    /// All ranges are taken from the body's first piece, as in nginx: nothing else has a known length and several pieces.
    private func run(_ multipart: Multipart, _ request: Request) -> Bool {
        guard let whole = request.outgoing.pieces.first else { return true }
        let count = whole.count
        let fits = multipart.ranges.allSatisfy { $0.upperBound <= count }
        guard offset == 0, fits else {
            request.log(.alert) { $0.append("range in overlapped buffers") }
            return false
        }
        offset = count
        // The piece is sent several times, so it can belong to no pool any more.
        let shared: Piece =
            if case .pooled(let buffer, let range) = whole { .shared(buffer, range) } else { whole }
        request.outgoing.pieces.removeAll()
        var start = 0
        for index in multipart.ranges.indices {
            let end = multipart.ends[index]
            request.outgoing.append(.shared(multipart.headers, start..<end))
            request.outgoing.append(shared.slice(multipart.ranges[index]))
            start = end
        }
        request.outgoing.append(.shared(multipart.headers, start..<multipart.headers.count))
        request.outgoing.isLast = true
        return true
    }
}
