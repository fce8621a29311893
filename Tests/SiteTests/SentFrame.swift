@testable import ApusServer

/// Frames of HTTP/2 as a client writes them, as text: all their bytes are ASCII, so that a script can send and tear them like
/// any request.
enum SentFrame {
    /// The preface, and settings under which the server may send as much as it wants.
    static let beginning =
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + make(4, stream: 0, "\0\u{4}\u{7F}\u{7F}\u{7F}\u{7F}")
        + make(8, stream: 0, "\u{7F}\0\0\0")

    static func make(_ kind: UInt8, flags: UInt8 = 0, stream: UInt8, _ payload: String = "") -> String {
        precondition(payload.utf8.count < 128 && stream < 128, "a length or a number that is no text")
        return "\0\0" + text([UInt8(payload.utf8.count), kind, flags, 0, 0, 0, stream]) + payload
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// Fields, none of them indexed or coded; what does not fit into a frame is continued in others.
    static func headers(_ stream: UInt8, _ fields: [(String, String)], ends: Bool = true) -> String {
        let block = fields.map { "\0" + string($0) + string($1) }.joined()
        var rest = block[...]
        var frames = ""
        while true {
            let part = rest.prefix(100)
            rest = rest.dropFirst(100)
            let isFirst = frames.isEmpty
            frames += make(
                isFirst ? 1 : 9, flags: (rest.isEmpty ? 4 : 0) | (isFirst && ends ? 1 : 0), stream: stream, String(part))
            if rest.isEmpty { return frames }
        }
    }

    private static func string(_ value: String) -> String {
        precondition(value.utf8.count < 127, "a length of more than a byte")
        return text([UInt8(value.utf8.count)]) + value
    }

    static func request(
        _ stream: UInt8, _ method: String, _ path: String, _ fields: [(String, String)] = [], ends: Bool = true
    ) -> String {
        headers(
            stream,
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a")] + fields, ends: ends)
    }

    /// A body in small frames, the last of which ends the stream.
    static func data(_ stream: UInt8, _ body: String, ends: Bool = true) -> String {
        var rest = body[...]
        var frames = ""
        repeat {
            let part = rest.prefix(120)
            rest = rest.dropFirst(120)
            frames += make(0, flags: rest.isEmpty && ends ? 1 : 0, stream: stream, String(part))
        } while !rest.isEmpty
        return frames
    }
}

/// Reads what an HTTP/2 server has sent, with a library that the server is not made with.
final class HTTP2Answers: HTTP2Session {
    private var answers: [Answer] = []
    private var lines: [String] = []

    private init(streams: Int) {
        var limits = HTTP2Limits()
        limits.window = Int(Int32.max)
        limits.head = 1_048_576
        limits.field = 1_048_576
        answers = Array(repeating: Answer(), count: streams)
        super.init(limits: limits)
        let block = HTTP2FieldBlock()
        block.append(":method", "GET" as StaticString)
        for handle in 0..<streams { _ = sendRequest(Int32(handle), block, endsStream: true) }
        let queue = OutputQueue(small: BufferPool(size: 4_096, bound: 4), large: BufferPool(size: 32_768, bound: 4), departed: List())
        makeFrames(into: queue, bound: .max)
    }

    /// The answers on streams 1, 3, and so on; the last ones that nothing came of are left out.
    static func all(in bytes: [UInt8], streams: Int) -> [Answer] {
        let reader = HTTP2Answers(streams: streams)
        var position = 0
        // Frame by frame, so that fields are told together with the end of their block.
        while position < bytes.count { reader.receiveFrame(in: bytes.span, &position, second: 1) }
        var answers = reader.answers
        while let last = answers.last, last.head.isEmpty { answers.removeLast() }
        return answers
    }

    override func headBegan(_ handle: Int32) { lines = [] }

    override func field(_ handle: Int32, _ name: Span<UInt8>, _ value: Span<UInt8>) {
        let name = String(decoding: Array(copying: name), as: UTF8.self)
        let value = String(decoding: Array(copying: value), as: UTF8.self)
        if name == ":status" { lines.append("HTTP/2 \(value)") } else if name != "date" { lines.append("\(name): \(value)") }
    }

    override func headEnded(_ handle: Int32, size: Int, endsStream: Bool) {
        let index = Int(handle)
        let status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        if answers[index].status >= 200 {
            answers[index].head += lines.map { "trailer " + $0 }
        } else if status >= 200 {
            answers[index].status = status
            answers[index].head += lines
        } else {
            answers[index].head += lines
        }
        if endsStream { answers[index].isComplete = true }
    }

    override func data(_ handle: Int32, _ bytes: Span<UInt8>, at start: Int) {
        answers[Int(handle)].body += Array(copying: bytes)
        consume(handle * 2 + 1, bytes.count)
    }

    override func streamEnded(_ handle: Int32) { answers[Int(handle)].isComplete = true }
}
