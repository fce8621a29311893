package import Bytes
package import Configuration
package import Expression
package import Log
package import SharedZone

/// The frozen `http` block: what every connection holds on to from its acceptance to its end.
package final class HTTPCycle {
    package let registry: VariableRegistry
    package let servers: [VirtualServer]
    package let errorLog: ErrorLog
    /// What the identity `nginx` or `apus` and `server_tokens` make of the `Server` header.
    package let product: ByteString
    package let settings: SettingsTable
    package let counters: ConnectionCounters

    package init(
        registry: VariableRegistry, servers: [VirtualServer], errorLog: ErrorLog,
        product: ByteString, settings: SettingsTable, counters: ConnectionCounters
    ) {
        self.registry = registry
        self.servers = servers
        self.errorLog = errorLog
        self.product = product
        self.settings = settings
        self.counters = counters
    }
}
