/// Checks the server's side of HTTP/2: torn anywhere the same bytes tell the same, and answering in between never makes anything
/// but well-formed frames. The first byte chooses how the rest is torn, and whether the preface is a part of it. Traps if
/// something does not hold.
public func fuzzHTTP2(_ input: [UInt8]) {
    guard let options = input.first else { return }
    var bytes = Array(input.dropFirst())
    if options & 1 == 0 {
        bytes = Array(copying: HTTP2Preface.text.bytes) + HTTP2Opening.settings + bytes
    }
    let step = Int(options >> 1 & 31) + 1
    let whole = FuzzedServer(answers: false)
    let torn = FuzzedServer(answers: false)
    // A torn frame is not mended.
    whole.isLenient = false
    torn.isLenient = false
    whole.feed(bytes, step: max(bytes.count, 1))
    torn.feed(bytes, step: step)
    let (first, second) = (whole.told, torn.told)
    if torn.clientIsGoing, torn.error == .noError {
        // The client has ended the connection, and what it sent behind that is not looked at unless it came at once.
        require(first.span.hasPrefix(second.span))
    } else {
        require(first.span.equals(second.span))
        require(whole.error == torn.error)
    }
    let answering = FuzzedServer(answers: true)
    answering.feed(bytes, step: step)
    answering.checkFrames()
}

/// A session that digests what it is told, and answers each request with a short body if it is to.
private final class FuzzedServer: HTTP2Session {
    let told = Buffer()
    private let answers: Bool
    private(set) var clientIsGoing = false
    private let queue: OutputQueue
    private let small = BufferPool(size: 4_096, bound: 16)
    private let large = BufferPool(size: 32_768, bound: 16)
    private var ids: [Int32] = []
    private var readers: [HTTP2HeadReader] = []
    private var heads: [RequestHead] = []
    private var left: [Int] = []
    private let block = HTTP2FieldBlock()

    init(answers: Bool) {
        self.answers = answers
        queue = OutputQueue(small: small, large: large)
        super.init(role: .server)
    }

    func feed(_ bytes: [UInt8], step: Int) {
        var start = 0
        while start < bytes.count {
            let end = min(start + step, bytes.count)
            receive(bytes.span.extracting(start..<end), second: 1)
            if answers { makeFrames(into: queue, bound: queue.size + 4_096) }
            start = end
        }
    }

    /// All that was made is frames, one after the other.
    func checkFrames() {
        queue.sealTail()
        let all = Buffer()
        for index in queue.pieces.indices {
            guard let (buffer, range) = queue.pieces[index].buffer else { continue }
            all.append(buffer, range)
        }
        var start = 0
        while start < all.count {
            require(all.count - start >= 9)
            let length = Int(all[start]) << 16 | Int(all[start + 1]) << 8 | Int(all[start + 2])
            require(all[start + 3] <= 9 && all[start + 5] < 128)
            start += 9 + length
            require(start <= all.count)
        }
    }

    private func tell(_ kind: UInt8, _ handle: Int32) {
        told.append(kind)
        told.append(decimal: Int(handle))
    }

    override func streamBegan(_ id: Int32, endsStream: Bool) -> Int32? {
        guard ids.count < 64 else { return nil }
        ids.append(id)
        readers.append(HTTP2HeadReader())
        heads.append(RequestHead())
        left.append(10)
        return Int32(ids.count - 1)
    }

    override func headBegan(_ handle: Int32) { readers[Int(handle)].begin(heads[Int(handle)]) }

    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        readers[Int(handle)].take(name, value, into: heads[Int(handle)], limits: RequestLimits())
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        let head = heads[Int(handle)]
        readers[Int(handle)].finish(head, endsStream: endsStream, size: size)
        tell(1, handle)
        told.append(head.bytes)
        for index in head.fields.indices {
            let field = head.fields[index]
            require(Int(field.nameRange.end) <= head.bytes.count && Int(field.valueRange.end) <= head.bytes.count)
        }
        let fault = readers[Int(handle)].fault
        if let fault { fault.appendMessage(to: told, head: head) }
        guard answers else { return }
        block.removeAll()
        block.append(":status", "200" as StaticString)
        sendHead(handle, stream: ids[Int(handle)], block, endsStream: fault != nil, into: queue)
    }

    override func trailersEnded(_ handle: Int32) { tell(2, handle) }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {
        // How many pieces it comes in depends on how the input is torn.
        told.append(bytes)
        consume(ids[Int(handle)], bytes.count)
    }

    override func streamEnded(_ handle: Int32) { tell(3, handle) }

    override func goAwayReceived(last: Int32, _ code: HTTP2Code) { clientIsGoing = true }

    override func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        tell(byPeer ? 4 : 5, handle)
        told.append(decimal: Int(code.rawValue))
    }

    override func offer(
        _ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue
    ) -> Offer {
        require(limit > 0 && ids[Int(handle)] == id)
        return .bytes(min(left[Int(handle)], limit), isLast: left[Int(handle)] <= limit)
    }

    override func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool, to queue: OutputQueue
    ) {
        left[Int(handle)] -= count
        let output = queue.room(for: 9 + count)
        output.append(frameHead)
        output.append(repeating: 0, count: count)
    }
}
