import CLinux
import Testing

@testable import ApusServer
@testable import Simulation

/// What only io_uring can get wrong.
@Suite(.serialized)
struct RingTests {
    private func source(_ harness: Harness) throws -> RingSource {
        try #require(harness.loop.source as? RingSource)
    }

    /// More of them than there are buffers: the kernel runs out of buffers in the middle of a turn.
    @Test func moreMessagesThanBuffersAllArrive() throws {
        let harness = try Harness(.ring)
        var pairs: [(Recorder, FarEnd)] = []
        for _ in 0..<40 { pairs.append(try harness.connection()) }
        harness.run(milliseconds: 2)
        // 2,000 full buffers before the loop asks again.
        let bytes = [UInt8](repeating: 5, count: 200_000)
        for (_, far) in pairs { far.send(bytes) }
        #expect(harness.run { pairs.allSatisfy { $0.0.bytes.count == bytes.count } })
        for (recorder, far) in pairs {
            far.send([1, 2, 3])
            #expect(harness.run { recorder.bytes.count == bytes.count + 3 })
            harness.loop.close(recorder)
        }
    }

    /// So many short messages come first, so that the kernel receives once, or over and over.
    @Test(arguments: [0, 1, 5]) func aPausedEndpointTakesABoundedShare(_ messages: Int) throws {
        let harness = try Harness(.ring)
        let (recorder, far) = try harness.connection()
        harness.run(milliseconds: 2)
        for count in 0..<messages {
            far.send([6])
            #expect(harness.run { recorder.bytes.count == count + 1 })
        }
        #expect(recorder.pace == (messages == 0 ? .unknown : messages == 1 ? .short : .steady))
        harness.loop.pauseReading(recorder)
        let piece = [UInt8](repeating: 6, count: 10_000)
        for _ in 0..<15 {
            far.send(piece)
            harness.run(milliseconds: 2)
        }
        let held = try source(harness).held[Int(recorder.slot)]?.buffers.array.reduce(0) { $0 + $1.count } ?? 0
        #expect(held > 0 && held <= 20_000)
        #expect(recorder.bytes.count == messages)
        harness.loop.resumeReading(recorder)
        #expect(harness.run { recorder.bytes.count == messages + 150_000 })
        #expect(recorder.bytes.allSatisfy { $0 == 6 })
        harness.loop.close(recorder)
    }

    @Test func aResetBehindInputThatWaitsIsNoOrderlyEnd() throws {
        let harness = try Harness(.ring)
        let (recorder, far) = try harness.connection()
        harness.run(milliseconds: 2)
        harness.loop.pauseReading(recorder)
        far.send([1, 2, 3])
        far.reset()
        harness.run(milliseconds: 10)
        #expect(recorder.calls.isEmpty)
        harness.loop.resumeReading(recorder)
        #expect(harness.run { !recorder.calls.isEmpty })
        #expect(recorder.calls == ["failed"])
        harness.loop.close(recorder)
    }

    /// The descriptor's number is taken again while what was asked for its predecessor has not ended.
    @Test func aSuccessorOfTheSameNumberGetsAllOfItsBytes() throws {
        let harness = try Harness(.ring)
        var number: Int32 = -1
        var repeated = 0
        for round in 0..<200 {
            let (recorder, far) = try harness.connection()
            if recorder.descriptor == number { repeated += 1 }
            number = recorder.descriptor
            let bytes = [UInt8](repeating: UInt8(round), count: 50)
            far.send(bytes)
            // Some are closed before the kernel was asked for anything.
            if round % 3 == 0 { #expect(harness.run { recorder.bytes == bytes }) }
            harness.loop.close(recorder)
            #expect(recorder.bytes.isEmpty || recorder.bytes == bytes)
            far.close()
        }
        #expect(repeated > 0)
        #expect(harness.loop.endpointCount == 0)
    }

    @Test func closingTellsThePeerThoughTheKernelWasReceiving() throws {
        let harness = try Harness(.ring)
        let (recorder, far) = try harness.connection()
        harness.run(milliseconds: 2)
        recorder.onReceive = { harness.loop.close($0) }
        far.send([1])
        #expect(harness.run { recorder.isClosed })
        harness.run(milliseconds: 2)
        #expect((far as? LinuxFarEnd)?.hasEnded == true)
    }

    /// Much that comes is received by plain calls after a while, and what comes later by the kernel again.
    @Test func muchInputInPiecesOfAllSizesKeepsItsOrder() throws {
        let harness = try Harness(.ring)
        let (recorder, far) = try harness.connection()
        var random = SeededRandom(seed: 3)
        var sent: [UInt8] = []
        var paused = false
        for _ in 0..<600 {
            let count = random.chance(0.3) ? random.number(1...120_000) : random.number(1...3_000)
            let piece = (0..<count).map { UInt8(truncatingIfNeeded: sent.count &+ $0 &* 7) }
            sent += piece
            far.send(piece)
            if random.chance(0.2) {
                if paused { harness.loop.resumeReading(recorder) } else { harness.loop.pauseReading(recorder) }
                paused.toggle()
            }
            harness.loop.turn(waitingAtMost: 0)
            // The far end's sends wait for room.
            if paused, sent.count - recorder.bytes.count > 100_000 {
                harness.loop.resumeReading(recorder)
                paused = false
            }
            if !paused { #expect(harness.run { recorder.bytes.count == sent.count }) }
        }
        harness.loop.resumeReading(recorder)
        #expect(harness.run { recorder.bytes.count == sent.count })
        #expect(recorder.bytes == sent)
        harness.loop.close(recorder)
    }

    /// Who was accepted before the worker stopped listening has nobody else to serve him.
    @Test func whoeverWasAcceptedIsHandedOutBeforeListeningEnds() throws {
        let harness = try Harness(.ring)
        let kernel = harness.kernel
        let descriptor = Int32(kernel.socket(family: AF_INET, type: Kernel.streamType))
        defer { kernel.close(descriptor) }
        #expect(
            unsafe SocketAddress(ipv4: 0x7F00_0001, port: 0).withSystemAddress {
                unsafe kernel.bind(descriptor, to: $0)
            } == 0)
        #expect(listen(descriptor, 16) == 0)
        var raw = RawAddress()
        #expect(kernel.localAddress(descriptor, &raw) == 0)
        let address = SocketAddress(raw)
        func dial() -> Int32 {
            let client = Int32(kernel.socket(family: AF_INET, type: Kernel.streamType))
            _ = unsafe address.withSystemAddress { unsafe kernel.connect(client, to: $0) }
            return client
        }
        let listening = Listening(loop: harness.loop, descriptor: descriptor)
        try harness.loop.addListening(listening, exclusive: false)
        let first = dial()
        #expect(harness.run { listening.accepted.count == 1 })
        let second = dial()
        usleep(10_000)
        harness.loop.withdraw(listening)
        let accepted = listening.accepted.count
        // It was accepted here, or waits for others.
        let other = Listening(loop: harness.loop, descriptor: descriptor)
        try harness.loop.addListening(other, exclusive: false)
        #expect(harness.run { accepted + other.accepted.count == 2 })
        harness.run(milliseconds: 5)
        #expect(listening.accepted.count == accepted)
        harness.loop.withdraw(other)
        for number in [first, second] + listening.accepted + other.accepted { kernel.close(number) }
    }
}

private final class Listening: Endpoint {
    var accepted: [Int32] = []

    override func accepted(_ descriptor: Int32, from address: RawAddress) {
        #expect(SocketAddress(address).family == .ipv4)
        accepted.append(descriptor)
    }
}
