/// The parameters of `listen` that concern the socket itself. Where several servers listen on one address, one set counts.
package struct ListenOptions: Equatable, Sendable {
    package enum Transport: Sendable {
        case stream, datagram
    }

    /// `so_keepalive`: untouched, or switched.
    package struct Keepalive: Equatable, Sendable {
        package var isOn: Bool
        /// Seconds of silence before the first probe, seconds between probes, and probes; 0: the system's.
        package var idle = 0
        package var interval = 0
        package var probes = 0

        package init(isOn: Bool, idle: Int = 0, interval: Int = 0, probes: Int = 0) {
            self.isOn = isOn
            self.idle = idle
            self.interval = interval
            self.probes = probes
        }
    }

    package var transport = Transport.stream
    /// Connections that may wait to be accepted. nginx's default on Linux.
    package var backlog = 511
    /// Bytes; nil: the system's.
    package var receiveBuffer: Int?
    package var sendBuffer: Int?
    /// The queue of TCP Fast Open; nil: off.
    package var fastOpen: Int?
    /// TCP_DEFER_ACCEPT: a connection is seen when its first data have come.
    package var isDeferred = false
    /// An IPv6 wildcard socket takes no IPv4 connections.
    package var isIPv6Only = true
    /// A socket for each worker; the kernel spreads connections over them.
    package var reusePort = false
    /// Multipath TCP.
    package var isMultipath = false
    package var keepalive: Keepalive?
    /// A parameter that makes a socket of its own necessary was given (any of the above, or `bind`): the address is
    /// bound even if a wildcard of the same port is there.
    package var isBound = false
    /// IP_TRANSPARENT and the like are not here: they concern connections to upstreams.
    package init() {}
}
