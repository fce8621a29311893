/// The user and the group that workers become.
struct WorkerUser: Equatable, Sendable {
    var name: String
    var user: UInt32
    var group: UInt32

    init(name: String, user: UInt32, group: UInt32) {
        self.name = name
        self.user = user
        self.group = group
    }
}

/// Which processors workers are confined to.
enum WorkerAffinity: Equatable, Sendable {
    /// The n-th worker takes the n-th mask, workers beyond the last mask the last one.
    case masks([ProcessorSet])
    /// Each worker takes one processor of the set in turn.
    case automatic(ProcessorSet)

    /// The set for the worker with this number, from 0; nil: it is not confined.
    func processors(forWorker number: Int) -> ProcessorSet? {
        switch self {
        case .masks(let masks):
            return masks.isEmpty ? nil : masks[min(number, masks.count - 1)]
        case .automatic(let set):
            let members = set.members
            return members.isEmpty ? nil : ProcessorSet([members[number % members.count]])
        }
    }
}

/// How workers hear from the kernel.
enum EventMethod: String, Sendable {
    case epoll
    /// epoll where the kernel refuses it.
    case ring = "io_uring"
}

/// What the top level of the configuration and its `events` block say about processes.
struct ProcessSettings: Sendable {
    var runsInBackground = true
    var hasMaster = true
    var pidFile = DefaultPath.processNumber
    var workerProcesses = 1
    /// Nil: the default user, if the master is the super-user.
    var user: WorkerUser?
    /// The nice value; 0: unchanged.
    var priority = 0
    var affinity: WorkerAffinity?
    /// Limits; nil: unchanged.
    var openFiles: Int?
    var coreSize: Int?
    /// Milliseconds after which a worker that is to end closes what is still open; 0: it waits for ever.
    var shutdownTimeout = 0
    /// Milliseconds; 0: time is read at each turn of the event loop.
    var timerResolution = 0
    var workingDirectory: ByteString?
    /// `NAME` to keep or `NAME=value` to set.
    var environment: [ByteString] = []
    var inheritsTLSObjects = true
    var threadPools: [ThreadPool] = []

    // The `events` block.
    var hasEvents = false
    var workerConnections = 512
    var eventMethod = EventMethod.epoll
    var acceptsAllAtOnce = false
    /// Reads of files that the kernel is at for a worker at most; threads do what is beyond.
    var kernelReads = 32
    /// Clients for which everything is logged.
    var debuggedClients = TrustedPeers()

    init() {}
}
