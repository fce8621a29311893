/// What a worker keeps for a group of servers; those who keep it know more of it.
class UpstreamWorkerState {}

/// An upstream of the configuration: an `upstream` block, or what `proxy_pass` and its like name without one.
///
/// It is known by name while the configuration is read; its `group` is there when all of it has been read.
final class UpstreamDeclaration {
    let host: ByteString
    /// Where it is defined, or named first.
    let position: Position
    /// True for a block.
    fileprivate(set) var isExplicit: Bool
    fileprivate(set) var port: UInt16
    fileprivate let hasNoPort: Bool
    var servers: [UpstreamServer] = []
    var method: BalancingMethod?
    var hashKey: Template?
    var keepalive = KeepaliveSettings()
    var zone: Zone?
    private let built = LentIfAny<UpstreamGroup>()
    /// What a worker keeps for the group, such as idle connections. Workers are forked from the process that read the
    /// configuration, so that each has its own.
    let workerState = LentIfAny<UpstreamWorkerState>(departed: List())

    fileprivate init(
        host: ByteString, port: UInt16, hasNoPort: Bool, isExplicit: Bool, position: Position
    ) {
        self.host = host
        self.port = port
        self.hasNoPort = hasNoPort
        self.isExplicit = isExplicit
        self.position = position
    }

    /// The peers; only after the registry has built all groups.
    var group: UpstreamGroup {
        guard let built = built.object else { preconditionFailure("the upstream groups are not built yet") }
        return built
    }

    /// Lends them.
    @inline(__always)
    func lendGroup<Result>(_ use: (UpstreamGroup) -> Result) -> Result {
        guard let result = built.lend(use) else { preconditionFailure("the upstream groups are not built yet") }
        return result
    }

    fileprivate func isNamed(_ name: ByteString) -> Bool {
        let host = host
        return host.span.equalsIgnoringCase(name.span)
    }

    fileprivate func makeExplicit() {
        isExplicit = true
        port = 0
        servers = []
    }

    fileprivate func build() throws(ConfigurationError) {
        if isExplicit {
            guard servers.contains(where: { !$0.options.isBackup }) else {
                throw fail("no servers in upstream")
            }
        } else if servers.isEmpty {
            servers = [try resolved()]
        }
        built.object = UpstreamGroup(
            name: host, servers: servers, method: method ?? .roundRobin, hashKey: hashKey,
            keepalive: isExplicit ? keepalive : .none, zone: zone)
    }

    /// A group of one name: all its addresses.
    private func resolved() throws(ConfigurationError) -> UpstreamServer {
        if port == 0 { throw fail("no port in upstream") }
        guard let found = HostLookup.addresses(of: host) else {
            throw fail("host not found in upstream")
        }
        return UpstreamServer(name: host, addresses: found.map { $0.with(port: port) })
    }

    private func fail(_ message: String) -> ConfigurationError {
        ConfigurationError("\(message) \"\(host)\"", position: position)
    }
}

// Written while the configuration is read, by one thread; frozen with it.
extension UpstreamDeclaration: @unchecked Sendable {}

/// All upstreams of `http`, or of `stream`.
final class UpstreamRegistry {
    /// http and stream have namespaces of their own, and rules that differ a little.
    enum Family: Sendable {
        case http, stream
    }

    let family: Family
    let zones: SharedZones
    let variables: VariableRegistry
    private(set) var declarations: [UpstreamDeclaration] = []

    init(_ family: Family, zones: SharedZones, variables: VariableRegistry) {
        self.family = family
        self.zones = zones
        self.variables = variables
    }

    /// The `upstream` block's own declaration.
    func define(_ name: ByteString, at position: Position) throws(ConfigurationError)
        -> UpstreamDeclaration
    {
        for known in declarations where known.isNamed(name) {
            if known.isExplicit { throw ConfigurationError("duplicate upstream \"\(name)\"") }
            guard known.hasNoPort else {
                throw ConfigurationError(
                    "upstream \"\(name)\" may not have port \(known.port)",
                    position: known.position)
            }
            known.makeExplicit()
            return known
        }
        let new = UpstreamDeclaration(
            host: name, port: 0, hasNoPort: true, isExplicit: true, position: position)
        declarations.append(new)
        return new
    }

    /// What a directive such as `proxy_pass` names: a block, defined before or after, or a host of its own. `address` is read with
    /// `resolves` off and the scheme's default port.
    func reference(
        _ address: AddressText, at position: Position
    ) throws(ConfigurationError) -> UpstreamDeclaration {
        for known in declarations where known.isNamed(address.host) {
            if known.isExplicit, !address.hasNoPort {
                throw ConfigurationError(
                    "upstream \"\(address.host)\" may not have port \(address.port)")
            }
            if known.port != 0, address.port != 0, known.port != address.port { continue }
            return known
        }
        let new = UpstreamDeclaration(
            host: address.host, port: address.port, hasNoPort: address.hasNoPort,
            isExplicit: false, position: position)
        if let only = address.addresses.first, address.addresses.count == 1,
            only.isUnix || address.port != 0
        {
            new.servers = [UpstreamServer(name: address.host, addresses: [only])]
        }
        declarations.append(new)
        return new
    }

    /// The upstream that a host and port found while serving name, or nil.
    func declaration(
        named host: Span<UInt8>, port: UInt16, hasNoPort: Bool
    ) -> UpstreamDeclaration? {
        for known in declarations {
            let name = known.host
            guard (known.port == 0 && hasNoPort) || known.port == port,
                name.span.equalsIgnoringCase(host)
            else { continue }
            return known
        }
        return nil
    }

    /// Makes the groups. When the outer block (`http`, `stream`) is finished, before the zones are opened.
    func build() throws(ConfigurationError) {
        for declaration in declarations { try declaration.build() }
    }
}
