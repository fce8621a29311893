/// What one worker keeps in memory of one kind, and how often that was of use.
final class MemoryFigures {
    var count = 0
    var bytes = 0
    var hits = 0
    var misses = 0
    /// The first of four counters that all workers add to.
    private let place: ConnectionCounters.Name
    private var published = (count: 0, bytes: 0, hits: 0, misses: 0)

    init(_ place: ConnectionCounters.Name) {
        self.place = place
    }

    /// Adds what has changed since the last time to what all workers have.
    func publish(to counters: ConnectionCounters) {
        let before = published
        published = (count, bytes, hits, misses)
        add(count - before.count, 0, counters)
        add(bytes - before.bytes, 1, counters)
        add(hits - before.hits, 2, counters)
        add(misses - before.misses, 3, counters)
    }

    private func add(_ change: Int, _ index: Int, _ counters: ConnectionCounters) {
        guard change != 0, let name = ConnectionCounters.Name(rawValue: place.rawValue + index) else { return }
        counters.add(change, to: name)
    }

    /// The worker ends, and its memory with it.
    func withdraw(from counters: ConnectionCounters) {
        count = 0
        bytes = 0
        publish(to: counters)
    }
}
