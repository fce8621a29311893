@testable import ApusServer
import Testing


struct RoundRobinTests {
    @Test func theOrderIsNginxs() {
        #expect(picks(makeGroup(weights(5, 1, 1)), 14) == "aabacaaaabacaa")
        #expect(picks(makeGroup(weights(1, 1, 1)), 6) == "abcabc")
        // Recorded from nginx 1.22.
        let recorded = "abcadabacbaabcadabacbaabcadabacba"
        #expect(picks(makeGroup(weights(5, 3, 2, 1)), 33) == recorded)
    }

    @Test func aThousandRequestsAreSharedByWeight() {
        let text = picks(makeGroup(weights(50, 30, 15, 5)), 1000)
        for (letter, count) in [("a", 500), ("b", 300), ("c", 150), ("d", 50)] {
            #expect(text.filter { String($0) == letter }.count == count)
        }
    }

    @Test func aFailedPeerIsLeftOutForItsTimeout() {
        let group = makeGroup(weights(1, 1))
        #expect(pick(group, .none, .failed, now: 100) == "a")
        #expect(picks(group, 4, now: 105) == "bbbb")
        // Exactly at the end of the window it is still out.
        #expect(picks(group, 2, now: 110) == "bb")
        #expect(picks(group, 4, now: 111).contains("a"))
    }

    @Test func aSuccessAfterTheTimeoutClearsTheFailures() {
        let group = makeGroup([{ $0.limits.maxFails = 2 }, { _ in }])
        while group.snapshot()[0].fails == 0 { _ = tries(group, now: 100) }
        #expect(group.snapshot()[0].fails == 1)
        // In the second of the failure itself a success proves nothing.
        _ = picks(group, 4, now: 100)
        #expect(group.snapshot()[0].fails == 1)
        _ = picks(group, 4, now: 111)
        #expect(group.snapshot()[0].fails == 0)
    }

    @Test func aFailedWindowGetsOneRequestAtATime() {
        let group = makeGroup(weights(1, 1))
        #expect(pick(group, .none, .failed, now: 100) == "a")
        let probe = PeerSelection(group: group)
        var names: [String] = []
        while letter(probe.nextPeer(now: 111)) != "a" { probe.release(.succeeded, now: 111) }
        for _ in 0..<4 { names.append(pick(group, now: 111)) }
        #expect(names == ["b", "b", "b", "b"])
        probe.release(.succeeded, now: 111)
        #expect(picks(group, 4, now: 111).contains("a"))
    }

    @Test func weightComesBackStepByStep() {
        let group = makeGroup([
            {
                $0.limits.weight = 4; $0.limits.maxFails = 2
            }, { _ in },
        ])
        #expect(pick(group, .none, .failed, now: 100) == "a")
        #expect(group.snapshot()[0].effectiveWeight == 2)
        _ = picks(group, 1, now: 100)
        #expect(group.snapshot()[0].effectiveWeight == 3)
        _ = picks(group, 3, now: 100)
        #expect(group.snapshot()[0].effectiveWeight == 4)
    }

    @Test func maxFailsZeroNeverDisables() {
        let group = makeGroup([{ $0.limits.maxFails = 0 }, { $0.limits.maxFails = 0 }])
        for _ in 0..<10 { #expect(Set(tries(group)) == ["a", "b"]) }
        #expect(group.snapshot()[0].effectiveWeight == 1)
    }

    @Test func releaseTellsOfTheFailureThatDisables() {
        let group = makeGroup([{ $0.limits.maxFails = 2 }, { $0.limits.isDown = true }])
        var reports: [Bool] = []
        for _ in 0..<2 {
            let selection = PeerSelection(group: group)
            _ = selection.nextPeer(now: 100)
            reports.append(selection.release(.failed, now: 100))
        }
        #expect(reports == [false, true])
        #expect(pick(group) == "-")
    }

    @Test func eachPeerIsTriedOncePerRequest() {
        #expect(tries(makeGroup(weights(3, 1, 1))) == "abc")
        #expect(tries(makeGroup([{ _ in }, { $0.limits.isDown = true }, { _ in }])) == "ac")
    }

    @Test func backupsFollowThePrimaries() {
        let group = makeGroup([
            { $0.isBackup = true }, { _ in }, { $0.isBackup = true }, { _ in },
        ])
        #expect(tries(group) == "bdac")
        // All have failed now.
        #expect(pick(group) == "-")
        #expect(picks(group, 4, now: 111).filter { $0 == "b" || $0 == "d" }.count == 4)
    }

    @Test func aLonePeerIsNeverMarkedFailed() {
        let group = makeGroup(weights(1))
        for _ in 0..<5 { #expect(tries(group) == "a") }
        #expect(group.snapshot()[0].fails == 0)
        // With a backup to turn to it is.
        let pair = makeGroup([{ _ in }, { $0.isBackup = true }])
        #expect(tries(pair) == "ab")
        #expect(pick(pair) == "-")
    }

    @Test func aLonePeerMayBeDownOrFull() {
        #expect(pick(makeGroup([{ $0.limits.isDown = true }])) == "-")
        let group = makeGroup([{ $0.limits.maxConnections = 1 }])
        let held = PeerSelection(group: group)
        #expect(letter(held.nextPeer(now: 1)) == "a")
        #expect(pick(group) == "-")
        held.release(.succeeded, now: 1)
        #expect(pick(group) == "a")
    }

    @Test func fullPeersAreLeftOut() {
        let group = makeGroup([{ $0.limits.maxConnections = 1 }, { _ in }])
        let first = PeerSelection(group: group)
        #expect(letter(first.nextPeer(now: 1)) == "a")
        #expect(picks(group, 3, now: 1) == "bbb")
        first.release(.succeeded, now: 1)
        #expect(picks(group, 3, now: 1).contains("a"))
        #expect(group.snapshot().map(\.connections) == [0, 0])
    }

    @Test func triesCanBeLimited() {
        let selection = PeerSelection(group: makeGroup(weights(1, 1, 1)))
        #expect(selection.triesLeft == 3)
        selection.limitTries(to: 2)
        #expect(selection.triesLeft == 2)
        selection.limitTries(to: 0)
        #expect(selection.triesLeft == 2)
    }

    @Test func moreThan64PeersAreEachTriedOnce() {
        let group = makeGroup(Array(repeating: { _ in }, count: 150))
        let selection = PeerSelection(group: group)
        var ports: Set<UInt16> = []
        for _ in 0..<150 {
            guard let peer = selection.nextPeer(now: 1) else { break }
            ports.insert(peer.address.port)
            selection.release(.failed, now: 1)
        }
        #expect(ports.count == 150)
        #expect(selection.nextPeer(now: 1) == nil)
    }
}
