@testable import ApusServer
@testable import Simulation

/// Reads the requests that come to an application in HTTP/2, one at a time, as text in HTTP/1; and puts answers into frames.
final class HTTP2Requests: HTTP2Server {
    private var lines: [String] = []
    private var fields: [String] = []
    private var body: [UInt8] = []
    private var stream: Int32 = 0
    private var hasEnded = true
    private var read = 0

    init() {
        var limits = HTTP2Limits()
        limits.window = Int(Int32.max)
        super.init(limits: limits)
    }

    /// Reads what is new of the bytes that came since the last request; tells whether another is complete.
    func isComplete(_ bytes: [UInt8]) -> Bool {
        if read < bytes.count { receive(bytes.span.extracting(read..<bytes.count), second: 1) }
        read = bytes.count
        return !lines.isEmpty && hasEnded
    }

    func take() -> (stream: Int32, request: [UInt8]) {
        var head = lines
        if !body.isEmpty || !lines.contains(where: { $0.hasPrefix("content-length") }) {
            head.append("content-length: \(body.count)")
        }
        let request = Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
        lines = []
        body = []
        read = 0
        return (stream, request)
    }

    override func streamBegan(_ handle: Int32, id: Int32, endsStream: Bool) -> Bool {
        stream = id
        hasEnded = false
        fields = []
        return true
    }

    override func fieldsCame(_ handle: Int32, _ block: Span<UInt8>, _ position: inout Int) {
        let bytes = Buffer()
        func text(_ range: Range<Int>) -> String { String(decoding: Array(copying: bytes.span(range)), as: UTF8.self) }
        while nextField(block, &position, into: bytes) {
            let field = decoder.field
            fields.append(text(field.start..<field.middle) + ": " + text(field.middle..<field.end))
        }
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        func value(_ name: String) -> Substring {
            fields.first { $0.hasPrefix(name) }?.dropFirst(name.utf8.count + 2) ?? ""
        }
        lines = ["\(value(":method")) \(value(":path")) HTTP/2.0"] + fields.filter { !$0.hasPrefix(":") }
        hasEnded = endsStream
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>) { body += Array(copying: bytes) }
    override func streamEnded(_ handle: Int32) { hasEnded = true }
    override func streamBroken(_ handle: Int32, _ code: HTTP2Code, byPeer: Bool) {
        // Nobody waits for the answer any more.
        if byPeer { lines = [] }
    }

    // MARK: - Answers

    private static func frame(_ kind: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        var bytes = [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), kind, flags]
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: stream >> shift)) }
        return bytes + payload
    }

    /// Settings, with windows that let as much come as the client wants to send.
    static let beginning =
        frame(4, flags: 0, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]) + frame(8, [0x7F, 0xFF, 0, 0]) + frame(4, flags: 1)

    private static func block(_ fields: [(String, String)]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, value) in fields {
            bytes += [0, UInt8(name.utf8.count)]
            bytes += name.utf8
            bytes.append(UInt8(value.utf8.count))
            bytes += value.utf8
        }
        return bytes
    }

    private static func fields(of lines: [String]) -> [(String, String)] {
        lines.compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0] != "Transfer-Encoding" else { return nil }
            return (parts[0].lowercased(), String(parts[1].drop { $0 == " " }))
        }
    }

    /// Answers in HTTP/1, those in between and the last, as frames of a stream.
    static func frames(of answers: [UInt8], on stream: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        for answer in Answer.all(in: answers) { bytes += frames(of: answer, on: stream) }
        return bytes
    }

    private static func frames(of answer: Answer, on stream: Int32) -> [UInt8] {
        let trailer = "trailer "
        let trailers = fields(of: answer.head.filter { $0.hasPrefix(trailer) }.map { String($0.dropFirst(trailer.count)) })
        let head = [(":status", "\(answer.status)")] + fields(of: answer.head.filter { !$0.hasPrefix(trailer) })
        let hasMore = !answer.body.isEmpty || !trailers.isEmpty || answer.status < 200
        var bytes = frame(1, flags: hasMore ? 4 : 5, stream: stream, block(head))
        for start in stride(from: 0, to: answer.body.count, by: 16_384) {
            let end = min(start + 16_384, answer.body.count)
            let ends = end == answer.body.count && trailers.isEmpty
            bytes += frame(0, flags: ends ? 1 : 0, stream: stream, Array(answer.body[start..<end]))
        }
        if !trailers.isEmpty { bytes += frame(1, flags: 5, stream: stream, block(trailers)) }
        return bytes
    }
}

extension ScriptedPeer.Step {
    /// Goes on when so many streams are over, or none can be any more.
    static func wait(streams count: Int) -> Self {
        var ended = 0
        var position = 0
        // A script may be played by several peers.
        weak var counted: ScriptedPeer?
        return .wait { peer in
            if counted !== peer { (ended, position) = (0, 0) }
            counted = peer
            let bytes = peer.received
            while bytes.count - position >= 9 {
                let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
                guard bytes.count - position >= 9 + length else { break }
                let (kind, flags) = (bytes[position + 3], bytes[position + 4])
                if kind <= 1 && flags & 1 != 0 || kind == 3 { ended += 1 }
                position += 9 + length
            }
            return peer.isOver || ended >= count
        }
    }
}
