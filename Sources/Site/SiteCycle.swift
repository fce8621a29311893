/// One frozen configuration as the master and the workers use it.
final class SiteCycle: Cycle {
    static let coreSlot = Slot(.process, initial: ProcessSettings())

    let core: ProcessSettings
    let logs: LogFiles
    let http: HTTPFreezing?
    let counters: ConnectionCounters
    private let zones: SharedZones
    private let source: ConfigurationSource

    init(
        core: ProcessSettings, logs: LogFiles, zones: SharedZones, http: HTTPFreezing?,
        counters: ConnectionCounters,         source: ConfigurationSource
    ) {
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
