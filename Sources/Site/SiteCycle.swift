/// One frozen configuration as the master and the workers use it.
final class SiteCycle: Cycle {
    static let coreSlot = Slot(.process, initial: ProcessSettings())

    let core: ProcessSettings
    let logs: LogFiles
    let http: HTTPFreezing?
    let counters: ConnectionCounters
    private let zones: SharedZones
    private let source: ConfigurationSource
    /// Folders of temporary files, which the workers could not make themselves.
    private let workerFolders: [ByteString]
    /// Folders that they lie in, and that others may look into.
    private let sharedFolders: [ByteString]

    init(
        core: ProcessSettings, logs: LogFiles, zones: SharedZones, http: HTTPFreezing?,
        counters: ConnectionCounters, source: ConfigurationSource, workerFolders: [ByteString], sharedFolders: [ByteString]
    ) {
        self.workerFolders = workerFolders
        self.sharedFolders = sharedFolders
        self.core = core
        self.logs = logs
        self.zones = zones
        self.http = http
        self.counters = counters
        self.source = source
    }

    var listeners: [ListenerRequest] {
        http?.addresses.filter(\.isBound).map(\.request) ?? []
    }

    func appendDump(to buffer: Buffer) {
        source.appendDump(to: buffer)
    }

    func createDirectories(for user: WorkerUser?, log: ErrorLog) throws(StartFailure) {
        // Where that fails, it shows in the folders within.
        for folder in sharedFolders { _ = make(folder, mode: 0o755) }
        do throws(LogFileFailure) {
            for folder in workerFolders { try prepare(folder, for: user) }
        } catch {
            log.write(.emerg, connection: 0) { $0.append(error.message) }
            throw StartFailure()
        }
    }

    private func make(_ folder: ByteString, mode: UInt32) -> Int {
        let path = Buffer(capacity: folder.count + 1)
        path.append(folder)
        path.append(0)
        return logs.environment.kernel.makeFolder(path: path, mode: mode)
    }

    private func prepare(_ folder: ByteString, for user: WorkerUser?) throws(LogFileFailure) {
        let code = make(folder, mode: 0o700)
        if code < 0, Errno(Int32(-code)) != .exists {
            throw LogFileFailure(call: "mkdir()", path: folder, errno: Errno(Int32(-code)))
        }
        guard let user else { return }
        try Handover.give(folder, Handover.status(folder), to: user.user, mode: 0o700)
    }

    func openZones(previous: (any Cycle)?) throws(StartFailure) {
        do throws(ZoneError) {
            try zones.open(over: (previous as? SiteCycle)?.zones)
        } catch {
            logs.errorLog.write(.emerg, connection: 0) { $0.append(error.message) }
            throw StartFailure()
        }
    }

    func run(_ worker: WorkerContext) -> Int32 {
        SiteWorker.run(self, worker)
    }
}
