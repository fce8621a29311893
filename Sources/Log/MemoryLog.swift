/// A ring of the latest lines, kept in the process's memory for a debugger or a core dump.
final class MemoryLog: @unchecked Sendable {
    private let ring = Buffer(capacity: 16)
    private let size: Int
    private var next = 0

    init(size: Int) {
        self.size = size
        // Filled at once: the memory is there when a crash is near.
        ring.append(repeating: ASCII.space, count: size)
    }

    func append(_ line: Span<UInt8>) {
        for index in line.indices {
            ring[(next + index) % size] = line[index]
        }
        next = (next + line.count) % size
    }

    /// The ring as it lies in memory: the newest line may be anywhere.
    var contents: ByteString {
        let ring = ring
        return ByteString(ring.span)
    }
}
