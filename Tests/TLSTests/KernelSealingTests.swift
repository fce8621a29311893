import Testing

@testable import ApusServer
@testable import Simulation

private let ciphers: [ByteString] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
]

private func option(_ key: ByteString, _ value: ByteString) -> KeyValue { KeyValue(key: key, value: value) }

/// A server's context that hands the sealing over where it can.
private func context(
    _ change: (inout TLSServerSettings) -> Void = { _ in }
) throws -> TLSContext {
    try TestContext.server {
        $0.commands = [option("Options", "KTLS")]
        change(&$0)
    }
}

extension Line {
    /// The kernel takes keys for the server's socket.
    fileprivate init(
        sealing seed: UInt64 = 1, _ protocols: TLSProtocols = [.tls12, .tls13], context own: TLSContext? = nil,
        clientIsSecure: Bool = true, _ prepare: (SimulatedKernel) -> Void = { _ in }
    ) throws {
        try self.init(seed: seed, protocols, clientIsSecure: clientIsSecure, context: own ?? context()) {
            $0.sealingPorts = [Line.port]
            prepare($0)
        }
    }

    /// The types of the records that the kernel has sealed.
    fileprivate var types: [UInt8] { serverSocket.sealer?.types ?? [] }
    fileprivate var isSealedByKernel: Bool { server.security?.isSealedByKernel == true }
}

/// Connections whose records the kernel seals. The client reads with OpenSSL what the simulated kernel has sealed.
@Suite struct KernelSealingTests {
    @Test(arguments: ciphers)
    func aClientReadsWhatTheKernelSeals(_ cipher: ByteString) throws {
        let isNewer = cipher.hasPrefix("TLS_")
        let own = try context {
            $0.protocols = isNewer ? .tls13 : .tls12
            if isNewer { $0.commands.append(option("Ciphersuites", cipher)) } else { $0.ciphers = cipher }
        }
        let line = try Line(sealing: 1, context: own)
        try line.handshake()
        #expect(line.isSealedByKernel)
        line.loop.send(pattern(50_000).span, to: line.client)
        #expect(line.run { line.server.bytes == pattern(50_000) })
        line.loop.send(pattern(50_000).span, to: line.server)
        #expect(line.run { line.client.bytes == pattern(50_000) })
        // The end of TLS 1.2's handshake, or the tickets of TLS 1.3, and four records of data.
        #expect(line.types == (isNewer ? [22, 22] : [22]) + [23, 23, 23, 23])
        #expect(line.server.bytesSent == 50_000)
        line.close()
    }

    @Test(arguments: [TLSProtocols.tls12, .tls13], [UInt64(1), 2, 3])
    func aConnectionTornAtEveryByteCarriesBothDirections(_ version: TLSProtocols, _ seed: UInt64) throws {
        let line = try Line(sealing: seed, version) {
            $0.segmentLimit = seed == 1 ? 1 : 50
            $0.shufflesEvents = true
            $0.interruptions = 0.2
        }
        let question = pattern(5_000)
        let answer = pattern(9_000)
        line.converse(question: question, answer: answer)
        #expect(line.run { line.client.bytes.count == answer.count })
        #expect(line.isSealedByKernel)
        #expect(line.server.bytes == question && line.client.bytes == answer)
        #expect(line.server.count("drained") == 1)
        line.close()
    }

    @Test(arguments: [TLSProtocols.tls12, .tls13], [UInt64(1), 2, 3, 4, 5])
    func piecesOfAllKindsKeepTheirOrderInASmallSocket(_ version: TLSProtocols, _ seed: UInt64) throws {
        let line = try Line(sealing: seed, version) {
            $0.socketCapacity = 30_000
            $0.latency = 1
        }
        try line.handshake()
        line.kernel.shortSends = 0.2
        let expected = line.queuePieces()
        line.loop.flush(line.server)
        #expect(line.isSealedByKernel && line.server.isSendBlocked)
        // The tickets of TLS 1.3 come between.
        line.loop.send([1].span, to: line.client)
        #expect(line.run { line.client.bytes.count >= expected.count })
        #expect(line.client.bytes == expected)
        #expect(line.server.count("drained") == 1 && line.server.pendingOutput == 0)
        #expect(line.types.count { $0 == 22 } == (version == .tls12 ? 1 : 2))
        line.close()
    }

    // MARK: - Refusals

    @Test(arguments: [TLSProtocols.tls12, .tls13])
    func aKernelThatRefusesChangesNothing(_ version: TLSProtocols) throws {
        let line = try Line(seed: 1, version, context: context())
        try line.handshake()
        #expect(!line.isSealedByKernel && line.serverSocket.sealer == nil)
        line.loop.send(pattern(50_000).span, to: line.server)
        #expect(line.run { line.client.bytes == pattern(50_000) })
        line.close()
    }

    @Test(arguments: [TLSProtocols.tls12, .tls13])
    func withoutTheOptionTheKernelIsNotAsked(_ version: TLSProtocols) throws {
        let line = try Line(sealing: 1, version, context: TestContext.server())
        try line.handshake()
        #expect(!line.isSealedByKernel && line.serverSocket.sealer == nil)
        line.close()
    }

    @Test func nothingIsHandedOverBeforeAllThatWasSealedHasLeft() throws {
        let line = try Line(sealing: 1, .tls13) { $0.socketCapacity = 400 }
        try line.handshake()
        line.loop.send(pattern(3_000).span, to: line.server)
        #expect(line.run { line.client.bytes == pattern(3_000) })
        #expect(!line.isSealedByKernel && line.serverSocket.sealer == nil)
        line.close()
    }

    @Test func keysOfAnUnknownCipherAreNotHandedOver() throws {
        let line = try Line(sealing: 1, clientIsSecure: false)
        let keys: [UInt16] = [0x0304, 55] + Array(repeating: 0, count: 40)
        let isHandedOver = unsafe keys.withUnsafeBytes { bytes in
            unsafe bytes.baseAddress.map { unsafe line.server.security?.handOverSealing(keys: $0) }
        }
        #expect(isHandedOver == false)
        #expect(!line.isSealedByKernel && line.serverSocket.sealer == nil)
        line.close()
    }

    // MARK: - What is not data

    @Test func aClientResumesByATicketThatTheKernelSealed() throws {
        let own = try context()
        let client = try TestContext.client()
        client.keepClientSessions()
        let sessions = TLSClientSessions()
        let key = TLSClientSessions.Key(context: client, address: SocketAddress(ipv4: 1, port: 1), name: .empty)
        for round in 0..<3 {
            let line = try Line(sealing: 1, context: own, clientIsSecure: false)
            let far = try #require(TLSConnection(client, .client, host: nil, endpoint: line.client))
            far.useSessions(sessions, key: key)
            line.loop.secure(line.client, by: far)
            try line.handshake()
            line.loop.send([1].span, to: line.client)
            #expect(line.run { line.server.bytes == [1] })
            line.loop.send([2].span, to: line.server)
            #expect(line.run { line.client.bytes == [2] })
            #expect(line.isSealedByKernel && far.isSessionReused == (round > 0))
            line.close()
        }
    }

    @Test(arguments: [TLSProtocols.tls12, .tls13])
    func rubbishIsAnsweredWithAnAlertThatTheClientUnderstands(_ version: TLSProtocols) throws {
        let line = try Line(sealing: 1, version)
        try line.handshake()
        _ = line.clientSocket.send([23, 3, 3, 0, 30] + pattern(30), more: false)
        #expect(line.run { line.client.isClosed })
        #expect(line.server.calls == ["secured", "securityFailed"] && line.client.calls == ["secured", "securityFailed"])
        #expect(line.types.last == 21)
        #expect(line.message.contains("bad record mac"))
        line.close()
    }

    @Test func aClientThatAsksForOtherKeysIsToldThatTheConnectionCannotGoOn() throws {
        let line = try Line(sealing: 1, .tls13)
        try line.handshake()
        line.loop.send(pattern(10).span, to: line.client)
        #expect(line.run { line.server.bytes.count == 10 })
        #expect((line.client.security as? TLSConnection)?.updateKeys(asking: true) == true)
        let own = line.server.security as? TLSConnection
        line.loop.send(pattern(10).span, to: line.client)
        #expect(line.run { line.client.isClosed })
        let told = own?.failure.map { ByteString($0.message.span).text } ?? ""
        #expect(told.hasPrefix("peer asked for other keys"))
        #expect(line.server.calls == ["secured", "securityFailed"] && line.server.bytes.count == 10)
        // No answer to the update, and no data: an alert.
        #expect(line.types == [22, 22, 21])
        #expect(line.message.contains("internal error"))
        line.close()
    }

    @Test func aClientMayUseOtherKeysItself() throws {
        let line = try Line(sealing: 1, .tls13)
        try line.handshake()
        #expect((line.client.security as? TLSConnection)?.updateKeys(asking: false) == true)
        line.loop.send(pattern(1_000).span, to: line.client)
        #expect(line.run { line.server.bytes == pattern(1_000) })
        line.loop.send(pattern(1_000).span, to: line.server)
        #expect(line.run { line.client.bytes == pattern(1_000) })
        line.close()
    }

    // MARK: - Ends

    /// What the kernel has taken is not what TCP has taken.
    @Test(arguments: [TLSProtocols.tls12, .tls13], [true, false])
    func closingCutsNothingOff(_ version: TLSProtocols, _ tells: Bool) throws {
        for size in [1, 16_384, 20_000, 39_000, 40_000, 60_000] {
            let line = try Line(sealing: 1, version) {
                $0.socketCapacity = 20_000
                $0.tellsRecords = tells
            }
            try line.handshake()
            line.loop.send(pattern(size).span, to: line.server)
            #expect(line.run { line.server.count("drained") == 1 || !line.server.hasOutput })
            line.loop.close(line.server)
            #expect(line.server.isClosed && line.server.descriptor == -1)
            #expect(line.run { line.client.count("peerEnded") == 1 })
            #expect(line.client.bytes == pattern(size))
            // Nobody holds the socket any longer than it takes.
            #expect(line.run { line.loop.endpointCount == 1 })
            line.close()
        }
    }

    @Test(arguments: [20_000, 40_000])
    func endingOurDirectionCutsNothingOff(_ size: Int) throws {
        let line = try Line(sealing: 1) { $0.socketCapacity = 20_000 }
        try line.handshake()
        line.loop.send(pattern(size).span, to: line.server)
        #expect(line.run { !line.server.hasOutput })
        #expect(line.loop.shutdownSending(line.server) == 0)
        #expect(line.run { line.client.count("peerEnded") == 1 })
        #expect(line.client.bytes == pattern(size))
        #expect(!line.server.isClosed)
        line.close()
    }

    @Test func aPeerThatReadsNothingDoesNotHoldItsSocketForEver() throws {
        let line = try Line(sealing: 1) { $0.socketCapacity = 20_000 }
        try line.handshake()
        line.loop.pauseReading(line.client)
        line.loop.send(pattern(20_000).span, to: line.server)
        #expect(line.run { !line.server.hasOutput })
        line.loop.close(line.server)
        #expect(line.loop.endpointCount == 2)
        line.kernel.run(line.loop, atMost: 59_000)
        #expect(line.loop.endpointCount == 2)
        line.kernel.run(line.loop, atMost: 2_000)
        #expect(line.loop.endpointCount == 1)
        line.close()
    }

    @Test func aLoopThatStopsWaitsForWhatTheKernelHasSealed() throws {
        let line = try Line(sealing: 1) { $0.socketCapacity = 20_000 }
        try line.handshake()
        line.loop.pauseReading(line.client)
        line.loop.send(pattern(20_000).span, to: line.server)
        #expect(line.run { !line.server.hasOutput })
        line.loop.close(line.server)
        line.loop.stopWhenDelivered()
        line.kernel.run(line.loop, atMost: 1_000)
        #expect(!line.loop.shouldStop)
        line.loop.resumeReading(line.client)
        #expect(line.run { line.loop.shouldStop })
        // It has left; the client shares its loop.
        while line.client.bytes.count < 20_000, !line.client.isClosed { line.loop.turn(waitingAtMost: 100) }
        #expect(line.client.bytes == pattern(20_000))
        line.close()
    }

    @Test func aResetEndsTheWaiting() throws {
        let line = try Line(sealing: 1) { $0.socketCapacity = 20_000 }
        try line.handshake()
        line.loop.pauseReading(line.client)
        line.loop.send(pattern(20_000).span, to: line.server)
        #expect(line.run { !line.server.hasOutput })
        line.loop.close(line.server)
        line.clientSocket.reset()
        #expect(line.run { line.loop.endpointCount == 1 })
        line.close()
    }
}

extension Line {
    /// What the client says of its failure.
    fileprivate var message: String {
        client.lastSecurity?.failure.map { ByteString($0.message.span).text } ?? ""
    }
}
