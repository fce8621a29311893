import Testing

@testable import ApusServer
@testable import Simulation

/// Bytes that tell where they belong.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// An endpoint that writes down what it is told.
final class Speaker: Endpoint {
    var bytes: [UInt8] = []
    var calls: [String] = []
    var onSecured: ((Speaker) -> Void)?
    var onReceive: ((Speaker) -> Void)?
    var receivedCounts: [Int] = []
    /// What had protected it when it failed.
    var lastSecurity: TLSConnection?

    override func secured() {
        #expect(bytes.isEmpty, "plaintext before the handshake's end")
        calls.append("secured")
        onSecured?(self)
    }
    override func received(_ span: Span<UInt8>) {
        receivedCounts.append(span.count)
        bytes += Array(copying: span)
        onReceive?(self)
    }
    override func receivedUnprotected() { calls.append("unprotected") }
    override func securityFailed() {
        calls.append("securityFailed")
        lastSecurity = security as? TLSConnection
        loop.close(self)
    }
    override func failed(_ error: Errno) { calls.append("failed") }
    override func peerEnded() { calls.append("peerEnded") }
    override func drained() { calls.append("drained") }
    override func outputBlocked() { calls.append("blocked") }
    override func fileEnded(at offset: Int) { calls.append("fileEnded \(offset)") }

    func count(_ call: String) -> Int { calls.count { $0 == call } }
}

/// Two endpoints on one loop, joined by a connection of the simulated kernel, with TLS between them.
struct Line {
    let kernel: SimulatedKernel
    let loop: EventLoop
    let server: Speaker
    let client: Speaker
    let clientSocket: SimulatedSocket
    let serverSocket: SimulatedSocket
    static let port: UInt16 = 443

    init(
        seed: UInt64 = 1, _ protocols: TLSProtocols = [.tls12, .tls13], clientIsSecure: Bool = true,
        context: TLSContext? = nil, _ prepare: (SimulatedKernel) -> Void = { _ in }
    ) throws {
        kernel = SimulatedKernel(seed: seed)
        prepare(kernel)
        loop = try EventLoop(kernel: kernel)
        let one = SimulatedSocket(kernel: kernel)
        clientSocket = SimulatedSocket(kernel: kernel)
        one.local = SocketAddress(ipv4: 0x7F00_0001, port: Self.port)
        SimulatedSocket.join(one, clientSocket)
        serverSocket = one
        server = Speaker(loop: loop, descriptor: Int32(kernel.assign(.socket(one))))
        client = Speaker(loop: loop, descriptor: Int32(kernel.assign(.socket(clientSocket))))
        try loop.add(server)
        try loop.add(client)
        let own = TLSConnection(
            try context ?? TestContext.server(), .server, host: TestHost(), endpoint: server)
        loop.secure(server, by: try #require(own))
        guard clientIsSecure else { return }
        let far = TLSConnection(try TestContext.client(protocols), .client, host: nil, endpoint: client)
        loop.secure(client, by: try #require(far))
    }

    func run(until condition: () -> Bool) -> Bool { kernel.run(loop, atMost: 60_000, until: condition) }

    func handshake() throws {
        #expect(run { server.count("secured") == 1 && client.count("secured") == 1 })
        #expect(server.calls == ["secured"] && client.calls == ["secured"])
    }

    func close() {
        for end in [server, client] where !end.isClosed { loop.close(end) }
        #expect(kernel.mistakes.isEmpty)
    }
}

// MARK: - What is sent

extension Line {
    /// The client asks as soon as it may, and the server answers with pieces of several kinds once it has the whole question.
    func converse(question: [UInt8], answer: [UInt8]) {
        client.onSecured = { $0.loop.send(question.span, to: $0) }
        server.onReceive = { speaker in
            guard speaker.bytes.count == question.count else { return }
            let queue = speaker.loop.output(of: speaker)
            queue.writable.append(answer.span.extracting(0..<100))
            let body = Buffer(capacity: answer.count)
            body.append(answer.span)
            queue.append(.shared(body, 100..<answer.count))
            speaker.loop.flushLater(speaker)
        }
    }

    /// Queues small texts, parts of a file and large buffers for the client, in turns; returns all that they say.
    func queuePieces() -> [UInt8] {
        let content = pattern(300_000)
        let file = file(content)
        let queue = loop.output(of: server)
        var expected: [UInt8] = []
        for index in 0..<40 {
            queue.writable.append("text \(index);")
            expected += Array("text \(index);".utf8)
            if index % 5 == 0 {
                let range = index * 1_000..<index * 1_000 + 70_001
                queue.append(.file(file, range))
                expected += content[range]
            }
            if index % 3 == 0 {
                let buffer = loop.largeBuffers.take()
                buffer.append(content.span.extracting(0..<20_000))
                queue.append(.pooled(buffer, 10..<20_000 - index))
                expected += content[10..<20_000 - index]
            }
        }
        return expected
    }

    /// An open file.
    func file(_ content: [UInt8]) -> OpenFile {
        kernel.disk.put("/file", content, at: 0)
        let name = Buffer()
        name.append("/file")
        name.append(0)
        let descriptor = kernel.open(path: name, flags: 0)
        return OpenFile(descriptor: Int32(descriptor), status: FileStatus(), kernel: kernel)
    }
}
