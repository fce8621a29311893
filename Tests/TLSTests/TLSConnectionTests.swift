import Testing

@testable import ApusServer
@testable import Simulation

private let versions: [TLSProtocols] = [.tls12, .tls13]

/// The machine against itself, without sockets.
@Suite struct TLSConnectionTests {
    @Test(arguments: versions, [1, 2, 7, 1_000, Int.max])
    func whateverPiecesItComesInAHandshakeEndsAndDataPass(_ version: TLSProtocols, _ step: Int) throws {
        let pair = try MachinePair(client: TestContext.client(version))
        pair.settle(step: step)
        #expect(pair.client.tls.isEstablished && pair.server.tls.isEstablished)
        let question = pattern(3_000)
        let answer = pattern(40_000)
        for piece in pair.client.seal(question).pieces(of: step) { pair.server.open(piece) }
        #expect(pair.server.plaintext == question)
        for piece in pair.server.seal(answer).pieces(of: step) { pair.client.open(piece) }
        #expect(pair.client.plaintext == answer)
    }

    @Test(arguments: versions)
    func anEndIsTold(_ version: TLSProtocols) throws {
        let pair = try MachinePair(client: TestContext.client(version))
        pair.settle()
        let last = pair.server.seal(pattern(10))
        pair.server.tls.sealEnd()
        pair.client.open(last + pair.server.takeSealed())
        #expect(pair.client.plaintext == pattern(10))
        #expect(pair.client.hasEnded)
    }

    @Test(arguments: versions)
    func anyChangedByteIsRefusedAndWhatItStoodInIsNotHandedOut(_ version: TLSProtocols) throws {
        for place in 0..<40 {
            let pair = try MachinePair(client: TestContext.client(version))
            pair.settle()
            let good = pair.client.seal([UInt8](text: "first"))
            var bad = pair.client.seal([UInt8](text: "second"))
            guard place < bad.count else { return }
            bad[place] ^= 0x40
            #expect(pair.server.open(good))
            let isAccepted = pair.server.open(bad)
            // A longer length waits for bytes that do not come.
            if isAccepted { #expect(place == 3 || place == 4) }
            #expect(pair.server.plaintext == [UInt8](text: "first"))
            if !isAccepted { #expect(pair.server.message.hasPrefix("SSL_read() failed (SSL: error:")) }
        }
    }

    @Test(arguments: versions)
    func plaintextBeforeTheHandshakesEndIsNeverHandedOut(_ version: TLSProtocols) throws {
        let request = [UInt8](text: "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        // As it is, and disguised as a record of application data.
        let record: [UInt8] = [23, 3, 3, 0, UInt8(request.count)] + request
        for injected in [request, record] {
            for missing in [0, 1, 100, Int.max] {
                let pair = try MachinePair(client: TestContext.client(version))
                let greeting = pair.client.takeSealed()
                let cut = max(greeting.count - missing, 1)
                let isAccepted = pair.server.open(Array(greeting[..<cut]) + injected)
                #expect(pair.server.plaintext.isEmpty && !pair.server.tls.isEstablished)
                // It may be taken for the rest of a record that was begun, which is then waited for, but for nothing more.
                if missing == 0 { #expect(!isAccepted) }
            }
        }
    }

    @Test func dataBehindTheHandshakeInOnePieceAreKeptApart() throws {
        let pair = try MachinePair()
        pair.server.open(pair.client.takeSealed())
        pair.client.open(pair.server.takeSealed())
        #expect(pair.client.tls.isEstablished && !pair.server.tls.isEstablished)
        let finished = pair.client.takeSealed()
        pair.server.open(finished + pair.client.seal([UInt8](text: "hello")))
        #expect(pair.server.plaintext == [UInt8](text: "hello"))
        guard case .established = pair.server.events[1] else {
            Issue.record("the handshake's end comes first: \(pair.server.events)")
            return
        }
    }

    @Test func aClientThatSpeaksPlainlyIsToldApart() throws {
        let server = try Machine(TestContext.server(), .server)
        server.open([UInt8](text: "GET / HTTP/1.1\r\n\r\n"))
        guard case .plain = server.events[0] else {
            Issue.record("it is \(server.events)")
            return
        }
        #expect(server.takeSealed().isEmpty)
    }

    @Test(arguments: [0, 1, 50])
    func aHandshakeThatIsBrokenOffIsTold(_ count: Int) throws {
        let pair = try MachinePair()
        pair.server.open(Array(pair.client.takeSealed().prefix(count)))
        #expect(!pair.server.tls.inputEnded())
        let message = count == 0 ? "client closed connection" : "peer closed connection in SSL handshake"
        #expect(pair.server.message == message)
        #expect(pair.server.tls.failure?.level == .info)
    }

    @Test func noVersionInCommonSendsAnAlert() throws {
        let pair = try MachinePair(
            TestContext.server { $0.protocols = .tls13 }, client: TestContext.client(.tls12))
        #expect(!pair.server.open(pair.client.takeSealed()))
        #expect(pair.server.message.contains("unsupported protocol"))
        #expect(pair.server.tls.failure?.level == .info)
        let alert = pair.server.takeSealed()
        #expect(alert.first == 21)
        #expect(!pair.client.open(alert))
        #expect(pair.client.message.contains("alert protocol version"))
        #expect(pair.client.tls.failure?.level == .error)
    }

    @Test(arguments: versions)
    func renegotiationIsRefused(_ version: TLSProtocols) throws {
        let pair = try MachinePair(client: TestContext.client(version))
        pair.settle()
        guard pair.client.tls.renegotiate() else { return #expect(version == .tls13) }
        pair.settle()
        #expect(pair.server.plaintext.isEmpty)
        // The server refuses with a warning and goes on; this client gives up.
        #expect(pair.client.message.contains("no renegotiation"))
    }

    // MARK: - Names and protocols

    @Test(arguments: versions)
    func aNameSelectsTheCertificate(_ version: TLSProtocols) throws {
        let host = TestHost()
        host.contexts["rsa.example"] = try TestContext.server {
            $0.certificates = [TestContext.word("data:" + TestCertificate.rsa)]
            $0.keys = [TestContext.word("data:" + TestCertificate.rsaKey)]
        }
        let pair = try MachinePair(client: TestContext.client(version), host: host)
        pair.settle()
        #expect(host.asked == [nil])
        let named = try Machine(TestContext.client(version), .client, asking: "rsa.example")
        let server = try Machine(TestContext.server(), .server, host: host)
        server.open(named.takeSealed())
        named.open(server.takeSealed())
        server.open(named.takeSealed())
        #expect(host.asked == [nil, "rsa.example"])
        #expect(named.tls.peerName == "/CN=rsa.example")
        #expect(pair.client.tls.peerName == "/CN=localhost")
    }

    private func brainpool() throws -> TLSContext {
        try TestContext.server {
            $0.certificates = [TestContext.word("data:" + TestCertificate.brainpool)]
            $0.keys = [TestContext.word("data:" + TestCertificate.brainpoolKey)]
        }
    }

    /// What a client that speaks both versions comes to that asks for a name.
    private func version(
        of standard: TLSContext, named: TLSContext? = nil
    ) throws -> Int32 {
        let host = TestHost()
        host.contexts["other.example"] = named
        let context = try TestContext.client()
        try context.setCurves("P-256:brainpoolP256r1")
        let asking = try Machine(context, .client, asking: named == nil ? .empty : "other.example")
        let server = try Machine(standard, .server, host: host)
        while !asking.tls.isEstablished {
            server.open(asking.takeSealed())
            try #require(asking.open(server.takeSealed()))
        }
        server.open(asking.takeSealed())
        #expect(server.tls.isEstablished)
        return asking.tls.version
    }

    @Test func aKeyThatTLS13DoesNotKnowIsServedWithTheVersionBefore() throws {
        #expect(try version(of: TestContext.server()) == 0x0304)
        #expect(try version(of: brainpool()) == 0x0303)
        #expect(try version(of: TestContext.server(), named: brainpool()) == 0x0303)
        #expect(try version(of: brainpool(), named: TestContext.server()) == 0x0304)
        let both = try TestContext.server {
            $0.certificates.append(TestContext.word("data:" + TestCertificate.rsa))
            $0.keys.append(TestContext.word("data:" + TestCertificate.rsaKey))
        }
        #expect(try version(of: both) == 0x0304)
    }

    @Test func aServerThatRejectsHandshakesSaysThatTheNameIsUnknown() throws {
        let host = TestHost()
        host.rejects = true
        let pair = try MachinePair(host: host)
        pair.server.open(pair.client.takeSealed())
        #expect(pair.server.message == "handshake rejected")
        #expect(!pair.client.open(pair.server.takeSealed()))
        #expect(pair.client.message.contains("unrecognized name"))
    }

    @Test func extensionsWithServerNamesAreReadWithCare() {
        func read(_ bytes: [UInt8]) -> ServerNameExtension.Reading { ServerNameExtension.read(bytes.span) }
        let name = [UInt8](text: "a.example")
        let count = UInt8(name.count)
        #expect(read([0, count + 3, 0, 0, count] + name) == .name(5..<5 + name.count))
        #expect(read([]) == .malformed)
        #expect(read([0, count + 3, 1, 0, count] + name) == .malformed)
        #expect(read([0, count + 2, 0, 0, count] + name) == .malformed)
        #expect(read([0, count + 3, 0, 0, count - 1] + name) == .malformed)
        #expect(read([0, 4, 0, 0, 1, 0]) == .unusable)
        let long = [UInt8](repeating: 97, count: 256)
        #expect(read([1, 3, 0, 1, 0] + long) == .unusable)
    }
}

/// How records grow.
@Suite struct RecordSizingTests {
    @Test func recordsAreSmallAtFirstThenFull() {
        var sizing = RecordSizing()
        var rest = 100_000
        var sizes: [Int] = []
        while rest > 0 {
            let next = sizing.next(of: rest, now: 10)
            sizes.append(next)
            rest -= next
        }
        #expect(sizes.prefix(10).allSatisfy { $0 == 1_369 })
        #expect(sizes.dropFirst(10).dropLast().allSatisfy { $0 == 16_384 })
    }

    @Test func aShortAnswerIsOneRecord() {
        var sizing = RecordSizing()
        #expect(sizing.next(of: 1_500, now: 0) == 1_500)
    }

    @Test func aSilenceBeginsAnew() {
        var sizing = RecordSizing()
        while sizing.next(of: 50_000, now: 0) < 16_384 {}
        #expect(sizing.next(of: 50_000, now: 900) == 16_384)
        #expect(sizing.next(of: 50_000, now: 2_500) == 1_369)
    }

    @Test func theConfiguredSizeIsTheUpperBound() {
        var sizing = RecordSizing()
        sizing.limit = 4_096
        while sizing.next(of: 50_000, now: 0) < 4_096 {}
        #expect(sizing.next(of: 50_000, now: 0) == 4_096)
    }
}
