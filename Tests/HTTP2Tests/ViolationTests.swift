import Testing

@testable import ApusServer

/// What breaks the protocol's rules ends the stream or the connection with the right code, and leaves the rest alone.
@Suite struct ViolationTests {
    @Test(arguments: Violation.all)
    fileprivate func endTheConnection(_ violation: Violation) {
        let (bytes, code) = (violation.bytes, violation.code)
        for step in [1, Int.max] {
            let server = RecordingServer()
            server.feed(Frame.beginning + Frame.settingsAcknowledgement + bytes, step: step)
            let list = Frame.list(server.take())
            #expect(list.contains { $0.hasPrefix("GOAWAY") })
            #expect(server.error.text.description == code)
            #expect(server.isFinished)
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", "PRX"])
    func anInvalidPrefaceEndsTheConnection(_ text: String) {
        let server = RecordingServer()
        server.feed(Array(text.utf8), step: 1)
        #expect(server.error == .protocolError)
    }

    @Test func headersOnAClosedStreamEndTheConnection() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(3))
        server.answer(1)
        _ = server.take()
        server.feed(Frame.get(1))
        #expect(Frame.list(server.take()) == ["GOAWAY=1 0 0"])
    }

    @Test func trailersOfAStreamThatWasBrokenOffFromHereArePassedOver() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1, ends: false))
        server.reset(server.handle(0), .noError)
        server.forget(server.handle(0))
        _ = server.take()
        server.feed(Frame.data(1, [1, 2, 3]) + Frame.headers(1, [("t", "u")]) + Frame.get(3))
        #expect(server.calls.last == "head 1 :method=GET :scheme=http :path=/ :authority=a.test true")
        #expect(server.error == .noError)
    }

    @Test func aRefusedStreamLeavesTheOthersAlone() {
        let server = RecordingServer()
        server.feed(Frame.beginning + Frame.get(1))
        server.refuses = true
        server.feed(Frame.headers(3, [("x", "y")]))
        server.refuses = false
        server.feed(Frame.get(5))
        #expect(server.calls.map { $0.prefix(6) } == ["head 0", "head 2"])
        #expect(Frame.list(server.take()).contains("RST=7 3 0"))
    }

    @Test func dataBeyondTheWindowEndTheStream() {
        var limits = HTTP2Limits()
        limits.window = 100
        let server = RecordingServer(limits: limits)
        _ = server.take()
        server.feed(Frame.beginning + Frame.settingsAcknowledgement + Frame.get(1, ends: false))
        server.feed(Frame.data(1, [UInt8](repeating: 0, count: 101)))
        #expect(Frame.list(server.take()).contains("RST=3 1 0"))
        #expect(server.calls.contains("broken 0 FLOW_CONTROL_ERROR false"))
        #expect(server.error == .noError)
    }
}

/// Frames, and the code that they end the connection with.
private struct Violation: Sendable {
    let bytes: [UInt8]
    let code: String

    init(_ bytes: [UInt8], _ code: String) {
        self.bytes = bytes
        self.code = code
    }

    static let all: [Violation] = [
        Violation(Frame.make(0, stream: 0, [1]), "PROTOCOL_ERROR"), Violation(Frame.make(0, stream: 1, [1]), "PROTOCOL_ERROR"),
        Violation(Frame.make(1, flags: 4, stream: 0, [0x82]), "PROTOCOL_ERROR"),
        Violation(Frame.make(1, flags: 5, stream: 2, [0x82]), "PROTOCOL_ERROR"),
        Violation(Frame.make(1, flags: 5, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), "COMPRESSION_ERROR"),
        Violation(Frame.make(1, flags: 5, stream: 1, [0x80]), "COMPRESSION_ERROR"),
        Violation(Frame.make(1, flags: 1, stream: 1, [0x82]) + Frame.data(1, []), "PROTOCOL_ERROR"),
        Violation(Frame.make(2, stream: 1, [0, 0, 0, 0]), "FRAME_SIZE_ERROR"),
        Violation(Frame.make(3, stream: 0, [0, 0, 0, 0]), "PROTOCOL_ERROR"),
        Violation(Frame.make(3, stream: 1, [0, 0, 0, 0]), "PROTOCOL_ERROR"),
        Violation(Frame.make(4, stream: 1), "PROTOCOL_ERROR"), Violation(Frame.make(4, stream: 0, [0]), "FRAME_SIZE_ERROR"),
        Violation(Frame.make(4, stream: 0, [0, 4, 0xFF, 0, 0, 0]), "FLOW_CONTROL_ERROR"),
        Violation(Frame.make(5, stream: 1, [0, 0, 0, 2]), "PROTOCOL_ERROR"),
        Violation(Frame.make(6, stream: 0, [0]), "FRAME_SIZE_ERROR"), Violation(Frame.make(7, stream: 0, [0]), "FRAME_SIZE_ERROR"),
        Violation(Frame.make(7, stream: 0, [UInt8](repeating: 0, count: 2_000)), "ENHANCE_YOUR_CALM"),
        Violation(Frame.windowUpdate(0, 0), "PROTOCOL_ERROR"), Violation(Frame.windowUpdate(0, 0x7FFF_FFFF), "FLOW_CONTROL_ERROR"),
        Violation(Frame.make(9, stream: 1), "PROTOCOL_ERROR"),
        Violation(Frame.headers(1, [("", "x")]), "PROTOCOL_ERROR"),
        Violation(Frame.headers(1, [("x", String(repeating: "y", count: 8_193))]), "ENHANCE_YOUR_CALM"),
        Violation(Frame.headers(1, (0..<5).map { ("x\($0)", String(repeating: "y", count: 8_000)) }), "ENHANCE_YOUR_CALM"),
    ]
}
