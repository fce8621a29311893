import Testing

@testable import ApusServer
@testable import Simulation

/// An endpoint that takes another's place, and output that is made when the loop is about to send.
@Suite(.serialized)
struct ReplacementTests {
    @Test(arguments: Ground.allCases)
    func aSuccessorGetsWhatIsStillToCome(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (first, far) = try harness.connection()
        let second = Recorder(loop: loop, descriptor: -1)
        first.onReceive = { loop.replace($0, by: second) }
        // More than one pass of the loop, and the end behind it.
        let bytes = [UInt8](repeating: 7, count: 150_000)
        far.send(bytes)
        far.end()
        #expect(harness.run { second.count("peerEnded") == 1 })
        #expect(first.isClosed && first.calls.isEmpty)
        #expect(!first.bytes.isEmpty && first.bytes.count + second.bytes.count == bytes.count)
        loop.output(of: second).writable.append("still here")
        loop.flush(second)
        #expect(harness.run { far.receive() == Array("still here".utf8) })
        loop.close(second)
        #expect(loop.endpointCount == 0)
    }

    @Test(arguments: Ground.allCases)
    func aSuccessorTakesDeadlinesAndUnsentOutputOver(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (first, far) = try harness.connection()
        let second = Recorder(loop: loop, descriptor: -1)
        loop.setInputDeadline(first, in: 20)
        let bytes = [UInt8](repeating: 9, count: 12_000_000)
        loop.send(bytes.span, to: first)
        #expect(first.isSendBlocked)
        loop.callSoon(first)
        let due = loop.now + 20
        loop.replace(first, by: second)
        var got = 0
        #expect(
            harness.run {
                got += far.receive(atMost: 300_000).count
                return second.count("drained") == 1 && got == bytes.count
            })
        #expect(harness.run { second.count("inputTimedOut") == 1 })
        #expect(second.timeOuts[0] >= due)
        #expect(second.count("called") == 1)
        #expect(first.calls == ["blocked"])
        loop.close(second)
        #expect(loop.endpointCount == 0)
    }

    @Test(arguments: Ground.allCases)
    func outputIsGatheredOnceATurn(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        recorder.flags.insert(.gathersOutput)
        var noted = ""
        recorder.onGather = {
            guard !noted.isEmpty else { return }
            loop.output(of: $0).writable.append(noted)
            noted = ""
        }
        for word in ["one ", "two ", "three"] {
            noted += word
            loop.flushLater(recorder)
        }
        harness.run(milliseconds: 5)
        #expect(far.receive() == Array("one two three".utf8))
        #expect(recorder.count("gather") == 1)
        #expect(recorder.count("drained") == 1)
        loop.close(recorder)
    }
}
