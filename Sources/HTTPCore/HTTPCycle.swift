
public import Configuration
public import Expression
public import Log
public import SharedZone

/// The frozen `http` block: what every connection holds on to from its acceptance to its end.
public final class HTTPCycle {
    public let registry: VariableRegistry
    public let servers: [VirtualServer]
    public let errorLog: ErrorLog
    public let clock: WallClock
    public let identity: ServerIdentity
    public let settings: SettingsTable
    public let counters: ConnectionCounters

    public init(
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
