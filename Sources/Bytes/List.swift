/// A growable list with one owner at a time, for the data path: its memory is kept when it is emptied.
///
/// It is a class, held by a constant, so that a change of it is no access to a property of its owner: an array there costs a
/// dynamic check of exclusivity and a check of uniqueness at each use. All indices are checked.
@safe
final class List<Element> {
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 8) {
        precondition(capacity >= 0)
        unsafe base = .allocate(capacity: capacity)
        self.capacity = capacity
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    var isEmpty: Bool { count == 0 }
    var indices: Range<Int> { 0..<count }

    subscript(index: Int) -> Element {
        // Lent rather than copied, so that looking at an element counts no references.
        _read {
            precondition(index >= 0 && index < count)
            yield unsafe base[index]
        }
        _modify {
            precondition(index >= 0 && index < count)
            yield unsafe &base[index]
        }
    }

    /// A copy of the elements, for code off the data path.
    var array: [Element] { indices.map { self[$0] } }

    /// The first element, or nil.
    var first: Element? { count > 0 ? self[0] : nil }
    /// The last element, or nil.
    var last: Element? { count > 0 ? self[count - 1] : nil }

    func append(_ element: consuming Element) {
        if count == capacity { grow() }
        unsafe (base + count).initialize(to: element)
        count &+= 1
    }

    func popLast() -> Element? {
        guard count > 0 else { return nil }
        count &-= 1
        return unsafe (base + count).move()
    }

    /// Puts an element before the one at `index`.
    func insert(_ element: consuming Element, at index: Int) {
        precondition(index >= 0 && index <= count)
        if count == capacity { grow() }
        unsafe (base + index + 1).moveInitialize(from: base + index, count: count - index)
        unsafe (base + index).initialize(to: element)
        count &+= 1
    }

    func remove(at index: Int) {
        precondition(index >= 0 && index < count)
        unsafe (base + index).deinitialize(count: 1)
        unsafe (base + index).moveInitialize(from: base + index + 1, count: count - index - 1)
        count &-= 1
    }

    /// Removes all elements. A list that has grown beyond `bound` elements gives its memory back.
    func removeAll(keepingUpTo bound: Int = .max) {
        if count > 0 {
            // Emptied before the elements go, since their end may come back here.
            let number = count
            count = 0
            unsafe base.deinitialize(count: number)
        }
        if capacity > bound {
            unsafe base.deallocate()
            capacity = bound
            unsafe base = .allocate(capacity: capacity)
        }
    }

    /// Keeps the first `newCount` elements.
    func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count)
        let number = count - newCount
        count = newCount
        unsafe (base + newCount).deinitialize(count: number)
    }

    /// Exchanges the elements of two lists.
    func swap(with other: List) {
        // One value after the other: a swap in place would make every access to these properties a checked one.
        let own = unsafe (base, capacity, count)
        unsafe base = other.base
        capacity = other.capacity
        count = other.count
        unsafe (other.base, other.capacity, other.count) = unsafe own
    }

    @inline(never)
    private func grow() {
        precondition(capacity <= Int.max / 4)
        let size = max(capacity * 2, 8)
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: size)
        unsafe larger.moveInitialize(from: base, count: count)
        unsafe base.deallocate()
        unsafe base = larger
        capacity = size
    }
}
