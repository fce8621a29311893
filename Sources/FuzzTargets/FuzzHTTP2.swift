/// Checks the server's side of HTTP/2: torn anywhere the same bytes tell the same, and answering in between never makes anything
/// but well-formed frames. The first byte chooses how the rest is torn, and whether the preface is a part of it. Traps if
/// something does not hold.
public func fuzzHTTP2(_ input: [UInt8]) {
    guard let options = input.first else { return }
    var bytes = Array(input.dropFirst())
    if options & 1 == 0 {
        bytes = Array(copying: HTTP2Preface.text.bytes) + [0, 0, 0, 4, 0, 0, 0, 0, 0] + bytes
    }
    let step = Int(options >> 1 & 31) + 1
    let whole = FuzzedServer(answers: false)
    let torn = FuzzedServer(answers: false)
    whole.feed(bytes, step: max(bytes.count, 1))
    torn.feed(bytes, step: step)
    let (first, second) = (whole.told, torn.told)
    require(first.span.equals(second.span))
    require(whole.error == torn.error)
    let answering = FuzzedServer(answers: true)
    answering.feed(bytes, step: step)
    answering.checkFrames()
}

/// A machine that digests what it tells, and answers each request with a short body if it is to.
private final class FuzzedServer: HTTP2Server {
    let told = Buffer()
    private let answers: Bool
    private let queue: OutputQueue
    private let small = BufferPool(size: 4_096, bound: 16)
    private let large = BufferPool(size: 32_768, bound: 16)
    private let reader = HTTP2HeadReader()
    private var requests: [Int32: Request] = [:]

    private struct Request {
        let id: Int32
        let head = RequestHead()
        var left = 10
        var headIsDue = false
    }

    init(answers: Bool) {
        self.answers = answers
        queue = OutputQueue(small: small, large: large, departed: List())
        super.init()
    }

    func feed(_ bytes: [UInt8], step: Int) {
        var start = 0
        while start < bytes.count {
            let end = min(start + step, bytes.count)
            receive(bytes.span.extracting(start..<end), second: 1)
            if answers { answer() }
            start = end
        }
    }

    /// Sends, and forgets a part of what is over.
    private func answer() {
        makeFrames(into: queue, bound: queue.size + 4_096)
        for (handle, request) in requests where states[handle].isOver && request.id & 2 == 0 {
            requests[handle] = nil
            forget(handle)
        }
    }

    /// All that was made is frames, one after the other.
    func checkFrames() {
        requireFrames(in: queue, from: 0)
    }

    private func tell(_ kind: UInt8, _ handle: Int32) {
        told.append(kind)
        told.append(decimal: Int(requests[handle]?.id ?? -1))
    }

    override func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        guard requests.count < 64 else { return false }
        let request = Request(id: id)
        requests[handle] = request
        reader.begin(request.head)
        return true
    }

    override func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {
        guard let head = requests[handle]?.head else { return require(false) }
        let bytes = head.bytes
        while nextField(block, &position, into: bytes) {
            let field = decoder.field
            require(field.start <= field.middle && field.middle <= field.end && field.end <= bytes.count)
            let facts = HPACKFacts(bytes.span(field.start..<field.middle), bytes.span(field.middle..<field.end))
            require(facts.name == field.facts.name && facts.kind == field.facts.kind)
            require(facts.hasValidValue == field.facts.hasValidValue)
            reader.take(field, into: head, limits: RequestLimits())
        }
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        guard let head = requests[handle]?.head else { return require(false) }
        reader.finish(head, endsStream: endsStream, size: size)
        tell(1, handle)
        told.append(head.bytes)
        for index in head.fields.indices {
            let field = head.fields[index]
            require(Int(field.nameRange.end) <= head.bytes.count && Int(field.valueRange.end) <= head.bytes.count)
        }
        if let fault = reader.fault { fault.appendMessage(to: told, head: head) }
        guard answers else { return }
        requests[handle]?.headIsDue = true
        schedule(handle)
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>) {
        // How many pieces it comes in depends on how the input is torn.
        told.append(bytes)
        consume(handle, bytes.count)
    }

    override func streamEnded(_ handle: Int32) { tell(3, handle) }

    override func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        tell(byPeer ? 4 : 5, handle)
        told.append(decimal: Int(code.rawValue))
        requests[handle] = nil
        forget(handle)
    }

    override func send(_ handle: Int32, atMost limit: Int, to queue: OutputQueue) -> Sent {
        guard var request = requests[handle] else { return .nothing }
        defer { requests[handle] = request }
        if request.headIsDue {
            request.headIsDue = false
            _ = writeHead(size: 100, handle, endsStream: false, to: queue) { encoder.append(Status(rawValue: 200), $0) }
        }
        let size = min(request.left, limit)
        if size == 0, request.left > 0 { return .blocked }
        request.left -= size
        let output = queue.room(for: 9 + size)
        HTTP2FrameHead(
            length: size, kind: HTTP2FrameKind.data, flags: request.left == 0 ? HTTP2Flag.endsStream : 0, stream: request.id
        ).append(to: output)
        output.append(repeating: 0, count: size)
        return .body(size, endsStream: request.left == 0)
    }
}
