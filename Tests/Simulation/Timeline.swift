/// What is going to happen, ordered by time and then by when it was planned.
struct Timeline {
    private struct Item {
        let time: Int
        let sequence: Int
        let action: () -> Void

        func precedes(_ other: Item) -> Bool {
            time != other.time ? time < other.time : sequence < other.sequence
        }
    }

    /// A binary heap with the earliest item first.
    private var items: [Item] = []
    private var sequence = 0

    var nextTime: Int? { items.first?.time }

    mutating func add(at time: Int, _ action: @escaping () -> Void) {
        sequence += 1
        items.append(Item(time: time, sequence: sequence, action: action))
        var index = items.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard items[index].precedes(items[parent]) else { break }
            items.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the earliest item.
    mutating func take() -> (() -> Void)? {
        guard let first = items.first else { return nil }
        let last = items.removeLast()
        if items.isEmpty { return first.action }
        items[0] = last
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < items.count {
                if items[child].precedes(items[least]) { least = child }
            }
            if least == index { break }
            items.swapAt(index, least)
            index = least
        }
        return first.action
    }
}
