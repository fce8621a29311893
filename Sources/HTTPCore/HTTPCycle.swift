/// The frozen `http` block: what every connection holds on to from its acceptance to its end.
final class HTTPCycle {
    let registry: VariableRegistry
    let servers: [VirtualServer]
    let errorLog: ErrorLog
    let clock: WallClock
    let identity: ServerIdentity
    let settings: SettingsTable
    let counters: ConnectionCounters
    let charsets: Charsets

    init(
        registry: VariableRegistry, servers: [VirtualServer], errorLog: ErrorLog, clock: WallClock,
        identity: ServerIdentity, settings: SettingsTable, counters: ConnectionCounters, charsets: Charsets
    ) {
        self.registry = registry
        self.servers = servers
        self.errorLog = errorLog
        self.clock = clock
        self.identity = identity
        self.settings = settings
        self.counters = counters
        self.charsets = charsets
    }
}
