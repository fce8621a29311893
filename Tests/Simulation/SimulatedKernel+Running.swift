@testable import ApusServer

/// Driving an event loop, and the reckoning at the end.
extension SimulatedKernel {
    /// Runs turns until the condition holds, or for a time. Returns whether it held.
    @discardableResult
    func run(
        _ loop: EventLoop, atMost milliseconds: Int = 600_000,
        until condition: () -> Bool = { false }
    ) -> Bool {
        withoutActuallyEscaping(condition) { condition in
            isAwaited = condition
            defer { isAwaited = nil }
            return turn(loop, atMost: milliseconds, until: condition)
        }
    }

    private func turn(
        _ loop: EventLoop, atMost milliseconds: Int, until condition: () -> Bool
    ) -> Bool {
        let end = now + milliseconds
        var futile = 0
        var turnsAtOnce = 0
        while !condition() {
            if now >= end || loop.shouldStop { return condition() }
            let before = (progress, now)
            loop.turn(waitingAtMost: end - now)
            futile = progress == before.0 ? futile + 1 : 0
            turnsAtOnce = now == before.1 ? turnsAtOnce + 1 : 0
            if futile > 200 || turnsAtOnce > 100_000 {
                note("the loop spins: \(futile) turns in which nothing happens, \(turnsAtOnce) at one moment")
                return condition()
            }
        }
        return true
    }

    /// What was left open, by kind.
    func leaks(besides expected: Set<Int32> = []) -> [String] {
        descriptors.filter { !expected.contains($0.key) }.sorted { $0.key < $1.key }.map {
            switch $0.value {
            case .socket(let socket): "socket \($0.key) (\(socket.state), from \(socket.remote))"
            case .file(let file): "file \($0.key) (\(file.path))"
            case .pipe(let pipe): "pipe \($0.key) (\(pipe.bytes.count) bytes)"
            case .poll: "poll \($0.key)"
            case .datagrams: "datagram socket \($0.key)"
            }
        }
    }
}
