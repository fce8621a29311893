import Testing

@testable import ApusServer
@testable import Simulation

/// Connections that are received from before the kernel was asked to tell of them.
@Suite(.serialized)
struct AcceptingTests {
    /// An accepted connection that `bytes` have come with, registered but not received from.
    private func accepted(_ harness: Harness, with bytes: [UInt8]) throws -> (Recorder, FarEnd) {
        let (descriptor, far) = try harness.pair()
        if !bytes.isEmpty { far.send(bytes) }
        harness.run(milliseconds: 5)
        let recorder = Recorder(loop: harness.loop, descriptor: descriptor)
        try harness.loop.addAccepted(recorder, isDeferred: true)
        return (recorder, far)
    }

    @Test func whatIsAnsweredAndClosedWasNeverWatched() throws {
        let harness = try Harness(.simulation)
        let kernel = try #require(harness.simulated)
        let (recorder, far) = try accepted(harness, with: [1, 2, 3])
        let before = kernel.failures.counts[.pollControl, default: 0]
        recorder.onReceive = {
            harness.loop.send([4, 5].span, to: $0)
            harness.loop.close($0)
        }
        harness.loop.receiveAccepted(recorder)
        harness.run(milliseconds: 5)
        #expect(recorder.bytes == [1, 2, 3] && recorder.calls.isEmpty)
        #expect(far.receive() == [4, 5])
        #expect(kernel.failures.counts[.pollControl, default: 0] == before)
        #expect(harness.loop.endpointCount == 0)
    }

    @Test(arguments: Ground.allCases)
    func whatStaysOpenIsWatchedFromThenOn(_ ground: Ground) throws {
        let harness = try Harness(ground)
        for first in [[], [1, 2, 3] as [UInt8]] {
            let (recorder, far) = try accepted(harness, with: first)
            harness.loop.receiveAccepted(recorder)
            // Between the attempt and the end of the turn.
            far.send([4, 5])
            #expect(harness.run { recorder.bytes == first + [4, 5] })
            far.send([6])
            #expect(harness.run { recorder.bytes == first + [4, 5, 6] })
            far.end()
            #expect(harness.run { recorder.count("peerEnded") == 1 })
            harness.loop.close(recorder)
        }
    }

    @Test(arguments: Ground.allCases)
    func anEndThatCameWithTheDataIsSeen(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try accepted(harness, with: [1])
        far.end()
        harness.run(milliseconds: 5)
        harness.loop.receiveAccepted(recorder)
        #expect(harness.run { recorder.count("peerEnded") == 1 })
        #expect(recorder.bytes == [1])
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func anAnswerThatDoesNotFitIsSentWhenThereIsRoom(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try accepted(harness, with: [1])
        let bytes = [UInt8](repeating: 9, count: 12_000_000)
        recorder.onReceive = { loop.send(bytes.span, to: $0) }
        loop.receiveAccepted(recorder)
        var got = 0
        #expect(
            harness.run {
                got += far.receive(atMost: 300_000).count
                return recorder.count("drained") == 1 && got == bytes.count
            })
        recorder.onReceive = nil
        far.send([2])
        #expect(harness.run { recorder.bytes == [1, 2] })
        loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func aSuccessorIsWatchedInItsPlace(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (first, far) = try accepted(harness, with: [1])
        let second = Recorder(loop: loop, descriptor: -1)
        first.onReceive = { loop.replace($0, by: second) }
        loop.receiveAccepted(first)
        #expect(harness.run { first.isClosed })
        far.send([2])
        #expect(harness.run { second.bytes == [2] })
        #expect(first.bytes == [1] && first.calls.isEmpty)
        loop.close(second)
        #expect(loop.endpointCount == 0)
    }

    @Test func whoCannotBeWatchedFails() throws {
        let harness = try Harness(.simulation)
        let kernel = try #require(harness.simulated)
        let (recorder, _) = try accepted(harness, with: [1])
        harness.loop.receiveAccepted(recorder)
        kernel.failures.forget()
        kernel.failures.fail(.pollControl, number: 1, with: .noMemory)
        harness.run(milliseconds: 1)
        #expect(recorder.bytes == [1] && recorder.calls == ["failed"])
        harness.loop.close(recorder)
    }

    /// Of two connections with input in one turn, the one that is served first closes: the other looks whether the peer knows.
    @Test(arguments: [false, true])
    func aDescriptorIsClosedAtOnceUnlessLinesHaveToBeWrittenBefore(_ isLate: Bool) throws {
        let harness = try Harness(.linux)
        let loop = harness.loop
        var (recorders, ends): ([Recorder], [LinuxFarEnd]) = ([], [])
        for _ in 0..<2 {
            let (recorder, far) = try harness.connection()
            recorders.append(recorder)
            ends.append(try #require(far as? LinuxFarEnd))
        }
        harness.run(milliseconds: 1)
        var isEndKnown: Bool?
        for (index, recorder) in recorders.enumerated() {
            recorder.onReceive = {
                if recorders[1 - index].isClosed {
                    isEndKnown = ends[1 - index].hasEnded
                } else {
                    loop.closesLate = isLate
                    loop.close($0)
                }
            }
        }
        for end in ends { end.send([1]) }
        loop.turn(waitingAtMost: 100)
        #expect(isEndKnown == !isLate)
        #expect(ends.contains { $0.hasEnded })
        for recorder in recorders { loop.close(recorder) }
    }

    @Test func attemptsAreMadeWhileTheyMostlySucceed() {
        let odds = Odds()
        func attempts(of count: Int, succeeding: Bool) -> Int {
            (0..<count).count { _ in
                guard odds.areGood() else { return false }
                odds.note(succeeding)
                return true
            }
        }
        #expect(attempts(of: 160, succeeding: false) == 10)
        // Two that are tried in passing are enough to change its mind.
        #expect(attempts(of: 100, succeeding: true) >= 60)
        #expect(attempts(of: 100, succeeding: true) == 100)
        #expect(attempts(of: 100, succeeding: false) < 12)
    }
}
