import CUring

/// The kernel lets nobody have a ring, or not this process.
struct RingRefusal: Error {
    /// The system call that has failed, as it is written in messages.
    let call: StaticString
    let error: Errno
}

/// An io_uring: requests that are gathered and handed over with the next wait, completions that come back, and buffers that the
/// kernel receives into. Made by the process that uses it, since only that one may.
@safe
final class Ring {
    private let ring: OpaquePointer
    private let bufferCount: Int
    /// Those in use. The kernel takes them in turn, so that memory beyond them is not touched.
    private var usedCount: Int
    /// The bytes of a buffer for receiving.
    let bufferSize: Int

    /// Requests that are gathered at most before they are handed over early.
    private static let requestCount: UInt32 = 512
    /// Completions that the kernel has room for before it must set some aside.
    private static let completionCount: UInt32 = 4_096

    /// Buffers that are used at first.
    private static let firstBuffers = 32

    /// - Parameter bufferCount: a power of two, at most 32,768.
    init(bufferCount: Int, bufferSize: Int) throws(RingRefusal) {
        precondition(bufferCount & (bufferCount - 1) == 0 && 1...32_768 ~= bufferCount)
        self.bufferCount = bufferCount
        self.bufferSize = bufferSize
        usedCount = min(Self.firstBuffers, bufferCount)
        var made: OpaquePointer?
        var call = APUS_RING_SETUP
        let code = unsafe apus_ring_open(
            &made, Self.requestCount, Self.completionCount, UInt32(bufferCount), UInt32(bufferSize),
            UInt32(usedCount), &call)
        guard code == 0, let made = unsafe made else { throw RingRefusal(call: Self.name(of: call), error: Errno(-code)) }
        unsafe ring = made
    }

    deinit {
        unsafe apus_ring_close(ring)
    }

    private static func name(of call: apus_ring_call) -> StaticString {
        switch call {
        case APUS_RING_MEMORY: "mmap()"
        case APUS_RING_REGISTER: "io_uring_register()"
        case APUS_RING_ENTER: "io_uring_enter()"
        default: "io_uring_setup()"
        }
    }

    // MARK: - Requests

    /// Receives over and over, each time into a buffer of the ring, until `Completion.isLast`. A negative error number: the kernel
    /// takes no requests.
    func receive(_ descriptor: Int32, key: UInt64) -> Int { unsafe Int(apus_ring_receive(ring, descriptor, key)) }

    /// Receives once; `waits`: nothing is expected to be there yet.
    func receiveOnce(_ descriptor: Int32, waits: Bool, key: UInt64) -> Int {
        unsafe Int(apus_ring_receive_once(ring, descriptor, waits ? 1 : 0, key))
    }

    /// Accepts over and over.
    func accept(_ descriptor: Int32, key: UInt64) -> Int { unsafe Int(apus_ring_accept(ring, descriptor, key)) }

    /// Tells once of events, in epoll's bits.
    func poll(_ descriptor: Int32, events: UInt32, key: UInt64) -> Int {
        unsafe Int(apus_ring_poll(ring, descriptor, events, key))
    }

    /// Ends the request with the key `target`, which completes by it; completes with `key` itself only if there is no such request.
    func cancel(_ target: UInt64, key: UInt64) -> Int { unsafe Int(apus_ring_cancel(ring, target, key)) }

    /// Closes a descriptor behind all that was asked of it; only a failure completes.
    func close(_ descriptor: Int32, key: UInt64) -> Int { unsafe Int(apus_ring_close_descriptor(ring, descriptor, key)) }

    /// Whether the kernel reads files for a ring.
    var canRead: Bool { unsafe apus_ring_can_read(ring) != 0 }

    /// Reads a part of a file, or its beginning, only to have it in the page cache. The descriptor has to stay open until it completes.
    func read(_ file: Int32, offset: Int, count: Int, key: UInt64) -> Int {
        unsafe Int(apus_ring_read(ring, file, UInt64(offset), count, key))
    }

    // MARK: - Completions

    struct Completion {
        let key: UInt64
        /// A count, a descriptor, events, or a negative error number.
        let result: Int32
        /// The buffer that was received into; -1: none.
        let buffer: Int32
        /// Nothing more comes of this request.
        let isLast: Bool

        /// In the place of one that was served.
        static let nothing = Completion(key: 0, result: 0, buffer: -1, isLast: true)
    }

    /// Hands over what is gathered and waits for a completion, at most `milliseconds` (-1: for ever).
    func wait(milliseconds: Int32) -> Int { unsafe Int(apus_ring_wait(ring, milliseconds)) }

    func nextCompletion() -> Completion? {
        var next = apus_completion()
        guard unsafe apus_ring_take(ring, &next) != 0 else { return nil }
        return Completion(key: next.key, result: next.result, buffer: next.buffer, isLast: next.is_last != 0)
    }

    // MARK: - Buffers

    /// Hands out the first `count` bytes of a buffer, for the call only.
    func lend(_ buffer: Int32, count: Int, _ use: (Span<UInt8>) -> Void) {
        precondition(0..<bufferCount ~= Int(buffer) && 0...bufferSize ~= count)
        let bytes = unsafe UnsafeRawBufferPointer(start: apus_ring_buffer(ring, UInt32(buffer)), count: count)
        use(unsafe Span<UInt8>(_unsafeBytes: bytes))
    }

    /// The kernel has run out of buffers: twice as many are used from now on, as far as there are so many.
    func useMoreBuffers() {
        let more = min(usedCount, bufferCount - usedCount)
        usedCount += more
        unsafe apus_ring_use_more(ring, UInt32(more))
    }

    /// Gives a buffer back to the kernel.
    func giveBack(_ buffer: Int32) {
        precondition(0..<bufferCount ~= Int(buffer))
        unsafe apus_ring_shelve(ring, UInt32(buffer))
    }
}
