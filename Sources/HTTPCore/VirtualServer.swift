/// A `server` block. Frozen when the configuration is.
final class VirtualServer {
    /// The first of `server_name`, or empty.
    let name: ByteString
    /// What holds where no location matches, and holds the tree of locations.
    let root: Location
    let settings: Box<ServerSettings>
    /// The server's place among all of the configuration.
    let index: Int
    /// What TLS connections to this server have in common; nil: it has no certificate.
    let tls: TLSContext?

    init(name: ByteString, root: Location, index: Int, tls: TLSContext? = nil) {
        self.tls = tls
        self.name = name
        self.root = root
        self.settings = root.settings.box(ServerSettings.slot)
        self.index = index
    }

    var limits: RequestLimits { settings.value.limits }
}

/// What listens on one address: the servers there, and which of them a host name selects.
final class VirtualServers {
    /// For hosts that no name matches.
    let standard: VirtualServer
    /// For requests without a host: the first that is named `""`, or not at all, if there is one.
    private let unnamed: VirtualServer
    /// Those that have names, by their place in `named`.
    private let names: WildcardTable<Int>
    private let named: [VirtualServer]
    private let regexes: [(regex: Regex, server: VirtualServer)]

    init(
        standard: VirtualServer, unnamed: VirtualServer? = nil, names: WildcardTable<Int>, named: [VirtualServer],
        regexes: [(regex: Regex, server: VirtualServer)]
    ) {
        self.standard = standard
        self.unnamed = unnamed ?? standard
        self.names = names
        self.named = named
        self.regexes = regexes
    }

    /// A single server: no host has to be looked at.
    var isSingle: Bool { names.isEmpty && regexes.isEmpty && unnamed === standard }

    /// The server that a name selects, nil for one that is not known.
    func server(named name: Span<UInt8>) -> VirtualServer? {
        if let index = names.find(name) { return named[index] }
        for (regex, server) in regexes where regex.match(name) == .matched { return server }
        return nil
    }

    /// The server for a host name in lower case. A match of a regular expression leaves its captures in `scope`.
    func server(for host: Span<UInt8>, captures scope: VariableScope) -> VirtualServer {
        guard !host.isEmpty else { return unnamed }
        if let index = names.find(host) { return named[index] }
        for (regex, server) in regexes where regex.match(host, in: scope) == .matched {
            return server
        }
        return standard
    }
}
