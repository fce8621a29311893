/// What is done when `worker_connections` run out: connections over which nothing happens make room for new ones.
extension Engine {
    /// Closes some idle connections if there is little room left, as nginx does: an eighth of them, 32 at most.
    func makeRoom(_ errorLog: ErrorLog) {
        guard connectionLimit - connectionCount <= connectionLimit / 16, idleCount > 0 else { return }
        let chosen = chooseIdle(atMost: max(min(Self.mostReused, idleCount / 8), 1))
        guard !chosen.isEmpty else { return }
        if lastReuse != loop.now / 1_000 {
            lastReuse = loop.now / 1_000
            errorLog.write(.warn, connection: 0) {
                $0.append(decimal: connectionLimit)
                $0.append(" worker_connections are not enough, reusing connections")
            }
        }
        for connection in chosen where !connection.isClosed { connection.makeRoom() }
    }

    private static let mostReused = 32

    /// Those whose time would be over first. All connections are looked at, which is why several are closed at a time.
    private func chooseIdle(atMost limit: Int) -> [ServedConnection] {
        var chosen: [ServedConnection] = []
        loop.forEachEndpoint { endpoint in
            guard let connection = endpoint as? ServedConnection, connection.figure == .waiting,
                connection.canMakeRoom
            else { return }
            let deadline = connection.inputDeadline
            if chosen.count == limit {
                guard let last = chosen.last, deadline < last.inputDeadline else { return }
                chosen.removeLast()
            }
            chosen.insert(connection, at: chosen.firstIndex { $0.inputDeadline > deadline } ?? chosen.count)
        }
        return chosen
    }
}
