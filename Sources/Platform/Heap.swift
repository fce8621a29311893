import CLinux

/// The process's heap.
enum Heap {
    /// Bytes that were freed and are kept for later.
    static var unused: Int { Int(mallinfo2().fordblks) }

    /// Gives the system what is not used.
    static func giveBack() { _ = malloc_trim(0) }
}
