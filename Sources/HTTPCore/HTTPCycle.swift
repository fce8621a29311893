/// The frozen `http` block: what every connection holds on to from its acceptance to its end.
final class HTTPCycle {
    let registry: VariableRegistry
    let servers: [VirtualServer]
    let errorLog: ErrorLog
    let clock: WallClock
    let identity: ServerIdentity
    let settings: SettingsTable
    let counters: ConnectionCounters

    init(
        registry: VariableRegistry, servers: [VirtualServer], errorLog: ErrorLog, clock: WallClock,
        identity: ServerIdentity, settings: SettingsTable, counters: ConnectionCounters
    ) {
        self.registry = registry
        self.servers = servers
        self.errorLog = errorLog
        self.clock = clock
        self.identity = identity
        self.settings = settings
        self.counters = counters
    }
}
