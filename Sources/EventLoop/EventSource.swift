/// How a loop hears from the kernel: by epoll, or by io_uring. All else of a loop is the same with both.
///
/// Methods are handed the loop, which holds its source; a code is 0 or a negative error number.
class EventSource {
    /// What is to be heard of a descriptor.
    enum Interest {
        /// Of a connection: what it receives, and its end.
        case connection
        /// Of a connection attempt: how it ends; then as of a connection.
        case connecting
        /// Of a listening socket: who connects. `exclusive`: of several processes that wait for it one is woken.
        case connections(exclusive: Bool)
        /// Of anything else: that it can be read, as long as it can.
        case input
    }

    /// Waits for something to have happened, at most `milliseconds` (-1: for ever).
    func wait(_ loop: EventLoop, milliseconds: Int32) {}

    /// Tells the endpoints of what `wait` has found.
    func serve(_ loop: EventLoop) {}

    /// The system call that `watch` and `watchOutput` make, for messages of its failure.
    var watchingCall: StaticString { "epoll_ctl()" }

    func watch(_ endpoint: Endpoint, for interest: Interest, _ loop: EventLoop) -> Int { 0 }

    /// Watching is a call of its own, and what has happened before it is told of: it may as well come late, or never.
    var watchesLate: Bool { false }

    /// Says once that the kernel takes output again.
    func watchOutput(_ endpoint: Endpoint, _ loop: EventLoop) -> Int { 0 }

    /// Watches a listening socket no more, for now.
    func suspend(_ endpoint: Endpoint, _ loop: EventLoop) {}

    /// Watches a descriptor no more that stays open. When this returns nothing comes of it.
    func withdraw(_ endpoint: Endpoint, _ loop: EventLoop) {}

    /// The endpoint may have something to read, and wants it.
    func receive(_ endpoint: Endpoint, _ loop: EventLoop) {}

    /// Has the kernel read a part of a file into the page cache; `FileReads.kernelHasRead` follows, if only of a part of it. False: it
    /// does not do that, or takes no more now.
    func read(_ read: DiskRead, _ loop: EventLoop) -> Bool { false }

    /// The endpoint's descriptor is about to be closed: no call comes to it any more.
    func leave(_ endpoint: Endpoint, _ loop: EventLoop) {}

    /// Closes a descriptor behind all that was asked of it.
    func close(_ descriptor: Int32, _ loop: EventLoop) {}

    /// Lets take effect what was asked for outside of a turn.
    func flush() {}
}

/// What the bits of an event are called here; epoll and poll have the same.
enum Event {
    static let input: UInt32 = 0x001
    static let output: UInt32 = 0x004
    static let problem: UInt32 = 0x008 | 0x010
    static let peerEnd: UInt32 = 0x2000
    static let exclusive: UInt32 = 1 << 28
    static let edge: UInt32 = 1 << 31
}
