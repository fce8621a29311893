package import Bytes
package import Configuration
package import Expression
package import Log
package import Net
package import SharedZone
package import Upstream

/// What a configuration is built into while it is read: what all its parts share.
package final class ConfigurationBuilder: LogFilesOwner {
    package let logFiles: LogFiles
    package let zones: SharedZones
    package let identity: ServerIdentity
    package let counters: ConnectionCounters
    package let evaluation: Evaluation
    /// Set by the `http` block.
    package var http: HTTPBuilder?

    package init(
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
package final class HTTPBuilder {
    package let registry = VariableRegistry()
    package let upstreams: UpstreamRegistry
    package let formats: LogFormats
    package fileprivate(set) var servers: [ServerBuilder] = []
    /// The http block's settings, once it is settled.
    package var settings: SettingsTable?

    package init(zones: SharedZones, fields: [LogField]) {
        upstreams = UpstreamRegistry(.http, zones: zones, variables: registry)
        formats = LogFormats(registry: registry, fields: fields, combined: LogFormats.combined)
    }
}

/// A `location` block, or another that answers like one, while it is read. It owns its scope.
package class LocationBuilder {
    package let kind: Location.Kind
    package let name: ByteString
    package let parent: LocationBuilder?
    package let http: HTTPBuilder
    package private(set) var children: [LocationBuilder] = []
    /// Set by the directive that makes a module answer in this location (`proxy_pass`).
    package var contentHandler = Handler.none
    package var redirectsToSlash = false
    package var setsAlias = false
    /// `root` or `alias`, whichever this block has.
    package var pathDirective: String?
    package var limitExcept: (methods: UInt32, location: LocationBuilder)?
    /// The frozen location; made when the block's own directives are evaluated.
    package private(set) var location: Location?

    package init(
        kind: Location.Kind, name: ByteString, parent: LocationBuilder?, http: HTTPBuilder
    ) {
        self.kind = kind
        self.name = name
        self.parent = parent
        self.http = http
        parent?.children.append(self)
    }

    package var isNamed: Bool { if case .named = kind { true } else { false } }
    package var isExact: Bool { if case .exact = kind { true } else { false } }
    package var isRegex: Bool { if case .regex = kind { true } else { false } }

    /// Whether this is, or is within, a block of a kind.
    package func isWithin(_ matches: (LocationBuilder) -> Bool) -> Bool {
        var current: LocationBuilder? = self
        while let builder = current {
            if matches(builder) { return true }
            current = builder.parent
        }
        return false
    }

    /// The block's own directives are evaluated: its settings are final.
    package func settle(_ scope: Scope, errorLog: ErrorLog) -> Location {
        let made = Location(
            kind: kind, name: name, settings: scope.settings, errorLog: errorLog,
            parent: parent?.location)
        made.contentHandler = contentHandler.rawValue
        made.redirectsToSlash = redirectsToSlash
        made.setsAlias = setsAlias
        location = made
        return made
    }

    /// The inner blocks are evaluated too.
    package func finish() {
        guard let location else { return }
        location.children = LocationTree(children.compactMap(\.location))
        if let limitExcept, let inner = limitExcept.location.location {
            location.limitExcept = (limitExcept.methods, inner)
        }
    }

    /// This block and all within it.
    package func forEach(_ body: (LocationBuilder) throws(ConfigurationError) -> Void)
        throws(ConfigurationError)
    {
        try body(self)
        for child in children { try child.forEach(body) }
    }
}

/// A `server` block while it is read.
package final class ServerBuilder: LocationBuilder {
    /// One address of a `listen` directive.
    package struct Listen {
        package var address: SocketAddress
        package var options: ListenOptions
        package var isDefault: Bool
        /// Parameters of the socket itself were given: only one server may give them.
        package var setsOptions: Bool
        package var expectsProxyProtocol: Bool
        package var position: Position

        package init(
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

    package enum ServerName {
        case text(ByteString)
        case regex(Regex)
    }

    package var listens: [Listen] = []
    package var names: [ServerName] = []
    /// The first name, as `$server_name` and the error log show it.
    package var firstName = ByteString.empty
    package var server: VirtualServer?

    package init(http: HTTPBuilder) {
        super.init(kind: .server, name: .empty, parent: nil, http: http)
        http.servers.append(self)
    }
}

extension Invocation {
    /// The http block that this directive is in.
    package func http() throws(ConfigurationError) -> HTTPBuilder {
        guard let http = (builder as? ConfigurationBuilder)?.http else {
            throw fail("\"\(name)\" directive is not allowed here")
        }
        return http
    }

    /// The location, server or the like that this directive is in; nil directly within `http`.
    package var location: LocationBuilder? { scope.owner as? LocationBuilder }

    /// Compiles an argument with variables.
    package func template(_ word: Word) throws(ConfigurationError) -> Template {
        try Template(compiling: word.value, registry: http().registry, at: word.position)
    }
}
