
package import Configuration
package import Expression
package import Log
package import SharedZone

/// The frozen `http` block: what every connection holds on to from its acceptance to its end.
package final class HTTPCycle {
    package let registry: VariableRegistry
    package let servers: [VirtualServer]
    package let errorLog: ErrorLog
    package let clock: WallClock
    package let identity: ServerIdentity
    package let settings: SettingsTable
    package let counters: ConnectionCounters

    package init(
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
