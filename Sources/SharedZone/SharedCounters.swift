import CLinux

/// A fixed row of 64-bit counters that all processes add to without a lock.
@safe
final class SharedCounters: Sendable {
    private let memory: SharedMemory
    let count: Int
    /// One counter a cache line, so that workers adding to different ones do not slow each other.
    private static let stride = 64

    init(count: Int) throws(Errno) {
        memory = try SharedMemory(size: count * Self.stride)
        self.count = count
    }

    private func cell(_ index: Int) -> UnsafeMutablePointer<Int64> {
        precondition(index >= 0 && index < count)
        return unsafe (memory.base + index * Self.stride).assumingMemoryBound(to: Int64.self)
    }

    /// Adds, and returns the sum.
    @discardableResult
    func add(_ delta: Int, to index: Int) -> Int {
        unsafe Int(apus_atomic_add(cell(index), Int64(delta)))
    }

    func value(_ index: Int) -> Int {
        unsafe Int(apus_atomic_load(cell(index)))
    }
}

/// What `stub_status` shows, summed over all workers: the counters of client connections, and of what is kept in memory.
struct ConnectionCounters: Sendable {
    enum Name: Int, CaseIterable {
        case accepted, handled, active, requests, reading, writing, waiting
        case files, fileBytes, fileHits, fileMisses
        case bodies, bodyBytes, bodyHits, bodyMisses
        /// What threads have read of files.
        case reads, readBytes
    }

    private let counters: SharedCounters

    init() throws(Errno) {
        counters = try SharedCounters(count: Name.allCases.count)
    }

    /// Adds, and returns the sum.
    @discardableResult
    func add(_ delta: Int, to name: Name) -> Int {
        counters.add(delta, to: name.rawValue)
    }

    subscript(name: Name) -> Int { counters.value(name.rawValue) }
}
