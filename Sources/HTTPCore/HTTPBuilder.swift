/// What a configuration is built into while it is read: what all its parts share.
final class ConfigurationBuilder: LogFilesOwner {
    let logFiles: LogFiles
    let zones: SharedZones
    let identity: ServerIdentity
    let counters: ConnectionCounters
    let evaluation: Evaluation
    /// The certificates and keys that are loaded.
    let tlsObjects: TLSObjectCache
    /// Set by the `http` block.
    var http: HTTPBuilder?
    /// The thread pools that are named, and where.
    var threadPools: [(name: ByteString, position: Position)] = []

    init(
        logFiles: LogFiles, zones: SharedZones, identity: ServerIdentity,
        counters: ConnectionCounters, evaluation: Evaluation, tlsObjects: TLSObjectCache = TLSObjectCache()
    ) {
        self.tlsObjects = tlsObjects
        self.logFiles = logFiles
        self.zones = zones
        self.identity = identity
        self.counters = counters
        self.evaluation = evaluation
    }
}

/// The `http` block while it is read.
final class HTTPBuilder {
    let registry = VariableRegistry()
    let upstreams: UpstreamRegistry
    let formats: LogFormats
    let charsets = Charsets()
    fileprivate(set) var servers: [ServerBuilder] = []
    /// The http block's settings, once it is settled.
    var settings: SettingsTable?

    init(zones: SharedZones, fields: LogFields) {
        upstreams = UpstreamRegistry(.http, zones: zones, variables: registry)
        formats = LogFormats(registry: registry, fields: fields, combined: LogFormats.combined)
    }

    /// What was read is frozen, or refused: blocks and those within them hold each other no longer. Else each reload would leave a
    /// configuration with the master, and the log files that it has open.
    func dissolve() {
        for server in servers { server.dissolve() }
        servers = []
    }
}

/// A `location` block, or another that answers like one, while it is read. It owns its scope.
class LocationBuilder {
    let kind: Location.Kind
    let name: ByteString
    let parent: LocationBuilder?
    let http: HTTPBuilder
    private(set) var children: [LocationBuilder] = []
    /// Their names, so that two alike are found among a hundred thousand, too.
    private var names: Set<Name> = []
    /// Set by the directive that makes a module answer in this location (`proxy_pass`).
    var contentHandler = Handler.none
    var redirectsToSlash = false
    var setsAlias = false
    /// `root` or `alias`, whichever this block has.
    var pathDirective: String?
    var limitExcept: (methods: UInt32, location: LocationBuilder)?
    /// What the rewriting directives of this very block do.
    let program = RewriteProgram()
    /// `try_files` of this very block.
    var tryFiles: TryFiles?
    /// The frozen location; made when the block's own directives are evaluated.
    private(set) var location: Location?

    init(
        kind: Location.Kind, name: ByteString, parent: LocationBuilder?, http: HTTPBuilder
    ) {
        self.kind = kind
        self.name = name
        self.parent = parent
        self.http = http
        guard let parent else { return }
        parent.children.append(self)
        if let way = kind.way { parent.names.insert(Name(way: way, name: name)) }
    }

    private struct Name: Hashable {
        let way: Location.Kind.Way
        let name: ByteString
    }

    /// Whether there is a location within this one that is matched in the same way by the same name.
    func hasChild(_ kind: Location.Kind, _ name: ByteString) -> Bool {
        guard let way = kind.way else { return false }
        return names.contains(Name(way: way, name: name))
    }

    var isNamed: Bool { if case .named = kind { true } else { false } }
    var isExact: Bool { if case .exact = kind { true } else { false } }
    var isRegex: Bool { if case .regex = kind { true } else { false } }

    /// Whether this is, or is within, a block of a kind.
    func isWithin(_ matches: (LocationBuilder) -> Bool) -> Bool {
        var current: LocationBuilder? = self
        while let builder = current {
            if matches(builder) { return true }
            current = builder.parent
        }
        return false
    }

    /// The block's own directives are evaluated: its settings are final.
    func settle(_ scope: Scope, errorLog: ErrorLog) -> Location {
        let made = Location(
            kind: kind, name: name, settings: scope.settings, errorLog: errorLog,
            parent: parent?.location)
        // A nested block that names no module of its own answers as the location around it.
        let isNested = if case .nested = kind { true } else { false }
        if isNested, contentHandler == .none { contentHandler = parent?.contentHandler ?? .none }
        made.contentHandler = contentHandler.rawValue
        made.redirectsToSlash = redirectsToSlash
        made.setsAlias = setsAlias
        // The program of an `if` is run by that of the block around it.
        if !isNested, !program.steps.isEmpty { made.program = program }
        made.tryFiles = tryFiles
        location = made
        return made
    }

    /// The inner blocks are evaluated too.
    func finish() {
        guard let location else { return }
        let inner = children.compactMap(\.location)
        if !inner.isEmpty { location.children.object = LocationTree(inner) }
        if let limitExcept, let inner = limitExcept.location.location {
            location.limitExcept = (limitExcept.methods, inner)
        }
    }

    fileprivate func dissolve() {
        for child in children { child.dissolve() }
        children = []
        limitExcept?.location.dissolve()
        limitExcept = nil
    }

    /// This block and all within it.
    func forEach(_ body: (LocationBuilder) throws(ConfigurationError) -> Void)
        throws(ConfigurationError)
    {
        try body(self)
        for child in children { try child.forEach(body) }
    }
}

/// A `server` block while it is read.
final class ServerBuilder: LocationBuilder {
    /// One address of a `listen` directive.
    struct Listen {
        var address: SocketAddress
        var options: ListenOptions
        var isDefault: Bool
        /// Parameters of the socket itself were given: only one server may give them.
        var setsOptions: Bool
        var expectsProxyProtocol: Bool
        var isSecure: Bool
        /// The older way to switch HTTP/2 on, for all servers of the address.
        var hasHTTP2 = false
        var position: Position

        init(
            address: SocketAddress, options: ListenOptions, isDefault: Bool, setsOptions: Bool,
            expectsProxyProtocol: Bool, isSecure: Bool = false, position: Position
        ) {
            self.isSecure = isSecure
            self.address = address
            self.options = options
            self.isDefault = isDefault
            self.setsOptions = setsOptions
            self.expectsProxyProtocol = expectsProxyProtocol
            self.position = position
        }
    }

    enum ServerName {
        case text(ByteString)
        case regex(Regex)
    }

    var listens: [Listen] = []
    var names: [ServerName] = []
    /// The first name, as `$server_name` and the error log show it.
    var firstName = ByteString.empty
    var server: VirtualServer?
    /// Made when the http block is complete.
    var tls: TLSContext?
    /// Where the block begins, for messages about it as a whole.
    let position: Position?

    init(http: HTTPBuilder, position: Position? = nil) {
        self.position = position
        super.init(kind: .server, name: .empty, parent: nil, http: http)
        http.servers.append(self)
    }
}

extension Invocation {
    /// The http block that this directive is in.
    func http() throws(ConfigurationError) -> HTTPBuilder {
        guard let http = (builder as? ConfigurationBuilder)?.http else {
            throw fail("\"\(name)\" directive is not allowed here")
        }
        return http
    }

    /// The location, server or the like that this directive is in; nil directly within `http`.
    var location: LocationBuilder? { scope.owner as? LocationBuilder }

    /// The first argument as a size that may have variables.
    func sizeTemplate() throws(ConfigurationError) -> Template {
        let template = try template(arguments[0])
        if let constant = template.constant, Units.size(constant) == nil {
            throw refuse("invalid value", advice: "it is a number of bytes, or with k or m: 8k, 1m", at: arguments[0])
        }
        return template
    }

    /// Compiles an argument with variables.
    func template(_ word: Word) throws(ConfigurationError) -> Template {
        try Template(compiling: word.value, registry: http().registry, at: word.position)
    }
}
