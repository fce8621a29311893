/// What a signal asks of a worker.
enum WorkerCommand: Sendable {
    /// End at once.
    case terminate
    /// Accept no more, finish what is open, then end.
    case quit
    /// Log files have been reopened; write out what is gathered elsewhere.
    case reopened
    /// Only without a master: the cycle has been replaced by a new one.
    case reloaded
}

/// A worker's side of the supervisor: its part of the sockets, its signals, its title.
final class WorkerContext {
    /// From 0; -1 for an attendant.
    let number: Int
    /// The whole server is this one process.
    let isAlone: Bool
    /// The cycle that new connections get.
     var cycle: any Cycle
    /// The sockets this process accepts on.
     var listeners: [Listener]
    /// Set by the first `quit`.
    private(set) var isQuitting = false

    private let identity: Identity
    private let descriptor: SignalDescriptor
    private let isDaemon: Bool
    private let master: Int32
    /// Loads the configuration again in a server without a master.
    var reload: (() -> Bool)?

    init(
        number: Int, cycle: any Cycle, listeners: [Listener], identity: Identity,
        descriptor: consuming SignalDescriptor, isAlone: Bool, isDaemon: Bool, master: Int32
    ) {
        self.number = number
        self.cycle = cycle
        self.listeners = listeners
        self.identity = identity
        self.descriptor = descriptor
        self.isAlone = isAlone
        self.isDaemon = isDaemon
        self.master = master
    }

    /// The descriptor to watch for reading: a signal is pending.
    var signalDescriptor: Int32 { descriptor.number }

    private var log: ErrorLog { cycle.logs.errorLog }

    /// Closes the listening sockets of this process; they stay open in others. Stop watching them before.
    func closeListeners() {
        for listener in listeners { listener.close() }
    }

    /// Fetches the next signal that asks for something, or nil when none is pending. Does itself what does not concern
    /// connections: logging, titles, reopening log files, loading the configuration anew. Listening sockets are the
    /// caller's to stop watching and to close.
    func nextCommand() -> WorkerCommand? {
        while let received = descriptor.next() {
            switch received.signal {
            case .quit: return quit(received)
            case .windowChange where isDaemon && !isAlone: return quit(received)
            case .terminate, .interrupt:
                note(received, ", exiting")
                return .terminate
            case .user1:
                note(received, ", reopening logs")
                log.write(.notice, "reopening logs")
                cycle.logs.reopen(owner: nil)
                return .reopened
            case .hangup where isAlone:
                note(received, ", reconfiguring")
                log.write(.notice, "reconfiguring")
                if reload?() == true { return .reloaded }
            case .hangup, .user2: note(received, ", ignoring")
            default: note(received, "")
            }
        }
        return nil
    }

    private func quit(_ received: ReceivedSignal) -> WorkerCommand? {
        note(received, ", shutting down")
        if isQuitting { return nil }
        isQuitting = true
        if !isAlone {
            log.write(.notice, "gracefully shutting down")
            Process.setTitle("\(identity.name): worker process is shutting down")
        }
        return .quit
    }

    /// nginx's master speaks to workers over a channel, which is not logged; ours sends signals.
    private func note(_ received: ReceivedSignal, _ action: String) {
        if received.sender == master, !isAlone { return }
        log.note(received, action)
    }
}

extension ErrorLog {
    /// The line about a received signal.
    func note(_ received: ReceivedSignal, _ action: String) {
        let signal = received.signal
        let from = received.sender > 0 ? " from \(received.sender)" : ""
        write(.notice, "signal \(signal.number) (\(signal.name)) received\(from)\(action)")
    }
}
