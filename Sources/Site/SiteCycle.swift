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

    init(
        core: ProcessSettings, logs: LogFiles, zones: SharedZones, http: HTTPFreezing?,
        counters: ConnectionCounters, source: ConfigurationSource, workerFolders: [ByteString]
    ) {
        self.workerFolders = workerFolders
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

    func createDirectories(for user: WorkerUser?) throws(StartFailure) {
        let kernel = logs.environment.kernel
        for folder in workerFolders {
            let path = Buffer(capacity: folder.count + 1)
            path.append(folder)
            path.append(0)
            // A folder that is there, or cannot be made, shows when the first file is to be made in it.
            _ = kernel.makeFolder(path: path, mode: 0o700)
            guard let user else { continue }
            do throws(Errno) {
                if try AppendFile.status(folder.bytes).owner == user.user { continue }
                try AppendFile.changeOwner(folder.bytes, to: user.user)
            } catch {
                logs.errorLog.write(.emerg, connection: 0, errno: error) {
                    $0.append("chown(\"")
                    $0.append(folder)
                    $0.append("\") failed")
                }
            }
        }
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
