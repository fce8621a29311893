/// The parameters of `listen` that concern the socket itself. Where several servers listen on one address, one set counts.
struct ListenOptions: Equatable, Sendable {
    enum Transport: Sendable {
        case stream, datagram
    }

    /// `so_keepalive`: untouched, or switched.
    struct Keepalive: Equatable, Sendable {
        var isOn: Bool
        /// Seconds of silence before the first probe, seconds between probes, and probes; 0: the system's.
        var idle = 0
        var interval = 0
        var probes = 0

        init(isOn: Bool, idle: Int = 0, interval: Int = 0, probes: Int = 0) {
            self.isOn = isOn
            self.idle = idle
            self.interval = interval
            self.probes = probes
        }
    }

    var transport = Transport.stream
    /// Connections that may wait to be accepted. nginx's default on Linux.
    var backlog = 511
    /// Bytes; nil: the system's.
    var receiveBuffer: Int?
    var sendBuffer: Int?
    /// The queue of TCP Fast Open; nil: off.
    var fastOpen: Int?
    /// TCP_DEFER_ACCEPT: a connection is seen when its first data have come.
    var isDeferred = false
    /// An IPv6 wildcard socket takes no IPv4 connections.
    var isIPv6Only = true
    /// A socket for each worker; the kernel spreads connections over them.
    var reusePort = false
    /// Multipath TCP.
    var isMultipath = false
    var keepalive: Keepalive?
    /// A parameter that makes a socket of its own necessary was given (any of the above, or `bind`): the address is
    /// bound even if a wildcard of the same port is there.
    var isBound = false
    /// IP_TRANSPARENT and the like are not here: they concern connections to upstreams.
    init() {}
}
