import CLinux

/// A signal's number, with the names that messages show.
struct Signal: Hashable, Sendable {
    let number: Int32

    init(_ number: Int32) {
        self.number = number
    }

    static let hangup = Signal(SIGHUP)
    static let interrupt = Signal(SIGINT)
    static let quit = Signal(SIGQUIT)
    static let kill = Signal(SIGKILL)
    static let user1 = Signal(SIGUSR1)
    static let user2 = Signal(SIGUSR2)
    static let stop = Signal(SIGSTOP)
    static let abort = Signal(SIGABRT)
    static let pipe = Signal(SIGPIPE)
    static let alarm = Signal(SIGALRM)
    static let terminate = Signal(SIGTERM)
    static let child = Signal(SIGCHLD)
    static let windowChange = Signal(SIGWINCH)
    static let badSystemCall = Signal(SIGSYS)

    /// `SIGHUP` and so on.
    var name: String {
        switch self {
        case .hangup: "SIGHUP"
        case .interrupt: "SIGINT"
        case .quit: "SIGQUIT"
        case .kill: "SIGKILL"
        case .user1: "SIGUSR1"
        case .user2: "SIGUSR2"
        case .pipe: "SIGPIPE"
        case .alarm: "SIGALRM"
        case .terminate: "SIGTERM"
        case .child: "SIGCHLD"
        case .windowChange: "SIGWINCH"
        default: "signal \(number)"
        }
    }

    /// Has the kernel drop the signal.
    func ignore() {
        apus_ignore_signal(number)
    }

    /// Gives the signal its default effect back.
    func restoreDefault() {
        apus_default_signal(number)
    }
}

/// A signal that has come, and the process that sent it (0: the kernel, or outside this process's view).
struct ReceivedSignal: Equatable, Sendable {
    let signal: Signal
    let sender: Int32

    init(signal: Signal, sender: Int32) {
        self.signal = signal
        self.sender = sender
    }
}

/// A set of signals, to be blocked and waited for.
///
/// The processes here have no signal handlers: signals stay blocked and are fetched when their turn has come, so that
/// nothing runs between two instructions.
struct SignalSet: Sendable {
    fileprivate var set = sigset_t()

    init(_ signals: [Signal]) {
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal.number) }
    }

    /// Keeps the signals pending until they are fetched. Children inherit this.
    func block() throws(Errno) {
        var set = set
        if unsafe sigprocmask(SIG_BLOCK, &set, nil) != 0 { throw Errno.last }
    }

    /// Blocks these signals and no others.
    func blockExactly() throws(Errno) {
        var set = set
        if unsafe sigprocmask(SIG_SETMASK, &set, nil) != 0 { throw Errno.last }
    }

    /// Waits for one of the signals, which must be blocked: without end, or at most so long; nil when none came.
    func wait(milliseconds: Int? = nil) -> ReceivedSignal? {
        var set = set
        var sender: Int32 = 0
        while true {
            let number = unsafe apus_signal_wait(&set, milliseconds ?? -1, &sender)
            if number > 0 { return ReceivedSignal(signal: Signal(number), sender: sender) }
            if Errno.last == .interrupted { continue }
            return nil
        }
    }
}

/// A descriptor that becomes readable when a signal of a set is pending: how a worker's event loop hears of them.
struct SignalDescriptor: ~Copyable {
    private let descriptor: Descriptor

    /// The number to watch for reading. Do not close it.
    var number: Int32 { descriptor.number }

    /// The signals must be blocked.
    init(_ signals: SignalSet) throws(Errno) {
        var set = signals.set
        let number = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
        if number < 0 { throw Errno.last }
        descriptor = Descriptor(owning: number)
    }

    /// The next pending signal, or nil.
    func next() -> ReceivedSignal? {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(descriptor.number, &info, size) == size else { return nil }
        return ReceivedSignal(
            signal: Signal(Int32(info.ssi_signo)), sender: Int32(bitPattern: info.ssi_pid))
    }
}
