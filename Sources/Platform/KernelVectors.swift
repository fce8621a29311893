import CLinux

/// Places in memory that one call sends from, in order: at most 64. For the duration of a call only.
@safe
final class SendVector {
    /// An array of `iovec`.
    let parts: UnsafeMutableRawPointer
    private(set) var count = 0
    static let limit = 64

    init() {
        unsafe parts = .allocate(
            byteCount: Self.limit * MemoryLayout<iovec>.stride,
            alignment: MemoryLayout<iovec>.alignment)
    }

    deinit {
        unsafe parts.deallocate()
    }

    func removeAll() {
        count = 0
    }

    /// Adds a place; its memory has to stay where it is until the call has been made.
    @unsafe
    func append(_ bytes: UnsafeRawBufferPointer) {
        precondition(count < Self.limit)
        let part = unsafe iovec(
            iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
        unsafe parts.storeBytes(
            of: part, toByteOffset: count * MemoryLayout<iovec>.stride, as: iovec.self)
        count += 1
    }

    /// The places, for a kernel that is not Linux's.
    @unsafe
    func place(at index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < count)
        let part = unsafe parts.load(
            fromByteOffset: index * MemoryLayout<iovec>.stride, as: iovec.self)
        return unsafe UnsafeRawBufferPointer(start: part.iov_base, count: part.iov_len)
    }
}

/// The array that the kernel writes events to.
@safe
final class PollEvents {
    /// An array of `epoll_event`.
    let storage: UnsafeMutableRawPointer
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        unsafe storage = .allocate(
            byteCount: capacity * MemoryLayout<epoll_event>.stride,
            alignment: MemoryLayout<epoll_event>.alignment)
        unsafe storage.initializeMemory(
            as: UInt8.self, repeating: 0, count: capacity * MemoryLayout<epoll_event>.stride)
    }

    deinit {
        unsafe storage.deallocate()
    }

    /// The key and the mask of an event.
    subscript(index: Int) -> (key: UInt64, mask: UInt32) {
        get {
            precondition(index >= 0 && index < capacity)
            let event = unsafe storage.load(
                fromByteOffset: index * MemoryLayout<epoll_event>.stride, as: epoll_event.self)
            return unsafe (event.data.u64, event.events)
        }
        set {
            precondition(index >= 0 && index < capacity)
            var event = unsafe epoll_event()
            unsafe event.events = newValue.mask
            unsafe event.data.u64 = newValue.key
            unsafe storage.storeBytes(
                of: event, toByteOffset: index * MemoryLayout<epoll_event>.stride,
                as: epoll_event.self)
        }
    }
}
