/// Buffers of one size, used over and over. What comes back grown, or beyond the bound, is freed.
final class BufferPool {
    /// The size of a fresh buffer, in bytes.
    let size: Int
    /// Free buffers that are kept at most.
    private let bound: Int
    private let free = List<Buffer>()

    init(size: Int, bound: Int) {
        self.size = size
        self.bound = bound
    }

    /// An empty buffer.
    func take() -> Buffer {
        if let buffer = free.popLast() { return buffer }
        return Buffer(capacity: size)
    }

    /// Gives a buffer back; the caller must not touch it any more.
    func give(_ buffer: Buffer) {
        guard buffer.capacity <= size * 2, free.count < bound else { return }
        buffer.removeAll()
        free.append(buffer)
    }

    /// Frees the kept buffers.
    func trim() {
        free.removeAll()
    }
}
