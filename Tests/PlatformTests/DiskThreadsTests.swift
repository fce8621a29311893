import CLinux
import Synchronization
import Testing

@testable import ApusServer

/// Holds threads up until it is opened, and counts those that are there.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var inside = 0
        var most = 0
    }
    private let state = Mutex(State())

    func pass() {
        state.withLock {
            $0.inside += 1
            $0.most = max($0.most, $0.inside)
        }
        while !state.withLock({ $0.isOpen }) { usleep(200) }
        state.withLock { $0.inside -= 1 }
    }

    func open() { state.withLock { $0.isOpen = true } }
    var inside: Int { state.withLock { $0.inside } }
    var most: Int { state.withLock { $0.most } }
}

struct DiskThreadsTests {
    private static func makeResults() -> DiskResults {
        DiskResults(notice: Int32(Kernel().makeNotice()))
    }

    /// Takes results until there are `count`, or two seconds have passed.
    private static func take(_ count: Int, from results: DiskResults) -> [DiskResult] {
        var all: [DiskResult] = []
        for _ in 0..<20_000 where all.count < count {
            all += results.take()
            usleep(100)
        }
        return all
    }

    @Test func everythingIsDoneOnce() {
        let results = Self.makeResults()
        let threads = DiskThreads(limit: 4, longestQueue: 65_536, results: results) { $0.offset + $0.count }
        for key in 0..<5_000 {
            #expect(threads.post(.read(DiskRead(key: key, file: -1, offset: key * 10, count: 3))) == .accepted)
        }
        let all = Self.take(5_000, from: results)
        #expect(all.map(\.key).sorted() == Array(0..<5_000))
        #expect(all.allSatisfy { $0.code == $0.key * 10 + 3 })
        threads.end()
    }

    @Test func noMoreThreadsThanAllowedAndNoMoreWaitThanMay() {
        let results = Self.makeResults()
        let gate = Gate()
        let threads = DiskThreads(limit: 2, longestQueue: 3, results: results) { _ in
            gate.pass()
            return 0
        }
        for key in 0..<5 { #expect(threads.post(.read(DiskRead(key: key, file: -1, offset: 0, count: 1))) == .accepted) }
        for _ in 0..<2_000 where gate.inside < 2 { usleep(100) }
        #expect(threads.post(.read(DiskRead(key: 5, file: -1, offset: 0, count: 1))) == .overflow(waiting: 3))
        gate.open()
        #expect(Self.take(5, from: results).count == 5)
        #expect(gate.most == 2)
        // There is room again.
        #expect(threads.post(.read(DiskRead(key: 6, file: -1, offset: 0, count: 1))) == .accepted)
        #expect(Self.take(1, from: results).map(\.key) == [6])
        threads.end()
    }

    @Test func whatWaitsAtTheEndIsNotDone() {
        let results = Self.makeResults()
        let gate = Gate()
        let threads = DiskThreads(limit: 1, longestQueue: 10, results: results) { _ in
            gate.pass()
            return 0
        }
        for key in 0..<4 { _ = threads.post(.read(DiskRead(key: key, file: -1, offset: 0, count: 1))) }
        for _ in 0..<2_000 where gate.inside < 1 { usleep(100) }
        threads.end()
        gate.open()
        #expect(Self.take(1, from: results).map(\.key) == [0])
        usleep(20_000)
        #expect(results.take().isEmpty)
    }

    @Test func aReadTellsHowMuchThereWas() throws {
        let results = Self.makeResults()
        let threads = DiskThreads(limit: 1, longestQueue: 10, results: results)
        var name = Array("/tmp/apus-threads-XXXXXX\0".utf8CString)
        let descriptor = unsafe mkstemp(&name)
        try #require(descriptor >= 0)
        defer {
            _ = unsafe unlink(name)
            close(descriptor)
        }
        #expect(ftruncate(descriptor, 300_000) == 0)
        let parts = [(0, 300_000), (200_000, 200_000), (300_000, 10)]
        for (key, part) in parts.enumerated() {
            _ = threads.post(.read(DiskRead(key: key, file: descriptor, offset: part.0, count: part.1)))
        }
        _ = threads.post(.read(DiskRead(key: 3, file: -1, offset: 0, count: 1)))
        let all = Self.take(4, from: results).sorted { $0.key < $1.key }
        #expect(all.map(\.code) == [300_000, 100_000, 0, -Int(EBADF)])
        threads.end()
    }
}
