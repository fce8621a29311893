import CLinux

/// The system calls of the data path, each overridable: tests put a simulated kernel in this one's place.
///
/// A result is what the kernel itself returns: a count or descriptor, or a negative error number. A call that a signal
/// interrupted is made again, except `pollWait`. Pointers are valid for the call only.
class Kernel {
    init() {}

    // MARK: - Clocks

    /// Milliseconds of a clock that never goes back.
    func monotonicMilliseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    /// Milliseconds since the epoch, UTC.
    func wallMilliseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    /// A descriptor that becomes readable every so many milliseconds.
    func ticker(milliseconds: Int) -> Int {
        apus_k_ticker(milliseconds)
    }

    /// Takes the ticks that have come.
    func takeTicks(_ ticker: Int32) {
        apus_k_take_ticks(ticker)
    }

    // MARK: - Sockets

    /// The type of sockets that carry a stream of bytes.
    static let streamType = Int32(SOCK_STREAM.rawValue)
    /// The type of sockets that carry messages.
    static let datagramType = Int32(SOCK_DGRAM.rawValue)

    /// A non-blocking, close-on-exec socket; `type` is `SOCK_STREAM` or `SOCK_DGRAM` as a number.
    func socket(family: Int32, type: Int32) -> Int {
        apus_k_socket(family, type)
    }

    /// Accepts one connection, non-blocking and close-on-exec, and stores the peer's address.
    func accept(_ descriptor: Int32, address: inout RawAddress) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = unsafe apus_k_accept(descriptor, &storage, &length)
        if accepted >= 0 {
            unsafe withUnsafeBytes(of: &storage) { unsafe address.load($0, length: Int(length)) }
        }
        return accepted
    }

    /// The address of a socket's own end.
    func localAddress(_ descriptor: Int32, _ address: inout RawAddress) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe apus_k_socket_name(descriptor, &storage, &length)
        if code >= 0 {
            unsafe withUnsafeBytes(of: &storage) { unsafe address.load($0, length: Int(length)) }
        }
        return code
    }

    /// The address of the other end.
    func peerAddress(_ descriptor: Int32, _ address: inout RawAddress) -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe apus_k_peer_name(descriptor, &storage, &length)
        if code >= 0 {
            unsafe withUnsafeBytes(of: &storage) { unsafe address.load($0, length: Int(length)) }
        }
        return code
    }

    func bind(_ descriptor: Int32, to address: UnsafeRawBufferPointer) -> Int {
        unsafe apus_k_bind(descriptor, address.baseAddress, address.count)
    }

    func connect(_ descriptor: Int32, to address: UnsafeRawBufferPointer) -> Int {
        unsafe apus_k_connect(descriptor, address.baseAddress, address.count)
    }

    /// The pending error of a socket (`SO_ERROR`), 0 for none.
    func socketError(_ descriptor: Int32) -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let status = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        return status == 0 ? error : apus_errno()
    }

    func setOption(_ descriptor: Int32, level: Int32, name: Int32, value: Int32) -> Int {
        apus_k_set_option(descriptor, level, name, value)
    }

    /// Switches Nagle's algorithm off.
    final func setNoDelay(_ descriptor: Int32) {
        _ = setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_NODELAY, value: 1)
    }

    /// Has a listening socket hold connections back until there is something to read from them, or a second is over.
    final func deferAccepting(_ descriptor: Int32, _ isOn: Bool) {
        _ = setOption(descriptor, level: Int32(IPPROTO_TCP), name: TCP_DEFER_ACCEPT, value: isOn ? 1 : 0)
    }

    /// A figure that TCP keeps of a connection: the round-trip time, its variation, the congestion window, the receive
    /// space; nil for what is no TCP socket.
    func tcpFigure(_ descriptor: Int32, _ index: Int) -> Int? {
        let figure = apus_k_tcp_figure(descriptor, Int32(index))
        return figure >= 0 ? figure : nil
    }

    /// Receives into `space`; 0 is the peer's orderly end.
    func receive(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Int {
        unsafe apus_k_recv(descriptor, space.baseAddress, space.count, 0)
    }

    /// Looks at what could be received without taking it.
    func peek(_ descriptor: Int32, into space: UnsafeMutableRawBufferPointer) -> Int {
        unsafe apus_k_recv(descriptor, space.baseAddress, space.count, Int32(MSG_PEEK))
    }

    /// Sends from one place; `more` tells the kernel that more follows at once (`MSG_MORE`).
    func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, more: Bool) -> Int {
        unsafe apus_k_send(descriptor, bytes.baseAddress, bytes.count, more ? 1 : 0)
    }

    /// Sends from several places in order.
    func send(_ descriptor: Int32, vector: SendVector, more: Bool) -> Int {
        unsafe apus_k_send_vector(
            descriptor, vector.parts.assumingMemoryBound(to: iovec.self), vector.count,
            more ? 1 : 0)
    }

    /// Sends `count` bytes of a file from `offset` to a socket; 0 means that the file ends before.
    func sendFile(_ descriptor: Int32, file: Int32, offset: Int, count: Int) -> Int {
        apus_k_sendfile(descriptor, file, off_t(offset), count)
    }

    // MARK: - Pipes

    /// Makes a pipe, non-blocking and close-on-exec, and stores the descriptors of its ends: bytes go in at one and out at the other.
    func pipe(in input: inout Int32, out output: inout Int32) -> Int {
        unsafe apus_k_pipe(&input, &output)
    }

    /// Asks for room for so many bytes in a pipe. Returns for how many there is room: the system's limits may allow no more.
    func growPipe(_ pipe: Int32, to size: Int) -> Int {
        apus_k_grow_pipe(pipe, Int32(clamping: size))
    }

    /// Moves bytes from a socket to a pipe's input. 0 is the peer's end, or says that something stands in the way of moving.
    func splice(socket: Int32, toPipe pipe: Int32, count: Int) -> Int {
        apus_k_splice(socket, pipe, count)
    }

    /// Moves bytes from a pipe's output to a socket.
    func splice(pipe: Int32, toSocket socket: Int32, count: Int) -> Int {
        apus_k_splice(pipe, socket, count)
    }

    /// Has the kernel seal whatever is sent to a TCP socket from now on. `keys` are in the kernel's form (`linux/tls.h`).
    func seal(_ descriptor: Int32, keys: UnsafeRawBufferPointer) -> Int {
        unsafe apus_k_seal(descriptor, keys.baseAddress, keys.count)
    }

    /// Sends a record of another type than data's to a socket whose bytes the kernel seals.
    func sendRecord(_ descriptor: Int32, type: UInt8, _ bytes: UnsafeRawBufferPointer) -> Int {
        unsafe apus_k_send_record(descriptor, type, bytes.baseAddress, bytes.count)
    }

    /// The number of the record that the kernel seals next; `size` is that of the keys.
    func nextRecord(_ descriptor: Int32, size: Int) -> Int {
        apus_k_next_record(descriptor, size)
    }

    /// How many bytes TCP was given on a connection; `waiting` is set to how many of them were not acknowledged yet.
    func tcpTotal(_ descriptor: Int32, waiting: inout Int) -> Int {
        unsafe apus_k_tcp_total(descriptor, &waiting)
    }

    func shutdownSending(_ descriptor: Int32) -> Int {
        apus_k_shutdown_sending(descriptor)
    }

    /// Lets the closing of a socket throw away what is unsent, and tell the peer by a reset.
    func resetOnClose(_ descriptor: Int32) -> Int {
        apus_k_reset_on_close(descriptor)
    }

    /// Closes; never retried, since Linux has freed the descriptor whatever it answers.
    func close(_ descriptor: Int32) {
        _ = CLinux.close(descriptor)
    }

    // MARK: - Readiness

    func pollCreate() -> Int {
        apus_k_epoll_create()
    }

    /// `operation` is `EPOLL_CTL_ADD`, `MOD` or `DEL`; `key` comes back with each event.
    func pollControl(
        _ poll: Int32, operation: Int32, descriptor: Int32, events: UInt32, key: UInt64
    ) -> Int {
        apus_k_epoll_control(poll, operation, descriptor, events, key)
    }

    /// Waits for events, at most `timeout` milliseconds (-1: for ever).
    func pollWait(_ poll: Int32, into events: PollEvents, timeout: Int32) -> Int {
        unsafe apus_k_epoll_wait(
            poll, events.storage.assumingMemoryBound(to: epoll_event.self), Int32(events.capacity),
            timeout)
    }

    /// An io_uring, for the process that asks. It is refused by kernels that lack what is needed, and by many containers.
    func ring(bufferCount: Int, bufferSize: Int) throws(RingRefusal) -> Ring {
        try Ring(bufferCount: bufferCount, bufferSize: bufferSize)
    }

    // MARK: - Files

    /// Opens a path that ends with NUL.
    func open(_ path: UnsafePointer<CChar>, flags: Int32, mode: UInt32) -> Int {
        unsafe apus_k_open(path, flags, mode)
    }

    /// Stands for the folder that relative paths begin in.
    static let workingFolder = apus_working_folder()

    /// What is opened in a folder.
    enum Purpose: Int32 {
        case reading = 0
        /// A folder that others are opened in.
        case searching = 1
        /// A file, made where there is none.
        case appending = 2
    }

    /// Opens a name, which ends with NUL, in an open folder.
    func open(_ name: UnsafePointer<CChar>, in folder: Int32, for purpose: Purpose, followLinks: Bool) -> Int {
        unsafe apus_k_open_in(folder, name, purpose.rawValue, followLinks ? 1 : 0)
    }

    /// The status of a name, which ends with NUL, in an open folder; of a link itself.
    func status(of name: UnsafePointer<CChar>, in folder: Int32, _ status: inout FileStatus) -> Int {
        var raw = CLinux.stat()
        let code = unsafe apus_k_stat_in(folder, name, &raw)
        if code == 0 { status = FileStatus(raw) }
        return code
    }

    func status(of descriptor: Int32, _ status: inout FileStatus) -> Int {
        var raw = CLinux.stat()
        let code = unsafe apus_k_fstat(descriptor, &raw)
        if code == 0 { status = FileStatus(raw) }
        return code
    }

    /// The status of a path that ends with NUL, links followed or not.
    func status(
        at path: UnsafePointer<CChar>, followLinks: Bool, _ status: inout FileStatus
    ) -> Int {
        var raw = CLinux.stat()
        let code = unsafe apus_k_stat(path, &raw, followLinks ? 1 : 0)
        if code == 0 { status = FileStatus(raw) }
        return code
    }

    /// Writes the path without links and dots to `space`, which has room for `PATH_MAX` bytes.
    func realPath(
        _ path: UnsafePointer<CChar>, into space: UnsafeMutableRawBufferPointer
    ) -> Int {
        unsafe apus_k_realpath(path, space.baseAddress?.assumingMemoryBound(to: CChar.self))
    }

    /// Tells the kernel that the file will be read from its beginning to its end.
    func readAhead(_ file: Int32) -> Int {
        apus_k_read_ahead(file)
    }

    func read(_ file: Int32, into space: UnsafeMutableRawBufferPointer, offset: Int) -> Int {
        unsafe apus_k_read(file, space.baseAddress, space.count, off_t(offset))
    }

    /// The same for bytes in the page cache only: EAGAIN, when the first is not there; EOPNOTSUPP, where the file system cannot
    /// tell. What is not there may be read for that, as little of it as was asked for.
    func readPresent(_ file: Int32, into space: UnsafeMutableRawBufferPointer, offset: Int) -> Int {
        unsafe apus_k_read_present(file, space.baseAddress, space.count, off_t(offset))
    }

    /// Lets the page cache forget a part of a file.
    func dropPages(_ file: Int32, _ range: Range<Int>) -> Int {
        apus_k_drop_pages(file, off_t(range.lowerBound), off_t(range.count))
    }

    /// Has the kernel read of a file what is asked for, and nothing ahead of it.
    func readExactly(_ file: Int32) -> Int {
        apus_k_read_exactly(file)
    }

    /// Has the kernel begin to read a part of a file into the page cache.
    func beginReading(_ file: Int32, _ range: Range<Int>) -> Int {
        apus_k_begin_reading(file, off_t(range.lowerBound), off_t(range.count))
    }

    /// A descriptor that is readable once a thread has something to tell.
    func makeNotice() -> Int {
        apus_k_notice()
    }

    /// Takes the notice.
    final func takeNotice(_ descriptor: Int32) {
        apus_k_take_ticks(descriptor)
    }

    /// Writes at the file's position, or at `offset`.
    func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, offset: Int?) -> Int {
        if let offset {
            return unsafe apus_k_write_at(file, bytes.baseAddress, bytes.count, off_t(offset))
        }
        return unsafe apus_k_write(file, bytes.baseAddress, bytes.count)
    }

    /// Hands out the names in a folder, in no order. Their bytes are valid during the call only.
    func readFolder(
        _ path: UnsafePointer<CChar>, _ take: (UnsafeRawBufferPointer) -> Void
    ) -> FolderReading {
        guard let folder = unsafe opendir(path) else { return .notOpened(.last) }
        defer { unsafe _ = closedir(folder) }
        let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
        while true {
            // The end and an error are told apart by errno alone.
            apus_clear_errno()
            guard let entry = unsafe readdir(folder) else { break }
            let start = unsafe UnsafeRawPointer(entry) + nameOffset
            let count = unsafe strlen(start.assumingMemoryBound(to: CChar.self))
            unsafe take(UnsafeRawBufferPointer(start: start, count: count))
        }
        let error = Errno.last
        return error.code == 0 ? .complete : .brokenOff(error)
    }

    func makeFolder(_ path: UnsafePointer<CChar>, mode: UInt32) -> Int {
        unsafe apus_k_mkdir(path, mode)
    }

    func unlink(_ path: UnsafePointer<CChar>) -> Int {
        unsafe apus_k_unlink(path)
    }
}

/// How the reading of a folder went.
enum FolderReading {
    case complete
    case notOpened(Errno)
    case brokenOff(Errno)
}
