/// Starting or reloading failed; the reason has been logged.
struct StartFailure: Error {
    init() {}
}

/// What the supervisor supervises: it turns configurations into cycles. It lives in the master and makes no threads.
protocol Service: AnyObject {
    /// Reads, evaluates and freezes the configuration. Opens nothing and changes nothing: that is for the cycle, later.
    ///
    /// A mistake is reported to `options.log`, and to the terminal with advice, before failing.
    func load(_ options: StartOptions, previous: (any Cycle)?) throws(StartFailure) -> any Cycle
}

/// One frozen configuration and what it keeps open.
///
/// The master calls, in this order: `core`, `listeners`, `createDirectories`, `logs.open`, `openZones`, and, when the sockets
/// are open too, `commit`; or `abandon` if one of these failed. Workers are forked after that and call `run`. A worker is not
/// tied to the cycle it was forked with: connections hold their own.
protocol Cycle: AnyObject {
    var core: ProcessSettings { get }
    var listeners: [ListenerRequest] { get }
    /// The log files, and with them the error log that takes all messages once they are open.
    var logs: LogFiles { get }
    /// Processes besides the workers.
    var attendants: [Attendant] { get }

    /// Appends what `-T` prints.
    func appendDump(to buffer: Buffer)
    /// Makes the directories that are named in the configuration, for the workers' user.
    ///
    /// - Parameter log: takes what is wrong, since the cycle's own logs are not open yet.
    func createDirectories(for user: WorkerUser?, log: ErrorLog) throws(StartFailure)
    /// Makes the shared zones, or takes over those of the previous cycle that fit.
    func openZones(previous: (any Cycle)?) throws(StartFailure)
    /// All is open: from now on this is the cycle.
    func commit()
    /// The cycle never came into effect.
    func abandon()
    /// A child ended; it may have held locks.
    func childEnded(_ process: Int32)
    /// The work of a worker, in its own process; returns when it is done.
    func run(_ worker: WorkerContext) -> Int32
    /// The work of an attendant, in its own process.
    func run(_ attendant: Attendant, _ worker: WorkerContext) -> Int32
}

extension Cycle {
    var attendants: [Attendant] { [] }
    func createDirectories(for user: WorkerUser?, log: ErrorLog) throws(StartFailure) {}
    func openZones(previous: (any Cycle)?) throws(StartFailure) {}
    func commit() {}
    func abandon() {}
    func childEnded(_ process: Int32) {}
    func run(_ attendant: Attendant, _ worker: WorkerContext) -> Int32 { 0 }
}

/// A process besides the workers.
enum Attendant: Sendable {
    /// Keeps caches within their limits.
    case cacheManager
    /// Reads what is in the caches after a start, then ends.
    case cacheLoader

    /// As logs and titles name it.
    var title: String {
        switch self {
        case .cacheManager: "cache manager process"
        case .cacheLoader: "cache loader process"
        }
    }

    /// Whether it is started again when it ends.
    var isLasting: Bool { self == .cacheManager }
}
