/// Checks a client's side of HTTP/2, as it is spoken with upstreams: torn anywhere the same bytes bring the same answer, and
/// nothing but well-formed frames is ever made of them. The first byte chooses how the rest is torn, whether an upstream's
/// settings go before it, and whether the request has a body. Traps if something does not hold.
public func fuzzHTTP2Answer(_ input: [UInt8]) {
    guard let options = input.first else { return }
    // The loop never turns, so nobody else lets go of what was replaced while it was lent.
    defer { FuzzedLoop.shared.loop.departed.removeAll() }
    var bytes = Array(input.dropFirst())
    if options & 1 == 0 { bytes = [0, 0, 0, 4, 0, 0, 0, 0, 0] + bytes }
    let step = Int(options >> 2 & 31) + 1
    let whole = FuzzedAsker(hasBody: options & 2 != 0)
    let torn = FuzzedAsker(hasBody: options & 2 != 0)
    // A torn frame is not mended.
    whole.session.isLenient = false
    torn.session.isLenient = false
    whole.feed(bytes, step: max(bytes.count, 1))
    torn.feed(bytes, step: step)
    let (first, second) = (whole.told, torn.told)
    // Of what follows an answer at once, a torn one has not seen all when it is complete; and of a frame that is at fault, a
    // torn one has told what came before that was known.
    if whole.session.fault == nil {
        require(first.span.equals(second.span))
    } else if torn.session.fault != nil {
        require(first.count <= second.count && first.span.equals(second.span(0..<first.count)))
    }
    whole.checkFrames()
    torn.checkFrames()
    let repeated = FuzzedAsker(hasBody: options & 2 != 0)
    repeated.asksAgain = true
    repeated.feed(bytes, step: step)
    repeated.checkFrames()
}

/// A connection to an upstream, a request on it, and what came of it.
private final class FuzzedAsker {
    let session: HTTP2ClientSession
    let told = Buffer()
    /// Another request follows an answer, where the connection takes one.
    var asksAgain = false
    private let queue: OutputQueue
    private let endpoint: Endpoint
    private let head = ResponseHead()
    private let trailers = ResponseHead()
    private let block = HTTP2FieldBlock()
    private let hasBody: Bool
    private var isOver = false
    private var isIdle = false

    init(hasBody: Bool) {
        let loop = FuzzedLoop.shared.loop
        self.hasBody = hasBody
        endpoint = Endpoint(loop: loop, descriptor: -1)
        session = HTTP2ClientSession(of: endpoint)
        queue = OutputQueue(small: loop.buffers, large: loop.largeBuffers, departed: loop.departed)
        require(ask())
    }

    private func ask() -> Bool {
        block.removeAll()
        block.append(":method", "GET" as StaticString)
        block.append(":path", "/" as StaticString)
        clearHead()
        trailers.reset()
        trailers.bytes.removeAll()
        let isAsked = session.begin(
            block, hasBody: hasBody,
            .init(head: head, trailerBytes: trailers.bytes, trailerFields: trailers.fields, limit: 1_024))
        guard isAsked, hasBody else {
            session.makeFrames(into: queue, bound: .max)
            return isAsked
        }
        let body = Buffer()
        body.append("a body of some bytes")
        session.send(.shared(body, 0..<body.count))
        session.endBody()
        session.bodyGrew()
        session.makeFrames(into: queue, bound: .max)
        return true
    }

    private func clearHead() {
        head.reset()
        head.bytes.removeAll()
    }

    func feed(_ bytes: [UInt8], step: Int) {
        var start = 0
        while start < bytes.count, !isOver {
            let end = min(start + step, bytes.count)
            let part = bytes.span.extracting(start..<end)
            if isIdle {
                if !session.receiveIdle(part) { isOver = true }
            } else {
                read(part)
            }
            session.makeFrames(into: queue, bound: queue.size + 65_536)
            if isIdle, !isOver, !ask() { isOver = true } else if isIdle { isIdle = isOver }
            start = end
        }
    }

    private func read(_ bytes: Span<UInt8>) {
        var position = 0
        while !isOver, !isIdle {
            switch session.next(bytes, from: &position) {
            case .needMore: return require(position == bytes.count)
            case .head:
                require(position <= bytes.count)
                takeHead()
            case .data(let range):
                require(range.lowerBound >= 0 && range.upperBound <= position && !range.isEmpty)
                told.append(bytes.extracting(range))
            case .end: finish()
            case .failed:
                require(session.fault != nil)
                session.fault?.appendMessage(to: Buffer(), head: head)
                isOver = true
            }
        }
    }

    private func takeHead() {
        require(head.status.code >= 100)
        told.append(head.bytes)
        check(head)
        if head.status.code >= 200 {
            session.expectBody(head.contentLength)
            if session.isAnswerComplete { finish() }
        } else {
            clearHead()
            session.beginHead()
        }
    }

    private func check(_ head: ResponseHead) {
        for index in head.fields.indices {
            let field = head.fields[index]
            require(Int(field.nameRange.end) <= head.bytes.count && Int(field.valueRange.end) <= head.bytes.count)
        }
    }

    private func finish() {
        told.append(trailers.bytes)
        check(trailers)
        guard asksAgain, session.isReusable else {
            isOver = true
            return
        }
        session.finish()
        isIdle = true
    }

    /// All that was made is the preface and frames, one after the other.
    func checkFrames() {
        session.makeFrames(into: queue, bound: .max)
        requireFrames(in: queue, from: HTTP2Preface.text.utf8CodeUnitCount)
    }
}

/// The loop whose buffers all connections use.
private final class FuzzedLoop: @unchecked Sendable {
    static let shared = FuzzedLoop()
    let loop: EventLoop

    private init() {
        guard let made = try? EventLoop(kernel: Kernel()) else { preconditionFailure("no event loop") }
        loop = made
    }
}
