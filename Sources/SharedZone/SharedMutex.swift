import CLinux

/// A mutex inside shared memory that survives `kill -9` of its holder.
///
/// Whoever locks it after its holder died is told so, repairs what the mutex guards, and goes on. Locking it twice in one
/// thread is a fault of ours and ends the process.
@safe
struct SharedMutex: @unchecked Sendable {
    /// Bytes set aside for a mutex: one cache line, more than `pthread_mutex_t` takes.
    static let size = 64

    private let region: SharedRegion
    private var mutex: UnsafeMutablePointer<pthread_mutex_t> {
        unsafe region.base.assumingMemoryBound(to: pthread_mutex_t.self)
    }

    /// The mutex at the start of `region`, made anew if the memory is fresh.
    init(in region: SharedRegion, isFresh: Bool) throws(Errno) {
        precondition(unsafe MemoryLayout<pthread_mutex_t>.size <= Self.size)
        precondition(region.size >= Self.size)
        self.region = region
        guard isFresh else { return }
        let code = unsafe apus_mutex_initialise(mutex)
        guard code == 0 else { throw Errno(code) }
    }

    /// Runs `body` with the mutex held; before it, if the last holder died, `repair`.
    func withLock<Result>(repair: () -> Void, _ body: () -> Result) -> Result {
        lock(repair: repair)
        defer { unlock() }
        return body()
    }

    func lock(repair: () -> Void) {
        let code = unsafe pthread_mutex_lock(mutex)
        if code == 0 { return }
        precondition(code == EOWNERDEAD, "a shared mutex cannot be locked")
        // Marked only after the repair: if this process dies within it, the next one repairs again.
        repair()
        unsafe _ = pthread_mutex_consistent(mutex)
    }

    func unlock() {
        // Nothing written under the mutex may be moved after its release.
        unsafe _ = pthread_mutex_unlock(mutex)
    }
}
