package import Bytes
package import Net
package import Platform

/// The user and the group that workers become.
package struct WorkerUser: Equatable, Sendable {
    package var name: String
    package var user: UInt32
    package var group: UInt32

    package init(name: String, user: UInt32, group: UInt32) {
        self.name = name
        self.user = user
        self.group = group
    }
}

/// Which processors workers are confined to.
package enum WorkerAffinity: Equatable, Sendable {
    /// The n-th worker takes the n-th mask, workers beyond the last mask the last one.
    case masks([ProcessorSet])
    /// Each worker takes one processor of the set in turn.
    case automatic(ProcessorSet)

    /// The set for the worker with this number, from 0; nil: it is not confined.
    package func processors(forWorker number: Int) -> ProcessorSet? {
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
package enum DebugPoint: Sendable {
    case none, stop, abort

    /// Stops this process or ends it with a core file, as configured.
    package func reach() {
        switch self {
        case .none: break
        case .stop: Process.raise(.stop)
        case .abort: Process.raise(.abort)
        }
    }
}

/// A `thread_pool`.
package struct ThreadPool: Equatable, Sendable {
    package var name: ByteString
    package var threads: Int
    package var longestQueue: Int
}

/// What the top level of the configuration and its `events` block say about processes.
package struct ProcessSettings: Sendable {
    package var runsInBackground = true
    package var hasMaster = true
    package var pidFile = DefaultPath.processNumber
    package var workerProcesses = 1
    /// Nil: the default user, if the master is the super-user.
    package var user: WorkerUser?
    /// The nice value; 0: unchanged.
    package var priority = 0
    package var affinity: WorkerAffinity?
    /// Limits; nil: unchanged.
    package var openFiles: Int?
    package var coreSize: Int?
    /// Milliseconds after which a worker that is to end closes what is still open; 0: it waits for ever.
    package var shutdownTimeout = 0
    /// Milliseconds; 0: time is read at each turn of the event loop.
    package var timerResolution = 0
    package var workingDirectory: ByteString?
    /// `NAME` to keep or `NAME=value` to set.
    package var environment: [ByteString] = []
    package var debugPoint = DebugPoint.none
    package var compilesExpressions = false
    package var inheritsTLSObjects = true
    package var threadPools: [ThreadPool] = []

    // The `events` block.
    package var hasEvents = false
    package var workerConnections = 512
    package var acceptsAllAtOnce = false
    package var serialisesAccepting = false
    /// Milliseconds.
    package var acceptDelay = 500
    package var asynchronousRequests = 32
    /// Clients for which everything is logged.
    package var debuggedClients: [AddressRange] = []
    package var debugsUnixClients = false

    package init() {}
}
