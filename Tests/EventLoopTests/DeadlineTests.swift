import CLinux
import Testing

@testable import ApusServer
@testable import Simulation

/// Deadlines: never early, at most a tick late.
@Suite(.serialized)
struct DeadlineTests {
    private func timer(_ harness: Harness) -> Recorder {
        let timer = Recorder(loop: harness.loop, descriptor: -1)
        harness.loop.addTimer(timer)
        return timer
    }

    @Test(arguments: Ground.allCases)
    func aDeadlineIsNeverEarly(_ ground: Ground) throws {
        let harness = try Harness(ground)
        for delay in [1, 2, 3, 4, 5, 7, 8, 9, 31, 60] {
            let timer = timer(harness)
            let start = harness.loop.now
            harness.loop.setInputDeadline(timer, in: delay)
            #expect(harness.run { !timer.timeOuts.isEmpty })
            let passed = timer.timeOuts[0] - start
            #expect(passed >= delay)
            if ground == .simulation { #expect(passed <= delay + TimerWheel.tickMilliseconds) }
            harness.loop.close(timer)
        }
    }

    @Test(arguments: Ground.allCases)
    func deadlinesMoveAndGo(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let later = timer(harness)
        let earlier = timer(harness)
        let cleared = timer(harness)
        let both = timer(harness)
        let start = loop.now
        loop.setInputDeadline(later, in: 10)
        loop.setInputDeadline(earlier, in: 400)
        loop.setInputDeadline(cleared, in: 10)
        loop.setInputDeadline(both, in: 30)
        loop.setOutputDeadline(both, in: 60)
        loop.setInputDeadline(later, in: 80)
        loop.setInputDeadline(earlier, in: 20)
        loop.clearInputDeadline(cleared)
        harness.run(milliseconds: 200)
        #expect(later.timeOuts.count == 1 && later.timeOuts[0] - start >= 80)
        #expect(earlier.timeOuts.count == 1 && earlier.timeOuts[0] - start >= 20)
        #expect(cleared.timeOuts.isEmpty)
        #expect(both.calls == ["inputTimedOut", "outputTimedOut"])
        if ground == .simulation {
            #expect(later.timeOuts[0] - start <= 84)
            #expect(earlier.timeOuts[0] - start <= 24)
            #expect(both.timeOuts[0] - start <= 34 && both.timeOuts[1] - start <= 64)
        }
        for timer in [later, earlier, cleared, both] { loop.close(timer) }
    }

    @Test(arguments: Ground.allCases)
    func aDeadlineCanBeSetWithinItsOwnCall(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let timer = timer(harness)
        timer.onTimeOut = { if $0.timeOuts.count < 5 { harness.loop.setInputDeadline($0, in: 5) } }
        harness.loop.setInputDeadline(timer, in: 5)
        #expect(harness.run { timer.timeOuts.count == 5 })
        harness.run(milliseconds: 20)
        #expect(timer.timeOuts.count == 5)
        harness.loop.close(timer)
    }

    @Test(arguments: Ground.allCases)
    func ofThousandsEachComesOnce(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        var random = SeededRandom(seed: 5)
        let start = loop.now
        var timers: [(Recorder, Int)] = []
        for _ in 0..<5_000 {
            let timer = timer(harness)
            let delay = random.number(0...300)
            loop.setInputDeadline(timer, in: delay)
            timers.append((timer, delay))
        }
        harness.run(milliseconds: 400)
        for (timer, delay) in timers {
            #expect(timer.timeOuts.count == 1)
            if let moment = timer.timeOuts.first { #expect(moment - start >= delay) }
            loop.close(timer)
        }
        #expect(loop.endpointCount == 0)
    }

    /// Each connection left an entry in the wheel until its time-out would have come: with one of a day, a gigabyte of them.
    @Test(arguments: Ground.allCases)
    func connectionsThatHaveGoneLeaveNoTimersBehind(_ ground: Ground) throws {
        let harness = try Harness(ground)
        let loop = harness.loop
        let day = 86_400_000
        let stays = timer(harness)
        loop.setInputDeadline(stays, in: 20)
        var most = 0
        for number in 0..<50_000 {
            let timer = timer(harness)
            loop.setInputDeadline(timer, in: number % 2 == 0 ? day : number)
            loop.close(timer)
            most = max(most, loop.wheel.count)
        }
        #expect(most < 5_000)
        #expect(harness.run { stays.timeOuts.count == 1 })
        loop.close(stays)
    }

    /// Hours pass at once on the simulated kernel: every level of the wheel is used.
    @Test func farDeadlinesAreKept() throws {
        let harness = try Harness(.simulation)
        let loop = harness.loop
        let hour = 3_600_000
        for delay in [1_000, 1_024, 65_536, 300_000, hour, 19 * hour, 30 * 24 * hour] {
            let timer = timer(harness)
            let start = loop.now
            loop.setInputDeadline(timer, in: delay)
            var turns = 0
            while timer.timeOuts.isEmpty, turns < 10_000 {
                loop.turn()
                turns += 1
            }
            #expect(timer.timeOuts.count == 1)
            let passed = (timer.timeOuts.first ?? 0) - start
            #expect(passed >= delay && passed <= delay + 4)
            #expect(turns < 600)
            loop.close(timer)
        }
    }
}

/// The timer wheel against a plain list.
struct TimerWheelTests {
    @Test func aMillionOperationsAgreeWithAList() {
        var random = SeededRandom(seed: 11)
        var now = 123_456_789
        let wheel = TimerWheel(now: now)
        /// Ticks of entries by their number.
        var model: [Int32: UInt64] = [:]
        var number: Int32 = 0
        let due = List<TimerWheel.Entry>()
        for _ in 0..<1_000_000 {
            if random.chance(0.6), model.count < 4_000 {
                let span = [3, 100, 2_000, 400_000, 90_000_000, 20_000_000_000][
                    random.number(0...5)]
                let tick = max(
                    TimerWheel.tick(for: now + random.number(0...span)), wheel.current + 1)
                number += 1
                wheel.insert(.init(slot: number, generation: 0, tick: tick))
                model[number] = tick
                continue
            }
            if random.chance(0.000_2) {
                let isDead: (Int32) -> Bool = { $0 % 3 != 0 }
                wheel.removeAll { isDead($0.slot) }
                model = model.filter { !isDead($0.key) }
                if wheel.count != model.count { Issue.record("\(wheel.count) are left, not \(model.count)") }
            }
            let old = now
            if random.chance(0.02), let delay = wheel.delay(from: now) {
                now += delay
            } else {
                now += random.number(0...random.number(0...40))
            }
            if random.chance(0.000_5) { now += random.number(0...10_000_000) }
            #expect(now >= old)
            due.removeAll()
            wheel.advance(to: now, into: due)
            let current = UInt64(now / TimerWheel.tickMilliseconds)
            for entry in due.array {
                // What is parked far away comes with its own tick, which may be later.
                guard let tick = model.removeValue(forKey: entry.slot) else {
                    Issue.record("\(entry.slot) came twice")
                    return
                }
                if tick != entry.tick || tick > current {
                    Issue.record("\(entry.slot) for tick \(tick) came at \(current)")
                    return
                }
            }
            if !due.isEmpty || random.chance(0.001) {
                if let late = model.first(where: { $0.value <= current }) {
                    Issue.record("\(late) is missing at \(current)")
                    return
                }
                if wheel.count != model.count {
                    Issue.record("the wheel counts \(wheel.count), not \(model.count)")
                    return
                }
            }
        }
        // The rest comes when the wheel says so, with few looks.
        var looks = 0
        while let delay = wheel.delay(from: now), looks < 100_000 {
            now += delay
            due.removeAll()
            wheel.advance(to: now, into: due)
            for entry in due.array { model[entry.slot] = nil }
            looks += 1
        }
        #expect(model.isEmpty)
    }
}
