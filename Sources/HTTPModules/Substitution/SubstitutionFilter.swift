/// Replaces texts in the body of one answer. What may be the beginning of a text is held back until more comes.
final class SubstitutionFilter {
    private let table: SubstitutionTable
    /// What each text is replaced by.
    private let templates: [Template]
    /// The values of the templates, each made when it is needed first.
    private var values: [Buffer?]
    /// The texts that are replaced no more; all of them stay in play unless each is replaced once only.
    private var used: [Bool]
    private let isOnce: Bool
    private var left: Int
    /// The end of what has come that may be the beginning of a text.
    private let held = Buffer(capacity: 64)
    private var output: Buffer?

    init(_ table: SubstitutionTable, _ templates: [Template], isOnce: Bool) {
        self.table = table
        self.templates = templates
        self.isOnce = isOnce
        values = [Buffer?](repeating: nil, count: templates.count)
        used = [Bool](repeating: false, count: templates.count)
        left = templates.count
    }

    /// Filters `request.outgoing`, which is in memory.
    func run(_ request: Request) -> Bool {
        // All is replaced: the rest passes untouched.
        if left == 0, held.isEmpty { return true }
        let isLast = request.outgoing.isLast
        let pieces = List<Piece>()
        pieces.swap(with: request.outgoing.pieces)
        for index in pieces.indices {
            guard let (buffer, range) = pieces[index].buffer else { continue }
            take(buffer.span(range), isLast: isLast && index == pieces.count - 1, request)
            request.engine.loop.release(pieces[index])
        }
        let held = held
        if isLast, !held.isEmpty {
            append(held.span, request)
            held.removeAll()
        }
        if let output {
            self.output = nil
            push(output, request)
        }
        return true
    }

    private func take(_ bytes: Span<UInt8>, isLast: Bool, _ request: Request) {
        let held = held
        guard !held.isEmpty else {
            let rest = search(bytes, isLast: isLast, request)
            held.append(bytes.extracting(rest..<bytes.count))
            return
        }
        held.append(bytes)
        let rest = search(held.span, isLast: isLast, request)
        held.removeFirst(rest)
    }

    /// Passes text on, replaced as far as that is certain. Returns where the rest begins.
    private func search(_ text: Span<UInt8>, isLast: Bool, _ request: Request) -> Int {
        var position = 0
        while left > 0 {
            switch table.find(in: text, from: position, used: used, isLast: isLast) {
            case .match(let place, let number):
                append(text.extracting(position..<place), request)
                appendValue(number, request)
                position = place + table.patterns[number].count
                if isOnce {
                    used[number] = true
                    left -= 1
                }
                continue
            case .partial(let place):
                append(text.extracting(position..<place), request)
                return place
            case .nothing: break
            }
            break
        }
        append(text.extracting(position..<text.count), request)
        return text.count
    }

    private func appendValue(_ number: Int, _ request: Request) {
        let value = values[number] ?? Buffer(capacity: 64)
        if values[number] == nil {
            templates[number].append(to: value, scope: request)
            values[number] = value
        }
        append(value.span, request)
    }

    private func append(_ bytes: Span<UInt8>, _ request: Request) {
        var rest = bytes
        while !rest.isEmpty {
            let buffer = output ?? request.engine.loop.largeBuffers.take()
            output = buffer
            let count = min(rest.count, buffer.free)
            buffer.append(rest.extracting(0..<count))
            rest = rest.extracting(count..<rest.count)
            if buffer.free == 0 {
                output = nil
                push(buffer, request)
            }
        }
    }

    private func push(_ buffer: Buffer, _ request: Request) {
        if buffer.isEmpty { return request.engine.loop.release(.pooled(buffer, 0..<0)) }
        request.outgoing.append(.pooled(buffer, 0..<buffer.count))
    }
}
