import Testing

@testable import ApusServer
@testable import Simulation

/// The loop between the kernel and endpoints whose bytes are protected.
@Suite struct TLSLoopTests {
    @Test(arguments: [TLSProtocols.tls12, .tls13], [UInt64(1), 2, 3])
    func aConnectionTornAtEveryByteCarriesBothDirections(_ version: TLSProtocols, _ seed: UInt64) throws {
        let line = try Line(seed: seed, version) {
            $0.segmentLimit = seed == 1 ? 1 : 50
            $0.shortSends = 0.5
            $0.shufflesEvents = true
            $0.interruptions = 0.2
        }
        let question = pattern(5_000)
        let answer = pattern(9_000)
        line.converse(question: question, answer: answer)
        #expect(line.run { line.client.bytes.count == answer.count })
        #expect(line.server.bytes == question && line.client.bytes == answer)
        #expect(line.server.count("drained") == 1)
        #expect(line.server.bytesSent == answer.count && line.client.bytesSent == question.count)
        line.close()
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func largeDataPassThroughSmallSocketsAndAreDrainedOnce(_ seed: UInt64) throws {
        let line = try Line(seed: seed) {
            $0.socketCapacity = 20_000
            $0.shortSends = 0.2
            $0.latency = 1
        }
        try line.handshake()
        let total = 1_500_000
        let bytes = pattern(total)
        line.loop.send(bytes.span, to: line.server)
        #expect(line.server.isSendBlocked && line.server.hasOutput && line.server.pendingOutput > 1_000_000)
        // What is sealed is bounded: plaintext waits for its turn.
        #expect((line.server.security?.unsentCount ?? 0) <= EventLoop.trainSize + EventLoop.trainOverhead)
        #expect(line.run { line.server.count("drained") == 1 })
        #expect(line.run { line.client.bytes.count == total })
        #expect(line.client.bytes == bytes)
        #expect(line.server.count("drained") == 1)
        #expect(line.server.bytesSent == total && line.server.pendingOutput == 0)
        // Nothing is kept for a connection that is silent.
        #expect(line.server.output == nil && line.server.security?.sealed == nil)
        line.close()
    }

    @Test func onlyTheLastSealedBytesWaitingIsOutputToo() throws {
        let line = try Line { $0.socketCapacity = 5_000 }
        try line.handshake()
        line.loop.pauseReading(line.client)
        line.loop.send(pattern(30_000).span, to: line.server)
        #expect(line.server.isSendBlocked && line.server.hasOutput && line.server.pendingOutput > 20_000)
        #expect(line.server.count("blocked") == 1 && line.server.count("drained") == 0)
        line.loop.resumeReading(line.client)
        #expect(line.run { line.server.count("drained") == 1 })
        #expect(line.run { line.client.bytes == pattern(30_000) })
        line.close()
    }

    @Test func piecesOfAllKindsKeepTheirOrder() throws {
        let line = try Line { $0.socketCapacity = 60_000 }
        try line.handshake()
        let expected = line.queuePieces()
        line.loop.flush(line.server)
        #expect(line.run { line.client.bytes.count >= expected.count })
        #expect(line.client.bytes == expected)
        #expect(line.server.count("drained") == 1)
        line.close()
    }

    @Test func aFileThatBecameShorterEndsTheConnection() throws {
        let line = try Line()
        try line.handshake()
        line.loop.output(of: line.server).append(.file(line.file(pattern(1_000)), 0..<2_000))
        line.loop.flush(line.server)
        #expect(line.server.calls == ["secured", "fileEnded 1000", "failed"])
        line.close()
    }

    @Test func aPauseHoldsPlaintextBack() throws {
        let line = try Line()
        try line.handshake()
        line.loop.pauseReading(line.server)
        line.loop.send(pattern(1_000).span, to: line.client)
        line.kernel.run(line.loop, atMost: 500)
        #expect(line.server.bytes.isEmpty)
        line.loop.resumeReading(line.server)
        #expect(line.run { line.server.bytes == pattern(1_000) })
        line.close()
    }

    @Test func manyRecordsThatCameTogetherAreHandedOutTogether() throws {
        let line = try Line()
        try line.handshake()
        line.loop.pauseReading(line.server)
        for _ in 0..<50 { line.loop.send(pattern(1_000).span, to: line.client) }
        line.kernel.run(line.loop, atMost: 500)
        line.loop.resumeReading(line.server)
        #expect(line.run { line.server.bytes.count == 50_000 })
        #expect(line.server.receivedCounts == [50_000])
        line.close()
    }

    @Test func whoProvokesAnswersWithoutTakingThemIsNotServed() throws {
        let line = try Line(clientIsSecure: false) { $0.socketCapacity = 30_000 }
        line.loop.pauseReading(line.client)
        let security = Talkative(loop: line.loop, endpoint: line.server)
        line.server.security = security
        for _ in 0..<200 where !line.server.calls.contains("failed") {
            _ = line.clientSocket.send(pattern(100), more: false)
            line.kernel.run(line.loop, atMost: 10)
            #expect(security.unsentCount < 200_000)
        }
        #expect(line.server.calls == ["failed"])
        line.close()
    }

    // MARK: - Ends

    @Test func closingTellsThePeer() throws {
        let line = try Line()
        try line.handshake()
        line.loop.send(pattern(10).span, to: line.server)
        line.loop.close(line.server)
        #expect(line.run { line.client.count("peerEnded") == 1 })
        #expect(line.client.bytes == pattern(10))
        #expect(line.client.calls == ["secured", "peerEnded"])
        line.close()
    }

    @Test func endingOurDirectionTellsThePeerAndWhatItStillSendsIsThrownAway() throws {
        let line = try Line()
        try line.handshake()
        #expect(line.loop.shutdownSending(line.server) == 0)
        #expect(line.run { line.client.count("peerEnded") == 1 })
        line.loop.send(pattern(1_000).span, to: line.client)
        line.kernel.run(line.loop, atMost: 500)
        #expect(line.server.bytes.isEmpty && !line.server.isClosed)
        line.close()
    }

    /// An answer has just fitted into the socket, and the connection ends: there is no room for an alert.
    @Test(arguments: [TLSProtocols.tls12, .tls13], [0, 1, 20])
    func theLastWordWaitsUntilAFullSocketHasRoomForIt(_ version: TLSProtocols, _ room: Int) throws {
        let line = try Line(version)
        try line.handshake()
        line.fillSocket(leaving: room)
        line.loop.close(line.server)
        #expect(line.server.isClosed && line.loop.endpointCount == 2)
        line.kernel.run(line.loop, atMost: 2_000)
        #expect(line.loop.endpointCount == 2)
        line.loop.resumeReading(line.client)
        #expect(line.run { line.client.count("peerEnded") == 1 })
        #expect(line.client.bytes == pattern(1_000) && line.clientHasHeardTheEnd)
        #expect(line.run { line.loop.endpointCount == 1 })
        line.close()
    }

    @Test func aPeerThatReadsNothingIsWaitedForThreeSeconds() throws {
        let line = try Line()
        try line.handshake()
        line.fillSocket(leaving: 0)
        line.loop.close(line.server)
        line.loop.stopWhenDelivered()
        line.kernel.run(line.loop, atMost: 2_900)
        #expect(line.loop.endpointCount == 2 && !line.loop.shouldStop)
        line.kernel.run(line.loop, atMost: 200)
        #expect(line.loop.endpointCount == 1 && line.loop.shouldStop)
        line.close()
    }

    @Test func aResetEndsTheWaitingForRoom() throws {
        let line = try Line()
        try line.handshake()
        line.fillSocket(leaving: 0)
        line.loop.close(line.server)
        line.clientSocket.reset()
        #expect(line.kernel.run(line.loop, atMost: 100) { line.loop.endpointCount == 1 })
        line.close()
    }

    @Test func onlySoManySocketsAreHeldForTheLastWord() throws {
        let line = try Line()
        try line.handshake()
        line.fillSocket(leaving: 0)
        line.loop.farewellCount = Farewell.limitForWords
        line.loop.close(line.server)
        #expect(line.loop.endpointCount == 1)
        line.loop.farewellCount = 0
        line.close()
    }

    @Test func endingOurDirectionWaitsUntilAFullSocketHasRoomForTheWord() throws {
        let line = try Line()
        try line.handshake()
        line.fillSocket(leaving: 0)
        #expect(line.loop.shutdownSending(line.server) == 0)
        line.kernel.run(line.loop, atMost: 500)
        line.loop.resumeReading(line.client)
        #expect(line.run { line.client.count("peerEnded") == 1 })
        #expect(line.client.bytes == pattern(1_000) && line.clientHasHeardTheEnd)
        // TCP's own end follows.
        #expect(line.run { line.clientSocket.inputEnded })
        #expect(!line.server.isClosed)
        line.close()
    }

    @Test func anEndWithoutAWordIsAnEnd() throws {
        let line = try Line()
        try line.handshake()
        line.loop.send(pattern(10).span, to: line.client)
        line.clientSocket.endOutput()
        #expect(line.run { line.server.count("peerEnded") == 1 })
        #expect(line.server.bytes == pattern(10))
        line.close()
    }

    @Test func anEndWithinTheHandshakeIsAFailure() throws {
        let line = try Line(clientIsSecure: false)
        _ = line.clientSocket.send([22, 3, 1], more: false)
        line.clientSocket.endOutput()
        #expect(line.run { line.server.isClosed })
        #expect(line.server.calls == ["securityFailed"])
        line.close()
    }

    @Test func rubbishIsAnsweredWithAnAlert() throws {
        let line = try Line(clientIsSecure: false)
        _ = line.clientSocket.send([22, 3, 1, 0, 5, 1, 2, 3, 4, 5], more: false)
        #expect(line.run { line.server.isClosed })
        #expect(line.run { line.client.bytes.first == 21 })
        line.close()
    }

    @Test func aPeerThatSpeaksPlainlyIsHandedOn() throws {
        let line = try Line(clientIsSecure: false)
        let request = [UInt8](text: "GET / HTTP/1.1\r\n\r\n")
        _ = line.clientSocket.send(request, more: false)
        #expect(line.run { line.server.bytes == request })
        #expect(line.server.calls == ["unprotected"] && line.server.security == nil)
        line.loop.send(request.span, to: line.server)
        #expect(line.run { line.client.bytes == request })
        line.close()
    }

    @Test func bytesBeforeTheHandshakeAreLookedAtFirst() throws {
        let line = try Line(clientIsSecure: false)
        let preamble = Preamble(loop: line.loop, descriptor: line.server.descriptor)
        line.loop.withdraw(line.server)
        try line.loop.add(preamble)
        preamble.flags.insert(.preamble)
        let own = TLSConnection(
            try TestContext.server(), .server, host: TestHost(), endpoint: preamble)
        line.loop.secure(preamble, by: try #require(own))
        _ = line.clientSocket.send([UInt8](text: "PRO"), more: false)
        line.kernel.run(line.loop, atMost: 50)
        _ = line.clientSocket.send([UInt8](text: "XY\n"), more: false)
        line.kernel.run(line.loop, atMost: 50)
        #expect(preamble.text == "PROXY\n" && preamble.security != nil)
        let far = TLSConnection(try TestContext.client(), .client, host: nil, endpoint: line.client)
        line.loop.secure(line.client, by: try #require(far))
        line.client.onSecured = { $0.loop.send([UInt8](text: "hello").span, to: $0) }
        #expect(line.run { preamble.plaintext == "hello" })
        line.loop.close(preamble)
        line.close()
    }
}

extension Line {
    /// The server sends what is drained at once and leaves so much room, since the client reads nothing.
    fileprivate func fillSocket(leaving room: Int) {
        loop.pauseReading(client)
        loop.send(pattern(1_000).span, to: server)
        serverSocket.capacity = serverSocket.unreceived + room
        #expect(server.pendingOutput == 0 && !server.isSendBlocked)
    }

    fileprivate var clientHasHeardTheEnd: Bool { (client.security as? TLSConnection)?.hasHeardTheEnd == true }
}

/// Has twenty bytes to say about each that comes.
private final class Talkative: EndpointSecurity {
    override func open(
        _ bytes: Span<UInt8>, from position: inout Int, into plaintext: Buffer
    ) -> Opening {
        let count = (bytes.count - position) * 20
        sink(for: count).append(repeating: 0, count: count)
        position = bytes.count
        return .more
    }
}

/// Reads a line before its connection is protected.
private final class Preamble: Endpoint {
    var text = ""
    var plaintext = ""

    override func receivedPreamble(_ bytes: Span<UInt8>) -> Int {
        let end = bytes.firstIndex(of: ASCII.lf).map { $0 + 1 }
        let taken = bytes.extracting(0..<(end ?? bytes.count))
        text += ByteString(taken).text
        if end != nil { flags.remove(.preamble) }
        return taken.count
    }

    override func received(_ bytes: Span<UInt8>) { plaintext += ByteString(bytes).text }
}
