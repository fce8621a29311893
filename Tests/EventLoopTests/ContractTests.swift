import CLinux
import Testing

@testable import ApusServer
@testable import Simulation

private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// What every event loop has to do, on Linux and on the simulated kernel alike.
@Suite(.serialized)
struct ContractTests {
    @Test(arguments: Ground.allCases)
    func whatComesInPiecesIsHandedOnInOrder(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        var sent: [UInt8] = []
        for size in [1, 2, 3, 1_000, 20_000] {
            let piece = pattern(size)
            far.send(piece)
            sent += piece
            #expect(harness.run { recorder.bytes.count == sent.count })
        }
        #expect(recorder.bytes == sent)
        #expect(recorder.calls.isEmpty)
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func dataBeforeRegistrationAreSeen(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (descriptor, far) = try harness.pair()
        far.send(pattern(10))
        far.end()
        harness.run(milliseconds: 5)
        let recorder = Recorder(loop: harness.loop, descriptor: descriptor)
        try harness.loop.add(recorder)
        #expect(harness.run { recorder.count("peerEnded") == 1 })
        #expect(recorder.bytes == pattern(10))
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func gatheredOutputKeepsItsOrder(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        var expected: [UInt8] = []
        let queue = loop.output(of: recorder)
        for index in 0..<200 {
            queue.writable.append("text \(index) ")
            expected += Array("text \(index) ".utf8)
            if index % 3 == 0 {
                let buffer = Buffer(capacity: 64)
                buffer.append("shared \(index) ")
                queue.append(.shared(buffer, 0..<buffer.count))
                expected += Array("shared \(index) ".utf8)
            }
            if index % 7 == 0 {
                let buffer = loop.buffers.take()
                buffer.append("pooled \(index) ")
                queue.append(.pooled(buffer, 2..<buffer.count))
                expected += Array("oled \(index) ".utf8)
            }
        }
        loop.flushLater(recorder)
        var got: [UInt8] = []
        #expect(
            harness.run {
                got += far.receive()
                return got.count >= expected.count
            })
        #expect(got == expected)
        #expect(recorder.count("drained") == 1)
        #expect(recorder.pendingOutput == 0)
        loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func blockedOutputGoesOnAndIsDrainedOnce(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        let total = 12_000_000
        let bytes = pattern(total)
        loop.send(bytes.span, to: recorder)
        #expect(recorder.isSendBlocked)
        harness.run(milliseconds: 20)
        #expect(recorder.count("drained") == 0)
        var got: [UInt8] = []
        #expect(
            harness.run {
                got += far.receive(atMost: 300_000)
                return recorder.count("drained") > 0
            })
        #expect(
            harness.run {
                got += far.receive()
                return got.count >= total
            })
        #expect(got == bytes)
        harness.run(milliseconds: 10)
        #expect(recorder.count("drained") == 1)
        #expect(recorder.bytesSent == total)
        loop.close(recorder)
    }

    /// Nobody told the endpoint, so that it set no deadline: a peer that took no more was waited for for ever.
    @Test(arguments: Ground.allCases)
    func whoSendsAtOnceHearsThatNotAllWasTaken(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        loop.send(pattern(100).span, to: recorder)
        #expect(recorder.count("blocked") == 0)
        let bytes = pattern(12_000_000)
        loop.send(bytes.span, to: recorder)
        #expect(recorder.count("blocked") == 1)
        // What is queued behind it is no new attempt.
        loop.send(pattern(100).span, to: recorder)
        harness.run(milliseconds: 10)
        #expect(recorder.count("blocked") == 1)
        var count = 0
        #expect(
            harness.run {
                count += far.receive().count
                return count == 12_000_200
            })
        loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func outputMadeWhileDrainingIsSentToo(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        var rounds = 0
        recorder.onDrained = { recorder in
            rounds += 1
            guard rounds < 50 else { return }
            loop.output(of: recorder).writable.append("\(rounds);")
            loop.flushLater(recorder)
        }
        loop.output(of: recorder).writable.append("0;")
        loop.flushLater(recorder)
        #expect(harness.run { rounds == 50 })
        var got: [UInt8] = []
        let expected = (0..<50).map { "\($0);" }.joined()
        #expect(
            harness.run {
                got += far.receive()
                return got.count >= expected.utf8.count
            })
        #expect(String(decoding: got, as: UTF8.self) == expected)
        loop.close(recorder)
    }

    // MARK: - Ends

    @Test(arguments: Ground.allCases)
    func anEndComesAfterAllData(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        // More than one pass of the loop reads.
        let bytes = pattern(150_000)
        recorder.onEnd = { #expect($0.bytes.count == bytes.count) }
        far.send(bytes)
        far.end()
        #expect(harness.run { recorder.count("peerEnded") == 1 })
        #expect(recorder.bytes == bytes)
        harness.run(milliseconds: 10)
        #expect(recorder.calls == ["peerEnded"])
        // Our direction still works.
        harness.loop.output(of: recorder).writable.append("late")
        harness.loop.flush(recorder)
        var got: [UInt8] = []
        #expect(
            harness.run {
                got += far.receive()
                return got.count == 4
            })
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func anEndWithoutDataIsTold(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        far.end()
        #expect(harness.run { recorder.count("peerEnded") == 1 })
        #expect(recorder.hasPeerEnded)
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func aResetIsAFailureOnce(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        far.reset()
        #expect(harness.run { recorder.count("failed") == 1 })
        harness.run(milliseconds: 10)
        #expect(recorder.calls == ["failed"])
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func aResetWhileOutputIsBlockedIsTold(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        let bytes = pattern(12_000_000)
        harness.loop.send(bytes.span, to: recorder)
        harness.run(milliseconds: 5)
        far.reset()
        #expect(harness.run { recorder.count("failed") == 1 })
        #expect(recorder.count("drained") == 0)
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func aPausedEndpointIsToldOfTheEndWhenItResumes(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let (recorder, far) = try harness.connection()
        harness.loop.pauseReading(recorder)
        far.send(pattern(5))
        far.end()
        harness.run(milliseconds: 10)
        #expect(recorder.bytes.isEmpty)
        #expect(recorder.calls.isEmpty)
        harness.loop.resumeReading(recorder)
        #expect(harness.run { recorder.count("peerEnded") == 1 })
        #expect(recorder.bytes == pattern(5))
        harness.loop.close(recorder)
    }

    @Test(arguments: Ground.allCases)
    func pausingHoldsInputBack(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        recorder.onReceive = { loop.pauseReading($0) }
        var sent = 0
        for _ in 0..<20 {
            far.send(pattern(100))
            sent += 100
            #expect(harness.run { recorder.bytes.count == sent })
            let before = recorder.bytes.count
            far.send(pattern(100))
            sent += 100
            harness.run(milliseconds: 2)
            #expect(recorder.bytes.count == before)
            loop.resumeReading(recorder)
            #expect(harness.run { recorder.bytes.count == sent })
            loop.resumeReading(recorder)
        }
        loop.close(recorder)
    }

    // MARK: - Closing within calls

    @Test(arguments: Ground.allCases)
    func closingWithinACallEndsAllCalls(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (first, firstFar) = try harness.connection()
        let (second, secondFar) = try harness.connection()
        // Whichever is served first closes both, with events of the other in the same batch.
        let closeBoth: (Recorder) -> Void = { _ in
            loop.close(first)
            loop.close(second)
        }
        first.onReceive = closeBoth
        second.onReceive = closeBoth
        firstFar.send(pattern(100))
        secondFar.send(pattern(100))
        firstFar.end()
        secondFar.end()
        harness.run(milliseconds: 20)
        #expect(first.isClosed && second.isClosed)
        #expect(first.bytes.count + second.bytes.count == 100)
        #expect(first.calls.isEmpty && second.calls.isEmpty)
        #expect(loop.endpointCount == 0)
    }

    @Test(arguments: Ground.allCases)
    func closingWithinDrainedIsSafe(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (recorder, far) = try harness.connection()
        recorder.onDrained = { loop.close($0) }
        loop.output(of: recorder).writable.append("bye")
        loop.flush(recorder)
        #expect(recorder.isClosed)
        loop.flush(recorder)
        loop.flushLater(recorder)
        harness.run(milliseconds: 5)
        #expect(far.receive() == Array("bye".utf8))
    }

    @Test(arguments: Ground.allCases)
    func lateEventsDoNotReachASuccessor(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        var successors: [Recorder] = []
        for round in 0..<50 {
            let (killer, killerFar) = try harness.connection()
            let (victim, victimFar) = try harness.connection()
            let replace: (Recorder, Recorder) -> Void = { other, own in
                loop.close(other)
                // Takes the slot and, likely, the descriptor's number while events of the old one are in the batch.
                if let (successor, _) = try? harness.connection() { successors.append(successor) }
                loop.close(own)
            }
            killer.onReceive = { replace(victim, $0) }
            victim.onReceive = { replace(killer, $0) }
            killerFar.send([UInt8(round)])
            victimFar.send([UInt8(round)])
            loop.setInputDeadline(victim, in: 1)
            loop.setInputDeadline(killer, in: 1)
            harness.run(milliseconds: 8)
        }
        #expect(successors.allSatisfy { $0.bytes.isEmpty && $0.calls.isEmpty })
        for successor in successors { loop.close(successor) }
        #expect(loop.endpointCount == 0)
        if let simulated = harness.simulated { #expect(simulated.mistakes == []) }
    }

    @Test(arguments: Ground.allCases)
    func noOneStarves(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let (greedy, greedyFar) = try harness.connection()
        let (modest, modestFar) = try harness.connection()
        // The far end of the greedy one refills as fast as it is read.
        var refilled = 0
        greedy.onReceive = {
            let new = $0.bytes.count - refilled
            refilled += new
            if refilled < 200_000_000 { greedyFar.send(pattern(new)) }
        }
        greedyFar.send(pattern(130_000))
        #expect(harness.run { greedy.bytes.count > 500_000 })
        let before = greedy.bytes.count
        modestFar.send([1])
        #expect(harness.run { !modest.bytes.isEmpty })
        #expect(greedy.bytes.count - before <= 20 * EventLoop.scratchSize)
        loop.close(greedy)
        loop.close(modest)
    }
}
