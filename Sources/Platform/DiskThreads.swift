import CLinux

/// What a thread is to read. It is given numbers only, and touches nothing else that the process has: the descriptor stays open until
/// the result was taken.
struct DiskRead: Sendable {
    /// Comes back with the result.
    var key: Int
    var file: Int32
    var offset: Int
    var count: Int

    /// Reads a part of a file only to have it in the page cache. Returns how much of it there is, or a negative error number.
    func perform(into space: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        while done < count {
            let part = min(count - done, space.count)
            let code = unsafe apus_k_read(file, space.baseAddress, part, off_t(offset + done))
            if code <= 0 { return done > 0 ? done : code }
            done += code
        }
        return done
    }
}

/// How a task has ended.
struct DiskResult: Sendable {
    var key: Int
    /// Bytes that were there, or were written, or a negative error number.
    var code: Int
}

/// A mutex and a condition of this process, at a place of their own.
@safe
private final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe condition.initialize(to: pthread_cond_t())
        let code = unsafe (pthread_mutex_init(mutex, nil), pthread_cond_init(condition, nil))
        precondition(code == (0, 0), "a mutex and a condition can be made")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe _ = pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Within `locked`: gives the mutex up until somebody signals.
    func wait() { unsafe _ = pthread_cond_wait(condition, mutex) }
    func signal() { unsafe _ = pthread_cond_signal(condition) }
    func signalAll() { unsafe _ = pthread_cond_broadcast(condition) }
}

/// Where threads leave their results for a loop, which is told by a descriptor that becomes readable.
final class DiskResults: @unchecked Sendable {
    private let monitor = Monitor()
    private var results: [DiskResult] = []
    private let notice: Int32

    /// - Parameter notice: of `Kernel.makeNotice`; it stays the caller's, and open as long as any thread may have a result.
    init(notice: Int32) {
        self.notice = notice
    }

    fileprivate func add(_ result: DiskResult) {
        let isFirst = monitor.locked {
            results.append(result)
            return results.count == 1
        }
        if isFirst { apus_k_notify(notice) }
    }

    /// What has come since the last time. Take the notice before.
    func take() -> [DiskResult] {
        monitor.locked {
            let taken = results
            results = []
            return taken
        }
    }
}

/// Threads that wait for disks in a worker's place: a `thread_pool`. They are made after the fork, one at a time, when there is more to
/// do than there are threads.
final class DiskThreads: @unchecked Sendable {
    /// What tests put in the place of reading: something slower or stranger.
    typealias Work = @Sendable (DiskRead) -> Int

    /// The most threads there are at a time.
    private let limit: Int
    private let longestQueue: Int
    private let results: DiskResults
    private let work: Work?
    private let monitor = Monitor()
    // All below by `monitor`.
    private var queue: [DiskTask] = []
    private var next = 0
    private var threads = 0
    private var idle = 0
    /// Tasks that threads are at.
    private var underWay = 0
    private var isOver = false

    /// Bytes that a thread asks for at once.
    private static let portion = 128 * 1_024

    init(limit: Int, longestQueue: Int, results: DiskResults, work: Work? = nil) {
        self.limit = limit
        self.longestQueue = longestQueue
        self.results = results
        self.work = work
    }

    enum Posting: Equatable, Sendable {
        case accepted
        /// So many wait already.
        case overflow(waiting: Int)
        /// There is no thread, and none can be made.
        case noThread(Errno)
    }

    /// Hands a task to the threads. Refused, when as many wait as may beside those that threads are free for.
    func post(_ task: DiskTask) -> Posting {
        monitor.locked {
            let waiting = queue.count - next
            // As in nginx a thread that is free, or not made yet, has one wait less.
            let excess = waiting - (limit - underWay)
            if excess >= longestQueue { return .overflow(waiting: excess) }
            if waiting >= idle, threads < limit {
                let code = start()
                if code != 0, threads == 0 { return .noThread(Errno(code)) }
            }
            queue.append(task)
            monitor.signal()
            return .accepted
        }
    }

    /// Ends the threads when what they are at is done; what waits is not done any more.
    func end() {
        monitor.locked {
            isOver = true
            monitor.signalAll()
        }
    }

    private func start() -> Int32 {
        let own = unsafe Unmanaged.passRetained(self)
        let code = unsafe apus_start_thread(
            {
                guard let argument = unsafe $0 else { return nil }
                unsafe Unmanaged<DiskThreads>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            }, own.toOpaque())
        if code == 0 { threads += 1 } else { unsafe own.release() }
        return code
    }

    /// A thread's life.
    private func serve() {
        apus_block_signals()
        let space = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.portion, alignment: 4_096)
        defer { unsafe space.deallocate() }
        while let task = nextTask() {
            switch task {
            case .read(let read):
                results.add(DiskResult(key: read.key, code: work?(read) ?? (unsafe read.perform(into: space))))
            case .write(let write): results.add(DiskResult(key: write.key, code: write.perform()))
            }
            monitor.locked { underWay -= 1 }
        }
    }

    private func nextTask() -> DiskTask? {
        monitor.locked {
            idle += 1
            while next == queue.count, !isOver { monitor.wait() }
            idle -= 1
            if isOver {
                threads -= 1
                return nil
            }
            let task = queue[next]
            next += 1
            underWay += 1
            if next == queue.count {
                queue.removeAll(keepingCapacity: true)
                next = 0
            } else if next >= 1_024 {
                queue.removeFirst(next)
                next = 0
            }
            return task
        }
    }
}
