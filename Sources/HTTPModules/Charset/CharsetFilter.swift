/// Recodes the body of one answer from one charset to another.
final class CharsetFilter {
    private let recoding: Recoding
    /// The first bytes of a character whose others come with the next piece.
    private var rest: [UInt8] = []
    private var output: Buffer?

    /// The longest form of a character that the target does not have: `&#1114111;`.
    private static let longest = 10

    init(_ recoding: Recoding) {
        self.recoding = recoding
    }

    /// Filters `request.outgoing`, which is in memory.
    func run(_ request: Request) -> Bool {
        let pieces = List<Piece>()
        pieces.swap(with: request.outgoing.pieces)
        for index in pieces.indices {
            let piece = pieces[index]
            switch recoding {
            case .bytes(let table): replace(piece, table, request)
            case .toUTF8(let table):
                expand(piece, table, request)
                request.engine.loop.release(piece)
            case .fromUTF8(let pages):
                reduce(piece, pages, request)
                request.engine.loop.release(piece)
            }
        }
        if let output {
            self.output = nil
            push(output, request)
        }
        return true
    }

    private func push(_ buffer: Buffer, _ request: Request) {
        if buffer.isEmpty { return request.engine.loop.release(.pooled(buffer, 0..<0)) }
        request.outgoing.append(.pooled(buffer, 0..<buffer.count))
    }

    /// A buffer with room for at least `count` bytes.
    private func room(_ count: Int, _ request: Request) -> Buffer {
        if let output {
            if output.free >= count { return output }
            push(output, request)
        }
        let buffer = request.engine.loop.largeBuffers.take()
        output = buffer
        return buffer
    }

    /// Bytes for bytes: in place where the buffer is ours.
    private func replace(_ piece: Piece, _ table: [UInt8], _ request: Request) {
        guard let (buffer, range) = piece.buffer else { return }
        if case .pooled = piece {
            for index in range { buffer[index] = table[Int(buffer[index])] }
            request.outgoing.append(piece)
            return
        }
        let bytes = buffer.span(range)
        for index in bytes.indices { room(1, request).append(table[Int(bytes[index])]) }
    }

    private func expand(_ piece: Piece, _ table: [UInt8], _ request: Request) {
        guard let (buffer, range) = piece.buffer else { return }
        let bytes = buffer.span(range)
        for index in bytes.indices {
            let entry = Int(bytes[index]) * 4
            let out = room(4, request)
            for offset in 0..<Int(table[entry]) { out.append(table[entry + 1 + offset]) }
        }
    }

    private func reduce(_ piece: Piece, _ pages: [[UInt8]], _ request: Request) {
        guard let (buffer, range) = piece.buffer else { return }
        let bytes = buffer.span(range)
        var position = 0
        if !rest.isEmpty, !finishRest(bytes, &position, pages, request) { return }
        while position < bytes.count {
            let out = room(Self.longest, request)
            if bytes[position] < 0x80 {
                out.append(bytes[position])
                position += 1
                continue
            }
            let outcome = UTF8Reader.next(bytes, &position)
            if outcome == .incomplete {
                rest = Array(copying: bytes.extracting(position..<bytes.count))
                return
            }
            append(outcome, pages, to: out)
        }
    }

    /// Completes a character that began in an earlier piece; false when it is still not complete.
    private func finishRest(
        _ bytes: Span<UInt8>, _ position: inout Int, _ pages: [[UInt8]], _ request: Request
    ) -> Bool {
        let known = rest.count
        var next = 0
        while next < bytes.count, rest.count < 4 {
            rest.append(bytes[next])
            next += 1
        }
        var read = 0
        let outcome = UTF8Reader.next(rest.span, &read)
        if outcome == .incomplete, rest.count < 4 { return false }
        if outcome == .incomplete { read = rest.count }
        append(outcome, pages, to: room(Self.longest, request))
        position = max(read, known) - known
        rest.removeAll(keepingCapacity: true)
        return true
    }

    private func append(_ outcome: UTF8Reader.Outcome, _ pages: [[UInt8]], to out: Buffer) {
        guard case .character(let number) = outcome else {
            out.append(UInt8(ascii: "?"))
            return
        }
        if number < 0x1_0000, !pages[Int(number >> 8)].isEmpty {
            let byte = pages[Int(number >> 8)][Int(number & 0xFF)]
            if byte != 0 { return out.append(byte) }
        }
        out.append("&#")
        out.append(decimal: Int(number))
        out.append(ASCII.semicolon)
    }
}
