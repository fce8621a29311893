import CLinux

/// Memory that the master maps before it forks, so that every worker sees the same bytes.
///
/// It is zero at first, and is unmapped when the last reference in a process goes.
@safe
final class SharedMemory {
    /// Page-aligned.
    let base: UnsafeMutableRawPointer
    let size: Int

    init(size: Int) throws(Errno) {
        precondition(size > 0)
        let protection = PROT_READ | PROT_WRITE
        let mapping = unsafe mmap(nil, size, protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
        // MAP_FAILED, a macro that Swift cannot import, is the address of all ones.
        guard let mapping = unsafe mapping, Int(bitPattern: mapping) != -1 else { throw Errno.last }
        unsafe base = mapping
        self.size = size
    }

    deinit {
        unsafe _ = munmap(base, size)
    }
}

// What lies in the mapping is reached only under a mutex or by atomic operations.
extension SharedMemory: @unchecked Sendable {}

/// A part of a mapping, kept alive with it.
@safe
struct SharedRegion: Sendable {
    let memory: SharedMemory
    let offset: Int
    let size: Int

    init(_ memory: SharedMemory) {
        self.memory = memory
        offset = 0
        size = memory.size
    }

    private init(_ memory: SharedMemory, offset: Int, size: Int) {
        self.memory = memory
        self.offset = offset
        self.size = size
    }

    var base: UnsafeMutableRawPointer { unsafe memory.base + offset }

    /// The part from `start`, `size` bytes long.
    func part(from start: Int, size: Int) -> SharedRegion {
        precondition(start >= 0 && size >= 0 && start + size <= self.size)
        return SharedRegion(memory, offset: offset + start, size: size)
    }
}
