import Testing

@testable import ApusServer

/// An upstream's side of a connection, played by frames; what its client's session made of them is written down.
private final class Conversation {
    let loop: EventLoop
    private let endpoint: Endpoint
    let session: HTTP2ClientSession
    let queue: OutputQueue
    let head = ResponseHead()
    let trailers = ResponseHead()
    var steps: [String] = []

    init(fields: [(String, String)] = [(":method", "GET")], hasBody: Bool = false, limit: Int = 4_096) throws {
        loop = try EventLoop()
        endpoint = Endpoint(loop: loop, descriptor: -1)
        session = HTTP2ClientSession(of: endpoint)
        queue = OutputQueue(small: loop.buffers, large: loop.largeBuffers, departed: loop.departed)
        #expect(begin(fields: fields, hasBody: hasBody, limit: limit))
        _ = take()
    }

    func begin(
        fields: [(String, String)] = [(":method", "GET")], hasBody: Bool = false, limit: Int = 4_096
    ) -> Bool {
        let block = HTTP2FieldBlock()
        for (name, value) in fields { block.append(named: name.utf8Span.span, value.utf8Span.span) }
        head.reset()
        head.bytes.removeAll()
        return session.begin(
            block, hasBody: hasBody,
            .init(head: head, trailerBytes: trailers.bytes, trailerFields: trailers.fields, limit: limit))
    }

    func take(bound: Int = .max) -> [UInt8] {
        session.makeFrames(into: queue, bound: bound)
        queue.sealTail()
        var bytes: [UInt8] = []
        while !queue.isSent {
            let piece = queue.pieces[queue.first]
            if let (buffer, range) = piece.buffer { bytes += Array(copying: buffer.span(range)) }
            queue.advance(by: piece.count)
        }
        return bytes
    }

    /// Feeds bytes, so many at a time, and writes down what the session says.
    func feed(_ bytes: [UInt8], step: Int = .max) {
        var start = 0
        while start < bytes.count {
            let end = start + min(step, bytes.count - start)
            read(Array(bytes[start..<end]))
            start = end
        }
    }

    /// Whether the connection is of use after what came while nothing was asked.
    func staysIdle(_ bytes: [UInt8]) -> Bool { session.receiveIdle(bytes.span) }

    private func read(_ bytes: [UInt8]) {
        var position = 0
        while true {
            switch session.next(bytes.span, from: &position) {
            case .needMore: return
            case .head:
                steps.append("head \(Self.text(of: head))")
                if head.status.code >= 200 {
                    session.expectBody(head.contentLength)
                    if session.isAnswerComplete { return note("end") }
                } else {
                    head.reset()
                    head.bytes.removeAll()
                    session.beginHead()
                }
            case .data(let range):
                let text = bytes.span.extracting(range).text
                // Torn input brings data in more pieces.
                if let last = steps.last, last.hasPrefix("data ") {
                    steps[steps.count - 1] += text
                } else {
                    steps.append("data \(text)")
                }
            case .end:
                return note("end \(Self.fields(of: trailers))")
            case .failed:
                let line = Buffer(capacity: 100)
                session.fault?.appendMessage(to: line, head: head)
                return note("failed: \(line.span.text)")
            }
        }
    }

    private func note(_ step: String) {
        if steps.last != step { steps.append(step) }
    }

    private static func text(of head: ResponseHead) -> String { "\(head.status.code) \(fields(of: head))" }

    private static func fields(of head: ResponseHead) -> String {
        let bytes = head.bytes
        return head.fields.indices.map {
            bytes.span(head.fields[$0].nameRange).text + "=" + bytes.span(head.fields[$0].valueRange).text
        }.joined(separator: " ")
    }

    static func headers(_ stream: Int, _ fields: [(String, String)], ends: Bool = false) -> [UInt8] {
        Frame.headers(stream, fields, ends: ends)
    }
}

@Suite struct ClientSessionTests {
    private let answer =
        Frame.settings + Conversation.headers(1, [(":status", "103"), ("link", "a")])
        + Conversation.headers(1, [(":status", "200"), ("content-type", "text/plain"), ("x", "1")])
        + Frame.make(6, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8]) + Frame.data(1, Array("one ".utf8))
        + Frame.make(0, flags: 8, stream: 1, [3] + Array("two".utf8) + [0, 0, 0]) + Frame.data(1, [])
        + Conversation.headers(1, [("t", "9")], ends: true) + Frame.windowUpdate(0, 10)

    @Test func anAnswerIsTheSameHoweverItIsTorn() throws {
        for step in 1...answer.count {
            let talk = try Conversation()
            talk.feed(answer, step: step)
            #expect(
                talk.steps == [
                    "head 103 link=a", "head 200 content-type=text/plain x=1", "data one two", "end t=9",
                ], "torn at every \(step)")
            #expect(talk.session.isReusable)
            #expect(Frame.list(talk.take()).contains("PING 0 1"))
        }
    }

    @Test func aConnectionServesOneRequestAfterTheOther() throws {
        let talk = try Conversation()
        talk.feed(Frame.settings)
        for stream in [1, 3, 5] {
            talk.steps = []
            talk.feed(Conversation.headers(stream, [(":status", "204")], ends: true))
            #expect(talk.steps == ["head 204 ", "end"])
            #expect(talk.session.isReusable)
            talk.session.finish()
            #expect(talk.staysIdle(Frame.settings))
            #expect(talk.begin())
            #expect(Frame.list(talk.take()).contains("HEADERS \(stream + 2) 5"))
        }
    }

    @Test func aBodyWaitsForTheUpstreamsWindows() throws {
        let talk = try Conversation(hasBody: true)
        let buffer = Buffer(capacity: 70_000)
        buffer.append(repeating: 7, count: 65_540)
        talk.session.send(.shared(buffer, 0..<buffer.count))
        talk.session.endBody()
        talk.session.bodyGrew()
        #expect(Frame.body(talk.take(), of: 1).count == 65_535)
        #expect(talk.session.body.count == 5)
        #expect(!talk.session.isRequestMade)
        talk.feed(Frame.settings + Frame.windowUpdate(1, 3))
        #expect(Frame.body(talk.take(), of: 1).isEmpty)
        talk.feed(Frame.windowUpdate(0, 100))
        #expect(Frame.body(talk.take(), of: 1).count == 3)
        talk.feed(Frame.windowUpdate(1, 100))
        #expect(Frame.list(talk.take()) == ["DATA 1 1"])
        #expect(talk.session.isRequestMade)
    }

    @Test func anAnswerMayComeBeforeTheRequestIsComplete() throws {
        let talk = try Conversation(hasBody: true)
        talk.feed(Frame.settings + Conversation.headers(1, [(":status", "413")], ends: true) + Frame.reset(1, 0))
        #expect(talk.steps == ["head 413 ", "end"])
        #expect(!talk.session.isReusable)
    }

    @Test(arguments: [
        (Frame.headers(1, [("x", "1")], ends: false), "upstream sent no :status header"),
        (Frame.headers(1, [(":status", "200"), (":status", "200")]), "upstream sent duplicate :status header"),
        (Frame.headers(1, [(":status", "2000")]), "upstream sent invalid :status \"2000\""),
        (Frame.headers(1, [(":status", "2x0")]), "upstream sent invalid :status \"2x0\""),
        (Frame.headers(1, [(":status", "101")]), "upstream sent unexpected :status \"101\""),
        (Frame.headers(1, [(":status", "099")]), "upstream sent unexpected :status \"099\""),
        (Frame.headers(1, [(":path", "/")]), "upstream sent invalid header \":path: /\""),
        (Frame.headers(1, [(":status", "200"), ("X", "1")]), "upstream sent invalid header: \"X: 1\""),
        (Frame.headers(1, [(":status", "200"), ("x", "1\n")]), "upstream sent invalid header: \"x: 1\n\""),
        (
            Frame.headers(1, [(":status", "200"), ("x", String(repeating: "y", count: 5_000))]),
            "upstream sent too large http2 header"
        ),
        (Frame.headers(1, [(":status", "103")]), "upstream prematurely closed stream"),
        (Frame.reset(1, 7), "upstream rejected request with error 7"),
        (Frame.make(7, stream: 0, [0, 0, 0, 0, 0, 0, 0, 1]), "upstream sent goaway with error 1"),
        (
            Frame.make(6, stream: 0, [1]),
            "upstream sent invalid http2: FRAME_SIZE_ERROR"
        ),
        (Frame.make(5, flags: 4, stream: 1, [0, 0, 0, 2]), "upstream sent invalid http2: PROTOCOL_ERROR"),
    ] as [([UInt8], String)])
    func wrongHeadsAreRefused(_ bytes: [UInt8], _ message: String) throws {
        for step in [1, Int.max] {
            let talk = try Conversation()
            talk.feed(Frame.settings + bytes, step: step)
            #expect(talk.steps.count == 1)
            #expect(talk.steps[0].hasPrefix("failed: \(message)"), "\(talk.steps)")
            #expect(!talk.session.isReusable)
        }
    }

    @Test(arguments: [
        (Frame.data(1, Array("12345".utf8)), "upstream sent response body larger than indicated content length"),
        (Frame.data(1, Array("123".utf8), ends: true), "upstream prematurely closed stream"),
        (Frame.headers(1, [("t", "1")], ends: false), "upstream sent trailer without end stream flag"),
        (Frame.headers(1, [(":t", "1")]), "upstream sent invalid trailer \":t: 1\""),
        (Frame.reset(1, 0), "upstream rejected request with error 0"),
    ] as [([UInt8], String)])
    func wrongBodiesAreRefused(_ bytes: [UInt8], _ message: String) throws {
        let talk = try Conversation()
        talk.feed(Frame.settings + Conversation.headers(1, [(":status", "200"), ("content-length", "4")]) + bytes)
        #expect(talk.steps.last == "failed: \(message)", "\(talk.steps)")
    }

    @Test func aGoAwayLetsTheLastRequestCome() throws {
        let talk = try Conversation()
        talk.feed(
            Frame.settings + Frame.make(7, stream: 0, [0, 0, 0, 1, 0, 0, 0, 0])
                + Conversation.headers(1, [(":status", "200")]) + Frame.data(1, Array("x".utf8), ends: true))
        #expect(talk.steps == ["head 200 ", "data x", "end "])
        #expect(!talk.session.isReusable)
        talk.session.finish()
        #expect(!talk.begin())
    }

    @Test func anIdleConnectionEndsWithTheUpstreams() throws {
        let talk = try Conversation()
        talk.feed(Frame.settings + Conversation.headers(1, [(":status", "200")], ends: true))
        talk.session.finish()
        #expect(talk.staysIdle(Frame.windowUpdate(0, 5)))
        #expect(!talk.staysIdle(Frame.make(7, stream: 0, [0, 0, 0, 1, 0, 0, 0, 0])))
    }
}

@Suite struct LenienceTests {
    /// `application/grpc` in Huffman's code, which ends with a whole byte.
    private let coded: [UInt8] = [0x1D, 0x75, 0xD0, 0x62, 0x0D, 0x26, 0x3D, 0x4C, 0x4D, 0x65, 0x64]

    private func block(_ padding: [UInt8]) -> [UInt8] {
        // :status 200, content-type: …, x: y
        [0x88, 0x5F, 0x80 | UInt8(coded.count + padding.count)] + coded + padding + [0, 1, 0x78, 1, 0x79]
    }

    private func answer(_ padding: [UInt8], flags: UInt8 = 5) -> [UInt8] {
        Frame.settings + Frame.make(1, flags: flags, stream: 1, block(padding))
    }

    @Test func aByteOfPaddingIsTaken() throws {
        for padding in [[], [0xFF]] as [[UInt8]] {
            let talk = try Conversation()
            talk.feed(answer(padding))
            #expect(talk.steps == ["head 200 content-type=application/grpc x=y", "end"])
        }
    }

    @Test func moreIsNot() throws {
        let talk = try Conversation()
        talk.feed(answer([0xFF, 0xFF]))
        #expect(talk.steps.count == 1 && talk.steps[0].hasPrefix("failed: upstream sent invalid http2: COMPRESSION"))
    }

    @Test func framesAroundAreLeftAlone() throws {
        let talk = try Conversation()
        let padded = Frame.make(1, flags: 4 | 8 | 32, stream: 1, [2, 0, 0, 0, 0, 9] + block([0xFF]) + [0, 0])
        talk.feed(
            Frame.settings + Frame.make(6, stream: 0, [UInt8](repeating: 0xFF, count: 8)) + padded
                + Frame.data(1, Array("\u{FF}".utf8), ends: true))
        #expect(talk.steps == ["head 200 content-type=application/grpc x=y", "data \u{FF}", "end "])
    }

    @Test func anyBytesMayComeInItsPlace() {
        // Nothing is read beyond the frame, and nothing is taken away but a byte.
        for first in UInt8.min...UInt8.max {
            for flags in [4, 4 | 8, 4 | 32, 4 | 8 | 32] as [UInt8] {
                for rest in [[], [0xFF], [0xFF, 0xFF], [0xFF, 0x80, 0xFF], [0x81, 0xFF]] as [[UInt8]] {
                    let frame = Frame.make(1, flags: flags, stream: 1, [first] + rest)
                    guard let (range, mended) = HTTP2Lenience.firstMended(in: frame.span, from: 0) else { continue }
                    #expect(range == 0..<frame.count && mended.count == frame.count - 1)
                }
            }
        }
    }
}
