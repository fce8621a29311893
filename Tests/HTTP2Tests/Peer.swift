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

/// A server's session that writes down what it is told and answers from what it is given.
final class RecordingServer: HTTP2Session {
    var calls: [String] = []
    var heads: [Int32: [String]] = [:]
    var bodies: [Int32: HTTP2Body] = [:]
    var trailerBlock: HTTP2FieldBlock?
    var refuses = false
    /// What was told of fields that left.
    var sent: [String] = []
    var onHead: ((RecordingServer, Int32) -> Void)?
    let queue: OutputQueue
    let loop: EventLoop

    init(limits: Limits = Limits()) throws {
        loop = try EventLoop()
        queue = OutputQueue(small: loop.buffers, large: loop.largeBuffers)
        super.init(role: .server, limits: limits)
    }

    override func streamBegan(_ id: Int32, endsStream: Bool) -> Int32? { refuses ? nil : id / 2 }
    override func headBegan(_ handle: Int32) { heads[handle] = [] }
    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        heads[handle]?.append("\(name.text)=\(value.text)")
    }
    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        calls.append("head \(handle) \(heads[handle]?.joined(separator: " ") ?? "") \(endsStream)")
        onHead?(self, handle)
    }
    override func trailersEnded(_ handle: Int32) {
        calls.append("trailers \(handle)")
    }
    override func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {
        // Torn input tells data in more pieces.
        if let last = calls.last, last.hasPrefix("data \(handle) ") {
            calls[calls.count - 1] += bytes.text
        } else {
            calls.append("data \(handle) \(bytes.text)")
        }
        consume(handle * 2 + 1, bytes.count)
    }
    override func streamEnded(_ handle: Int32) { calls.append("end \(handle)") }
    override func streamClosed(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        calls.append("closed \(handle) \(code.text) \(byPeer)")
    }
    override func goAwayReceived(last: Int32, _ code: HTTP2Code) { calls.append("goaway \(last) \(code.text)") }

    override func offer(_ handle: Int32, stream id: Int32, atMost limit: Int, to queue: OutputQueue) -> Offer {
        guard let body = bodies[handle] else { return .nothing }
        let count = body.offer(atMost: limit, kernel: loop.kernel, to: queue).count
        let isLast = body.isLast && count == body.count
        return count == 0 && !isLast ? .nothing : .bytes(count, isLast: isLast)
    }
    override func trailers(_ handle: Int32) -> HTTP2FieldBlock? { trailerBlock }
    override func fieldsSent(_ handle: Int32, _ count: Int, endsStream: Bool) {
        sent.append("\(handle) \(count) \(endsStream)")
    }
    override func writeBody(
        _ handle: Int32, _ frameHead: Span<UInt8>, _ count: Int, endsStream: Bool, to queue: OutputQueue
    ) {
        bodies[handle]?.write(frameHead, count, to: queue, releasing: loop)
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

    func answer(_ handle: Int32, status: String = "200", body: [UInt8]? = nil) {
        let block = HTTP2FieldBlock()
        block.append(":status", status.utf8Span.span)
        if let body {
            let buffer = Buffer(capacity: body.count)
            buffer.append(body.span)
            let made = HTTP2Body()
            made.append(.shared(buffer, 0..<buffer.count))
            made.isLast = true
            bodies[handle] = made
        }
        sendHead(handle, stream: handle * 2 + 1, block, endsStream: body == nil, into: queue)
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
