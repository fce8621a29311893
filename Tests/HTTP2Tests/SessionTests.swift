import Testing

@testable import ApusServer

/// The machine of a server: what it is told for which bytes, and what it sends.
@Suite struct SessionTests {
    @Test func aServerSaysWhatItTakes() {
        let server = RecordingServer()
        let bytes = server.take()
        #expect(Frame.list(bytes) == ["SETTINGS 0 0", "WINDOW 0 0"])
        // MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE; the connection's window is as wide as it can be.
        #expect(Array(bytes[9..<27]) == [0, 3, 0, 0, 0, 128, 0, 4, 0, 1, 0, 0, 0, 5, 0, 255, 255, 255])
        #expect(Array(bytes[36..<40]) == [0x7F, 0xFF, 0, 0])
    }

    private static let conversation =
        Frame.beginning + Frame.settingsAcknowledgement + Frame.get(1, "/a")
        + Frame.headers(3, [(":method", "POST"), ("x", "y")], ends: false)
        + Frame.make(1, flags: 1, stream: 5, Frame.block([(":method", "GET")]))
        + Frame.make(9, flags: 4, stream: 5, Frame.block([("c", "d")]))
        + Frame.make(0, flags: 8, stream: 3, [2] + Array("hello".utf8) + [0, 0])
        + Frame.data(3, Array(" world".utf8))
        + Frame.make(1, flags: 5, stream: 3, Frame.block([("t", "u")]))
        + Frame.make(6, stream: 0, Array("12345678".utf8)) + Frame.make(0x20, stream: 0, [1, 2, 3])
        + Frame.headers(7, [(":method", "PUT")], ends: false) + Frame.data(7, [], ends: true)
        + Frame.get(9) + Frame.reset(9)

    private static let told = [
        "head 0 :method=GET :scheme=http :path=/a :authority=a.test true",
        "head 1 :method=POST x=y false", "head 2 :method=GET c=d true", "data 1 hello world",
        "end 1", "head 3 :method=PUT false", "end 3",
        "head 4 :method=GET :scheme=http :path=/ :authority=a.test true", "broken 4 CANCEL true",
    ]

    @Test func whatIsToldDoesNotDependOnHowBytesAreTorn() {
        for step in 1...Self.conversation.count {
            let server = RecordingServer()
            server.feed(Self.conversation, step: step)
            #expect(server.calls == Self.told, "in steps of \(step)")
            let sent = Frame.list(server.take())
            #expect(sent == ["SETTINGS 0 1", "PING 0 1", "SETTINGS 0 0", "WINDOW 0 0"] || sent.sorted() == [
                "PING 0 1", "SETTINGS 0 0", "SETTINGS 0 1", "WINDOW 0 0",
            ])
        }
    }

    @Test func answersOfAllStreamsLeaveTogether() {
        let server = RecordingServer()
        server.feed(Frame.beginning + (0..<30).flatMap { Frame.get($0 * 2 + 1) })
        _ = server.take()
        for handle in 0..<30 { server.answer(Int32(handle), body: Array("body \(handle)".utf8)) }
        let bytes = server.take()
        for handle in 0..<30 {
            #expect(Frame.body(bytes, of: handle * 2 + 1) == Array("body \(handle)".utf8))
        }
        #expect(Frame.list(bytes).count { $0.hasPrefix("HEADERS") } == 30)
        #expect(server.states.handles.count { server.states[$0].isOver } == 30)
    }

    @Test func anAnswerWithoutBodyEndsItsStreamWithTheHead() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1))
        _ = server.take()
        server.answer(0)
        #expect(Frame.list(server.take()) == ["HEADERS 1 5"])
        #expect(server.states[server.handle(0)].isOver && server.sent.count == 1)
    }

    @Test func aHeadOfManyFramesIsJoinedAsFarAsThePeerTakesLongOnes() {
        for (size, frames) in [(16_384, 3), (65_536, 1)] {
            let server = RecordingServer()
            let setting = [0, 5] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
            server.feed(Frame.preface + Frame.make(4, stream: 0, setting) + Frame.get(1))
            _ = server.take()
            // Bytes that Huffman's code would make longer stay as they are.
            server.answer(0, fields: [("x", [UInt8](repeating: 0xFF, count: 40_000))])
            let list = Frame.list(server.take())
            #expect(list.count == frames)
            #expect(list[0].hasPrefix("HEADERS 1"))
            #expect(list.dropFirst().allSatisfy { $0.hasPrefix("CONTINUATION 1") })
        }
    }

    /// Priorities of streams that do not exist yet, as Firefox sends them, hold when these are opened, whoever is first.
    @Test(arguments: [(first: 1, second: 3), (first: 3, second: 1)])
    func aStreamWaitsForTheOneThatItWasAnnouncedToDependOn(_ order: (first: Int, second: Int)) {
        let server = RecordingServer()
        let parent = UInt8(order.first)
        server.feed(
            Frame.beginning + Frame.windowUpdate(0, 1_000_000) + Frame.make(2, stream: 5, [0, 0, 0, 0, 15])
                + Frame.make(2, stream: order.first, [0, 0, 0, 5, 15]) + Frame.make(2, stream: order.second, [0, 0, 0, parent, 15])
                + Frame.get(1) + Frame.get(3))
        _ = server.take()
        server.answer(0, body: [UInt8](repeating: 1, count: 40_000))
        server.answer(1, body: [UInt8](repeating: 2, count: 40_000))
        let frames = Frame.list(server.take()).filter { $0.hasPrefix("DATA") }.compactMap { Int($0.split(separator: " ")[1]) }
        #expect(frames.sorted { $0 == order.first && $1 != order.first } == frames && Set(frames) == [1, 3], "\(frames)")
    }

    /// A tree as deep as it can be, loops, and who is forgotten.
    @Test func prioritiesAreBounded() {
        let priorities = HTTP2Priorities()
        for stream in stride(from: Int32(1), to: 4_001, by: 2) {
            _ = priorities.set(
                stream, isOpen: stream % 4 == 1, dependsOn: stream % 40 == 1 ? stream : stream * 7_919 % (stream / 2 + 1), parentIsOpen: stream % 3 == 0,
                isExclusive: stream % 5 == 0, weight: Int(stream % 256) + 1)
            let node = priorities.find(stream)
            if stream % 8 == 1, node >= 0 { priorities.close(node) }
        }
        let known = (Int32(1)...4_000).filter { priorities.find($0) >= 0 }
        #expect(known.count <= 256 && known.count > 32)
        for stream in known { #expect(priorities.place(of: priorities.find(stream)).depth <= 64) }
    }

    @Test func aHeadThatIsLongerThanWasThoughtIsCutIntoFrames() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1))
        _ = server.take()
        let value = [UInt8](repeating: 0xFF, count: 40_000)
        let size = server.writeHead(size: 100, server.handle(0), endsStream: true, to: server.queue) {
            server.encoder.append(named: "x".utf8Span.span, value.span, $0)
        }
        let bytes = server.take()
        #expect(bytes.count == size)
        #expect(Frame.list(bytes) == ["HEADERS 1 1", "CONTINUATION 1 0", "CONTINUATION 1 4"])
    }

    @Test func interimHeadsGoBeforeTheHead() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1))
        _ = server.take()
        let fields = HeaderList()
        fields.append(.link, "</a.css>" as StaticString)
        server.answer(0, body: [1])
        server.sendInterimHead(server.handle(0), Status(rawValue: 103), fields)
        let bytes = server.take()
        #expect(Frame.list(bytes) == ["HEADERS 1 4", "HEADERS 1 4", "DATA 1 1"])
        let length = Int(bytes[2])
        #expect(decodeBlock(newDecoder(), Array(bytes[9..<9 + length])).fields == [":status: 103", "link: </a.css>"])
    }

    /// Frames that are answered, of a client that does not read.
    @Test func answersThatNobodyReadsAreBounded() {
        for frame in [Frame.settings, Frame.make(6, stream: 0, Array("12345678".utf8))] {
            let server = RecordingServer()
            server.feed(Frame.beginning + (0..<20_000).flatMap { _ in frame }, step: 16_384)
            #expect(server.error == .enhanceYourCalm && server.control.count < 70_000)
            let list = Frame.list(server.take())
            #expect(list.last == "GOAWAY=11 0 0" && list.count { $0.hasPrefix("GOAWAY") } == 1)
        }
    }

    @Test func streamsTakeTurns() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.windowUpdate(0, 1 << 30) + Frame.get(1) + Frame.get(3) + Frame.get(5))
        _ = server.take()
        for name in Int32(0)..<3 { server.answer(name, body: [UInt8](repeating: 1, count: 40_000)) }
        var order: [Character] = []
        while server.wantsToSend {
            order += Frame.list(server.take(bound: 20_000)).filter { $0.hasPrefix("DATA") }.map { $0[$0.index($0.startIndex, offsetBy: 5)] }
        }
        #expect(String(order) == "135135135")
    }

    @Test func noMoreIsQueuedThanIsAskedFor() {
        let server = RecordingServer()
        server.feed(
            Frame.beginning + Frame.windowUpdate(0, 1 << 30) + Frame.get(1) + Frame.windowUpdate(1, 1 << 30))
        _ = server.take()
        let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        server.answer(0, body: body)
        var got: [UInt8] = []
        var rounds = 0
        while server.wantsToSend {
            let bytes = server.take(bound: 50_000)
            #expect(bytes.count <= 50_000 + 16_384 + 9)
            got += Frame.body(bytes, of: 1)
            rounds += 1
        }
        #expect(got == body)
        #expect(rounds >= 14)
    }

    @Test func aBodyWaitsForItsWindow() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1))
        _ = server.take()
        server.answer(0, body: [UInt8](repeating: 1, count: 100_000))
        #expect(Frame.body(server.take(), of: 1).count == 65_535)
        #expect(!server.wantsToSend)
        server.feed(Frame.windowUpdate(1, 10))
        #expect(!server.wantsToSend)
        server.feed(Frame.windowUpdate(0, 100))
        #expect(Frame.body(server.take(), of: 1).count == 10)
    }

    @Test func aClientThatDoesNotBeginWithSettingsIsServed() {
        for step in [1, 7, Int.max] {
            let server = RecordingServer()
            server.feed(Frame.preface + Frame.settingsAcknowledgement + Frame.get(1), step: step)
            #expect(server.calls.count == 1)
            // The settings that were made up are not acknowledged.
            #expect(Frame.list(server.take()).filter { $0 == "SETTINGS 0 1" } == [])
        }
    }

    @Test func whatAClientOfNghttp2SendsIsUnderstood() {
        let server = RecordingServer()
        let client = HTTP2Session()
        let queue = OutputQueue(small: server.loop.buffers, large: server.loop.largeBuffers, departed: server.loop.departed)
        let block = HTTP2FieldBlock()
        for (name, value) in [(":method", "GET"), (":path", "/"), (":scheme", "http")] {
            block.append(named: name.utf8Span.span, value.utf8Span.span)
        }
        #expect(client.sendRequest(0, block, endsStream: true) == 1)
        client.makeFrames(into: queue, bound: .max)
        queue.sealTail()
        while !queue.isSent {
            let piece = queue.pieces[queue.first]
            if let (buffer, range) = piece.buffer { server.feed(Array(copying: buffer.span(range))) }
            queue.advance(by: piece.count)
        }
        #expect(server.calls == ["head 0 :method=GET :path=/ :scheme=http true"])
    }
}
