public import Bytes
public import Net
public import Platform

/// The user and the group that workers become.
public struct WorkerUser: Equatable, Sendable {
    public var name: String
    public var user: UInt32
    public var group: UInt32

    public init(name: String, user: UInt32, group: UInt32) {
        self.name = name
        self.user = user
        self.group = group
    }
}

/// Which processors workers are confined to.
public enum WorkerAffinity: Equatable, Sendable {
    /// The n-th worker takes the n-th mask, workers beyond the last mask the last one.
    case masks([ProcessorSet])
    /// Each worker takes one processor of the set in turn.
    case automatic(ProcessorSet)

    /// The set for the worker with this number, from 0; nil: it is not confined.
    public func processors(forWorker number: Int) -> ProcessorSet? {
        switch self {
        case .masks(let masks):
            return masks.isEmpty ? nil : masks[min(number, masks.count - 1)]
        case .automatic(let set):
            let members = set.members
            return members.isEmpty ? nil : ProcessorSet([members[number % members.count]])
        }
    }
}

/// What a process does when it finds itself in a state that should not be.
public enum DebugPoint: Sendable {
    case none, stop, abort

    /// Stops this process or ends it with a core file, as configured.
    public func reach() {
        switch self {
        case .none: break
        case .stop: Process.raise(.stop)
        case .abort: Process.raise(.abort)
        }
    }
}

/// A `thread_pool`.
public struct ThreadPool: Equatable, Sendable {
    public var name: ByteString
    public var threads: Int
    public var longestQueue: Int
}

/// What the top level of the configuration and its `events` block say about processes.
public struct ProcessSettings: Sendable {
    public var runsInBackground = true
    public var hasMaster = true
    public var pidFile = DefaultPath.processNumber
    public var workerProcesses = 1
    /// Nil: the default user, if the master is the super-user.
    public var user: WorkerUser?
    /// The nice value; 0: unchanged.
    public var priority = 0
    public var affinity: WorkerAffinity?
    /// Limits; nil: unchanged.
    public var openFiles: Int?
    public var coreSize: Int?
    /// Milliseconds after which a worker that is to end closes what is still open; 0: it waits for ever.
    public var shutdownTimeout = 0
    /// Milliseconds; 0: time is read at each turn of the event loop.
    public var timerResolution = 0
    public var workingDirectory: ByteString?
    /// `NAME` to keep or `NAME=value` to set.
    public var environment: [ByteString] = []
    public var debugPoint = DebugPoint.none
    public var compilesExpressions = false
    public var inheritsTLSObjects = true
    public var threadPools: [ThreadPool] = []

    // The `events` block.
    public var hasEvents = false
    public var workerConnections = 512
    public var acceptsAllAtOnce = false
    public var serialisesAccepting = false
    /// Milliseconds.
    public var acceptDelay = 500
    public var asynchronousRequests = 32
    /// Clients for which everything is logged.
    public var debuggedClients: [AddressRange] = []
    public var debugsUnixClients = false

    public init() {}
}
