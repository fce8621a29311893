public import Bytes
public import Configuration
public import Expression
public import Log
public import Net
public import SharedZone
public import Upstream

/// What a configuration is built into while it is read: what all its parts share.
public final class ConfigurationBuilder: LogFilesOwner {
    public let logFiles: LogFiles
    public let zones: SharedZones
    public let identity: ServerIdentity
    public let counters: ConnectionCounters
    public let evaluation: Evaluation
    /// Set by the `http` block.
    public var http: HTTPBuilder?

    public init(
        logFiles: LogFiles, zones: SharedZones, identity: ServerIdentity,
        counters: ConnectionCounters, evaluation: Evaluation
    ) {
        self.logFiles = logFiles
        self.zones = zones
        self.identity = identity
        self.counters = counters
        self.evaluation = evaluation
    }
}

/// The `http` block while it is read.
public final class HTTPBuilder {
    public let registry = VariableRegistry()
    public let upstreams: UpstreamRegistry
    public let formats: LogFormats
    public fileprivate(set) var servers: [ServerBuilder] = []
    /// The http block's settings, once it is settled.
    public var settings: SettingsTable?

    public init(zones: SharedZones, fields: [LogField]) {
        upstreams = UpstreamRegistry(.http, zones: zones, variables: registry)
        formats = LogFormats(registry: registry, fields: fields, combined: LogFormats.combined)
    }
}

/// A `location` block, or another that answers like one, while it is read. It owns its scope.
public class LocationBuilder {
    public let kind: Location.Kind
    public let name: ByteString
    public let parent: LocationBuilder?
    public let http: HTTPBuilder
    public private(set) var children: [LocationBuilder] = []
    /// Set by the directive that makes a module answer in this location (`proxy_pass`).
    public var contentHandler = Handler.none
    public var redirectsToSlash = false
    public var setsAlias = false
    /// `root` or `alias`, whichever this block has.
    public var pathDirective: String?
    public var limitExcept: (methods: UInt32, location: LocationBuilder)?
    /// The frozen location; made when the block's own directives are evaluated.
    public private(set) var location: Location?

    public init(
        kind: Location.Kind, name: ByteString, parent: LocationBuilder?, http: HTTPBuilder
    ) {
        self.kind = kind
        self.name = name
        self.parent = parent
        self.http = http
        parent?.children.append(self)
    }

    public var isNamed: Bool { if case .named = kind { true } else { false } }
    public var isExact: Bool { if case .exact = kind { true } else { false } }
    public var isRegex: Bool { if case .regex = kind { true } else { false } }

    /// Whether this is, or is within, a block of a kind.
    public func isWithin(_ matches: (LocationBuilder) -> Bool) -> Bool {
        var current: LocationBuilder? = self
        while let builder = current {
            if matches(builder) { return true }
            current = builder.parent
        }
        return false
    }

    /// The block's own directives are evaluated: its settings are final.
    public func settle(_ scope: Scope, errorLog: ErrorLog) -> Location {
        let made = Location(
            kind: kind, name: name, settings: scope.settings, errorLog: errorLog,
            parent: parent?.location)
        // A nested block that names no module of its own answers as the location around it.
        let isNested = if case .nested = kind { true } else { false }
        if isNested, contentHandler == .none { contentHandler = parent?.contentHandler ?? .none }
        made.contentHandler = contentHandler.rawValue
        made.redirectsToSlash = redirectsToSlash
        made.setsAlias = setsAlias
        location = made
        return made
    }

    /// The inner blocks are evaluated too.
    public func finish() {
        guard let location else { return }
        location.children = LocationTree(children.compactMap(\.location))
        if let limitExcept, let inner = limitExcept.location.location {
            location.limitExcept = (limitExcept.methods, inner)
        }
    }

    /// This block and all within it.
    public func forEach(_ body: (LocationBuilder) throws(ConfigurationError) -> Void)
        throws(ConfigurationError)
    {
        try body(self)
        for child in children { try child.forEach(body) }
    }
}

/// A `server` block while it is read.
public final class ServerBuilder: LocationBuilder {
    /// One address of a `listen` directive.
    public struct Listen {
        public var address: SocketAddress
        public var options: ListenOptions
        public var isDefault: Bool
        /// Parameters of the socket itself were given: only one server may give them.
        public var setsOptions: Bool
        public var expectsProxyProtocol: Bool
        public var position: Position

        public init(
            address: SocketAddress, options: ListenOptions, isDefault: Bool, setsOptions: Bool,
            expectsProxyProtocol: Bool, position: Position
        ) {
            self.address = address
            self.options = options
            self.isDefault = isDefault
            self.setsOptions = setsOptions
            self.expectsProxyProtocol = expectsProxyProtocol
            self.position = position
        }
    }

    public enum ServerName {
        case text(ByteString)
        case regex(Regex)
    }

    public var listens: [Listen] = []
    public var names: [ServerName] = []
    /// The first name, as `$server_name` and the error log show it.
    public var firstName = ByteString.empty
    public var server: VirtualServer?

    public init(http: HTTPBuilder) {
        super.init(kind: .server, name: .empty, parent: nil, http: http)
        http.servers.append(self)
    }
}

extension Invocation {
    /// The http block that this directive is in.
    public func http() throws(ConfigurationError) -> HTTPBuilder {
        guard let http = (builder as? ConfigurationBuilder)?.http else {
            throw fail("\"\(name)\" directive is not allowed here")
        }
        return http
    }

    /// The location, server or the like that this directive is in; nil directly within `http`.
    public var location: LocationBuilder? { scope.owner as? LocationBuilder }

    /// Compiles an argument with variables.
    public func template(_ word: Word) throws(ConfigurationError) -> Template {
        try Template(compiling: word.value, registry: http().registry, at: word.position)
    }
}
