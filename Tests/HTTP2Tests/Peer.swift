@testable import ApusServer

/// Frames as a client writes them.
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func make(_ kind: UInt8, flags: UInt8 = 0, stream: Int, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [
            UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags,
            UInt8(stream >> 24), UInt8(stream >> 16 & 255), UInt8(stream >> 8 & 255), UInt8(stream & 255),
        ] + payload
    }

    static let settings = make(4, stream: 0)
    static let settingsAcknowledgement = make(4, flags: 1, stream: 0)
    static let beginning = preface + settings

    static func data(_ stream: Int, _ bytes: [UInt8], ends: Bool = false) -> [UInt8] {
        make(0, flags: ends ? 1 : 0, stream: stream, bytes)
    }

    static func headers(_ stream: Int, _ fields: [(String, String)], ends: Bool = true) -> [UInt8] {
        make(1, flags: ends ? 5 : 4, stream: stream, block(fields))
    }

    static func get(_ stream: Int, _ path: String = "/", ends: Bool = true) -> [UInt8] {
        headers(
            stream,
            [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "a.test")],
            ends: ends)
    }

    static func reset(_ stream: Int, _ code: UInt8 = 8) -> [UInt8] {
        make(3, stream: stream, [0, 0, 0, code])
    }

    static func windowUpdate(_ stream: Int, _ size: UInt32) -> [UInt8] {
        make(8, stream: stream, (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) })
    }

    /// A block of literals that are not indexed.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count < 127 { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest > 127 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    /// What frames there are: `kind:flags:stream:length`, for all but DATA with the first bytes of the payload.
    static func list(_ bytes: [UInt8]) -> [String] {
        var list: [String] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let stream = Int(head[6]) << 16 | Int(head[7]) << 8 | Int(head[8])
            let payload = rest.dropFirst(9).prefix(length)
            let shown = head[3] == 3 || head[3] == 7 ? "=\(payload.prefix(8).reversed().first { $0 != 0 } ?? 0)" : ""
            list.append("\(names[Int(head[3])])\(shown) \(stream) \(head[4])")
            rest = rest.dropFirst(9 + length)
        }
        return list
    }

    private static let names = [
        "DATA", "HEADERS", "PRIORITY", "RST", "SETTINGS", "PUSH", "PING", "GOAWAY", "WINDOW", "CONTINUATION",
    ]

    /// The bodies of DATA frames of a stream, joined.
    static func body(_ bytes: [UInt8], of stream: Int) -> [UInt8] {
        var body: [UInt8] = []
        var rest = bytes[...]
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            if head[3] == 0, Int(head[8]) == stream { body += rest.dropFirst(9).prefix(length) }
            rest = rest.dropFirst(9 + length)
        }
        return body
    }
}

/// A server's machine that writes down what it tells and answers from what it is given. Streams are named by the half of their
/// numbers: 0, 1, 2.
final class RecordingServer: HTTP2Server {
    /// An answer that is to be sent.
    struct Answer {
        var fields: [(String, [UInt8])] = [(":status", Array("200".utf8))]
        var body: HTTP2Body?
        var isHeadSent = false
    }

    var calls: [String] = []
    var heads: [Int32: [String]] = [:]
    var answers: [Int32: Answer] = [:]
    var refuses = false
    /// The size of heads that left.
    var sent: [Int] = []
    var onHead: ((RecordingServer, Int32) -> Void)?
    let queue: OutputQueue
    let loop: EventLoop
    private let bytes = Buffer()

    override init(limits: HTTP2Limits = HTTP2Limits()) {
        guard let loop = try? EventLoop() else { preconditionFailure("no event loop") }
        self.loop = loop
        queue = OutputQueue(small: loop.buffers, large: loop.largeBuffers, departed: loop.departed)
        super.init(limits: limits)
    }

    private func name(_ handle: Int32) -> Int32 { states[handle].id / 2 }
    func handle(_ name: Int32) -> Int32 { states.find(name * 2 + 1) }

    override func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        heads[id / 2] = []
        return !refuses
    }
    override func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {
        let bytes = self.bytes
        while nextField(block, &position, into: bytes) {
            let field = decoder.field
            let text = bytes.span(field.start..<field.middle).text + "=" + bytes.span(field.middle..<field.end).text
            heads[name(handle)]?.append(text)
        }
    }
    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        calls.append("head \(name(handle)) \(heads[name(handle)]?.joined(separator: " ") ?? "") \(endsStream)")
        onHead?(self, name(handle))
    }
    override func data(_ handle: Int32, _ bytes: Span<UInt8>) {
        // Torn input tells data in more pieces.
        if let last = calls.last, last.hasPrefix("data \(name(handle)) ") {
            calls[calls.count - 1] += bytes.text
        } else {
            calls.append("data \(name(handle)) \(bytes.text)")
        }
        consume(handle, bytes.count)
    }
    override func streamEnded(_ handle: Int32) { calls.append("end \(name(handle))") }
    override func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        calls.append("broken \(name(handle)) \(code.text) \(byPeer)")
        forget(handle)
    }

    override func send(_ handle: Int32, atMost limit: Int, to queue: OutputQueue) -> Sent {
        guard var answer = answers[name(handle)] else { return .nothing }
        if !answer.isHeadSent {
            answer.isHeadSent = true
            answers[name(handle)] = answer
            let size = answer.fields.reduce(0) { $0 + $1.0.utf8.count + $1.1.count + 20 }
            let taken = writeHead(size: size, handle, endsStream: answer.body == nil, to: queue) { bytes in
                for (name, value) in answer.fields { encoder.append(named: name.utf8Span.span, value.span, bytes) }
            }
            sent.append(taken)
        }
        guard let body = answer.body else { return .nothing }
        if limit == 0, !body.isEmpty { return .blocked }
        let count = body.offer(atMost: limit, kernel: loop.kernel, to: queue).count
        let isLast = body.isLast && count == body.count
        if count == 0, !isLast { return .nothing }
        body.write(
            HTTP2FrameHead(length: count, kind: 0, flags: isLast ? 1 : 0, stream: states[handle].id), to: queue, releasing: loop)
        return .body(count, endsStream: isLast)
    }

    /// Feeds bytes, so many at a time.
    func feed(_ bytes: [UInt8], step: Int = .max) {
        var start = 0
        while start < bytes.count {
            let end = min(start + min(step, bytes.count), bytes.count)
            receive(bytes.span.extracting(start..<end), second: 1)
            start = end
        }
    }

    func answer(_ name: Int32, body: [UInt8]? = nil, fields: [(String, [UInt8])] = []) {
        var answer = Answer()
        answer.fields += fields
        if let body {
            let buffer = Buffer(capacity: body.count)
            buffer.append(body.span)
            let made = HTTP2Body()
            made.append(.shared(buffer, 0..<buffer.count))
            made.isLast = true
            answer.body = made
        }
        answers[name] = answer
        schedule(handle(name))
    }

    /// All that is to be sent, or as much of it as `bound` lets be queued.
    func take(bound: Int = .max) -> [UInt8] {
        if bound == .max {
            while wantsToSend {
                let before = queue.size
                makeFrames(into: queue, bound: before + 100_000)
                if queue.size == before { break }
            }
        } else {
            makeFrames(into: queue, bound: bound)
        }
        queue.sealTail()
        var bytes: [UInt8] = []
        while !queue.isSent {
            let piece = queue.pieces[queue.first]
            if let (buffer, range) = piece.buffer { bytes += Array(copying: buffer.span(range)) }
            queue.advance(by: piece.count)
        }
        return bytes
    }
}
