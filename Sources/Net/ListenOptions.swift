/// The parameters of `listen` that concern the socket itself. Where several servers listen on one address, one set counts.
public struct ListenOptions: Equatable, Sendable {
    public enum Transport: Sendable {
        case stream, datagram
    }

    /// `so_keepalive`: untouched, or switched.
    public struct Keepalive: Equatable, Sendable {
        public var isOn: Bool
        /// Seconds of silence before the first probe, seconds between probes, and probes; 0: the system's.
        public var idle = 0
        public var interval = 0
        public var probes = 0

        public init(isOn: Bool, idle: Int = 0, interval: Int = 0, probes: Int = 0) {
            self.isOn = isOn
            self.idle = idle
            self.interval = interval
            self.probes = probes
        }
    }

    public var transport = Transport.stream
    /// Connections that may wait to be accepted. nginx's default on Linux.
    public var backlog = 511
    /// Bytes; nil: the system's.
    public var receiveBuffer: Int?
    public var sendBuffer: Int?
    /// The queue of TCP Fast Open; nil: off.
    public var fastOpen: Int?
    /// TCP_DEFER_ACCEPT: a connection is seen when its first data have come.
    public var isDeferred = false
    /// An IPv6 wildcard socket takes no IPv4 connections.
    public var isIPv6Only = true
    /// A socket for each worker; the kernel spreads connections over them.
    public var reusePort = false
    /// Multipath TCP.
    public var isMultipath = false
    public var keepalive: Keepalive?
    /// A parameter that makes a socket of its own necessary was given (any of the above, or `bind`): the address is
    /// bound even if a wildcard of the same port is there.
    public var isBound = false
    /// IP_TRANSPARENT and the like are not here: they concern connections to upstreams.
    public init() {}
}
