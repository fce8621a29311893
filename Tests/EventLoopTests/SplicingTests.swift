import Testing

@testable import ApusServer
@testable import Simulation

/// Moves what comes to another endpoint, through a pipe.
private final class Mover: Endpoint {
    var target: Endpoint?
    /// Bytes that may still be moved.
    var allowance = Int.max
    var received: [UInt8] = []
    var calls: [String] = []

    override func moveInput() -> Int {
        guard let target, allowance > 0, !target.hasOutput else {
            loop.pauseReading(self)
            return 0
        }
        guard let piece = loop.splice(self, atMost: allowance) else { return 0 }
        allowance -= piece.count
        loop.output(of: target).append(piece)
        loop.flush(target)
        return piece.count
    }

    /// io_uring may have received what comes before it has learned to leave that to others.
    override func received(_ bytes: Span<UInt8>) {
        for index in bytes.indices { received.append(bytes[index]) }
        if flags.contains(.movesInput), let target { loop.send(bytes, to: target) }
    }

    override func peerEnded() { calls.append("peerEnded") }
    override func failed(_ error: Errno) { calls.append("failed") }
}

private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 7) } }

/// From socket to socket, on Linux and on the simulated kernel alike.
@Suite(.serialized)
struct SplicingTests {
    private final class Line {
        let harness: Harness
        let mover: Mover
        let source: FarEnd
        let target: Recorder
        let sink: FarEnd

        init(_ ground: Ground) throws {
            harness = try Harness(ground)
            let (descriptor, far) = try harness.pair()
            (source, mover) = (far, Mover(loop: harness.loop, descriptor: descriptor))
            // The target takes less at once than the source may send.
            harness.simulated?.socketCapacity = 30_000
            (target, sink) = try harness.connection()
            mover.target = target
            mover.flags.insert(.movesInput)
            try harness.loop.add(mover)
            target.onDrained = { [unowned mover] _ in mover.loop.resumeReading(mover) }
        }

        func close() {
            mover.target = nil
            for endpoint in [mover, target] where !endpoint.isClosed { harness.loop.close(endpoint) }
        }
    }

    @Test(arguments: Ground.allCases)
    func bytesPassInOrder(_ ground: Ground) throws {
        let line = try Line(ground)
        // What goes before stays before.
        line.harness.loop.output(of: line.target).writable.append("head ")
        line.harness.loop.flush(line.target)
        var sent: [UInt8] = []
        var got: [UInt8] = []
        for size in [1, 1_000, 30_000, 150_000] {
            let piece = pattern(size)
            line.source.send(piece)
            sent += piece
            #expect(line.harness.run { got += line.sink.receive(); return got.count == sent.count + 5 })
        }
        #expect(got == Array("head ".utf8) + sent)
        #expect(line.mover.received.count < 35_000)
        line.close()
        #expect(line.harness.loop.pipes.take(now: 0)?.count == 0)
    }

    @Test(arguments: [Ground.linux, .simulation])
    func readerThatIsSlow(_ ground: Ground) throws {
        let line = try Line(ground)
        let sent = pattern(3_000_000)
        var (start, got): (Int, [UInt8]) = (0, [])
        for _ in 0..<20_000 where got.count < sent.count {
            if start < sent.count, start - got.count < 100_000 {
                let part = Array(sent[start..<min(start + 50_000, sent.count)])
                line.source.send(part)
                start += part.count
            }
            line.harness.run(milliseconds: 1)
            got += line.sink.receive(atMost: start == sent.count ? .max : 20_000)
        }
        #expect(got == sent)
        #expect(line.mover.received.isEmpty)
        line.close()
    }

    @Test(arguments: [Ground.linux, .simulation])
    func noMoreThanWanted(_ ground: Ground) throws {
        let line = try Line(ground)
        line.mover.allowance = 700
        line.source.send(pattern(1_000))
        #expect(line.harness.run { line.mover.allowance == 0 })
        #expect(line.harness.loop.peek(line.mover) == 1)
        line.mover.flags.remove(.movesInput)
        line.harness.loop.resumeReading(line.mover)
        #expect(line.harness.run { line.mover.received.count == 300 })
        #expect(line.sink.receive() == Array(pattern(1_000).prefix(700)))
        #expect(line.mover.received == Array(pattern(1_000).dropFirst(700)))
        #expect(line.harness.loop.peek(line.mover) == nil)
        line.close()
    }

    @Test(arguments: [Ground.linux, .simulation])
    func endAndReset(_ ground: Ground) throws {
        let ended = try Line(ground)
        ended.source.send(pattern(100))
        ended.source.end()
        var got: [UInt8] = []
        #expect(ended.harness.run { got += ended.sink.receive(); return got.count == 100 && ended.mover.calls == ["peerEnded"] })
        #expect(got == pattern(100))
        #expect(ended.harness.loop.peek(ended.mover) == 0)
        ended.close()
        let broken = try Line(ground)
        broken.source.reset()
        #expect(broken.harness.run { broken.mover.calls == ["failed"] })
        broken.close()
    }

    /// Bytes that nobody can take any more go with their pipe.
    @Test(arguments: [Ground.linux, .simulation])
    func targetThatIsClosed(_ ground: Ground) throws {
        let line = try Line(ground)
        let part = pattern(100_000)
        for _ in 0..<200 where !line.target.isSendBlocked {
            line.source.send(part)
            line.harness.run(milliseconds: 1)
        }
        try #require(line.target.isSendBlocked)
        weak let pipe = line.target.output?.frontPipe
        #expect(pipe?.count ?? 0 > 0)
        line.close()
        line.harness.run(milliseconds: 1)
        line.harness.run(milliseconds: 1)
        #expect(pipe == nil)
    }
}
