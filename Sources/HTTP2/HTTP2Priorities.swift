/// The tree of streams that clients make with priorities, as nginx keeps it: who depends on whom, and how much of their share
/// each gets. There is one only for clients that send any.
///
/// It only orders: streams nearer to the root go first, among them those with the larger share.
final class HTTP2Priorities {
    static let usualWeight = 16
    /// Streams that the tree knows at most; those that are over, or have not begun yet, among them.
    private static let most = 256
    private static let mostIdle = 32

    private struct Node {
        /// 0: free.
        var id: Int32
        /// The index of the node it depends on, or -1.
        var parent: Int
        var weight: Int
        var isOpen: Bool
        /// When it was last spoken of, for those that are not open.
        var age: Int
    }

    private let nodes = List<Node>(capacity: 16)
    private var count = 0
    private var idleCount = 0
    private var clock = 0

    init() {}

    /// The index of a stream's node, or -1.
    func find(_ id: Int32) -> Int {
        for index in nodes.indices where nodes[index].id == id { return index }
        return -1
    }

    /// A stream begins.
    ///
    /// - Returns: the index of its node, or -1.
    func open(_ id: Int32) -> Int {
        let index = find(id)
        guard index >= 0, !nodes[index].isOpen else { return index }
        nodes[index].isOpen = true
        idleCount -= 1
        return index
    }

    /// A stream is over: what depends on it goes on to do so for a while.
    func close(_ index: Int) {
        guard nodes[index].isOpen else { return }
        nodes[index].isOpen = false
        idleCount += 1
        touch(index)
        dropIdle()
    }

    /// What a stream depends on, said by the client.
    ///
    /// - Parameters:
    ///   - isOpen: the stream has begun.
    ///   - parentIsOpen: the one it depends on has.
    /// - Returns: the indices of both nodes, or -1.
    func set(
        _ id: Int32, isOpen: Bool, dependsOn parent: Int32, parentIsOpen: Bool, isExclusive: Bool, weight: Int
    ) -> (own: Int, parent: Int) {
        // On itself nothing depends: the tree would have no end.
        guard id != parent else { return (find(id), -1) }
        let above = parent == 0 ? -1 : node(parent, isOpen: parentIsOpen, makes: parentIsOpen)
        let own = node(id, isOpen: isOpen, makes: true)
        guard own >= 0 else { return (own, above) }
        nodes[own].weight = weight
        if above >= 0, depends(above, on: own) { nodes[above].parent = nodes[own].parent }
        // One that depends on what nobody knows has not the whole of it for itself.
        if isExclusive, above >= 0 || parent == 0 {
            for index in nodes.indices where nodes[index].id != 0 && nodes[index].parent == above && index != own {
                nodes[index].parent = own
            }
        }
        nodes[own].parent = above
        touch(own)
        if above >= 0 { touch(above) }
        dropIdle()
        return (nodes[own].id == id ? own : -1, above >= 0 && nodes[above].id == parent ? above : -1)
    }

    /// Nodes farther from the root than this are alike.
    private static let deepest = 64

    /// How far from the root, and how much of a share.
    func place(of index: Int) -> (depth: Int, share: Double) {
        var depth = 1
        var share = Double(nodes[index].weight) / 256
        var above = nodes[index].parent
        while above >= 0, depth < Self.deepest {
            depth += 1
            share *= Double(nodes[above].weight) / 256
            above = nodes[above].parent
        }
        return (depth, share)
    }

    /// That of a stream that nothing was said of.
    static let usualPlace = (depth: 1, share: Double(usualWeight) / 256)

    // MARK: - Nodes

    private func touch(_ index: Int) {
        clock += 1
        nodes[index].age = clock
    }

    private func depends(_ index: Int, on other: Int) -> Bool {
        var above = index
        while above >= 0 {
            if above == other { return true }
            above = nodes[above].parent
        }
        return false
    }

    private func node(_ id: Int32, isOpen: Bool, makes: Bool) -> Int {
        let old = find(id)
        if old >= 0 || !makes || count >= Self.most { return old }
        count += 1
        if !isOpen { idleCount += 1 }
        let node = Node(id: id, parent: -1, weight: Self.usualWeight, isOpen: isOpen, age: 0)
        for index in nodes.indices where nodes[index].id == 0 {
            nodes[index] = node
            touch(index)
            return index
        }
        nodes.append(node)
        touch(nodes.count - 1)
        return nodes.count - 1
    }

    /// Forgets who has not been spoken of for longest; those below share its weight.
    private func dropIdle() {
        while idleCount > Self.mostIdle {
            var oldest = -1
            for index in nodes.indices where nodes[index].id != 0 && !nodes[index].isOpen {
                if oldest < 0 || nodes[index].age < nodes[oldest].age { oldest = index }
            }
            guard oldest >= 0 else { return }
            remove(oldest)
        }
    }

    private func remove(_ index: Int) {
        let gone = nodes[index]
        var weights = 0
        for child in nodes.indices where nodes[child].id != 0 && nodes[child].parent == index {
            weights += nodes[child].weight
        }
        for child in nodes.indices where nodes[child].id != 0 && nodes[child].parent == index {
            nodes[child].parent = gone.parent
            nodes[child].weight = max(gone.weight * nodes[child].weight / weights, 1)
        }
        nodes[index].id = 0
        nodes[index].parent = -1
        count -= 1
        idleCount -= 1
    }
}
