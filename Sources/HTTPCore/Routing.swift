/// Where a request is on its way through servers, locations and phases.
final class Routing {
    /// The normalised path that locations are matched with, and its arguments; both change by rewrites and redirects.
    let path = Buffer(capacity: 256)
    let arguments = Buffer(capacity: 128)
    /// Whether there is a query, perhaps an empty one: `$args` has a value.
    var hasQuery = false
    var server: VirtualServer {
        get { lentServer.object }
        set { lentServer.object = newValue }
    }
    private let lentServer: Lent<VirtualServer>
    /// What a location was found for: until then, and where none fits, it is the server's own.
    var location: Location {
        get { lendLocation { $0 } }
        set {
            lentLocation.object = newValue
            isLocationFound = true
        }
    }
    private let lentLocation: Lent<Location>
    private var isLocationFound = false
    /// The step of the location's plan that is next.
    var step = 0
    var phase = Phase.postRead
    /// The roster's code of the handler that answers instead of the content phase, 0 for none.
    var contentHandler: UInt8 = 0
    /// An internal redirect or subrequest: `internal` locations are open to it.
    var isInternal = false
    /// Changes of the path, by rewrites and redirects, that are left until the request is refused as a cycle.
    var changesLeft = Routing.changeLimit
    private static let changeLimit = 11
    /// The path was changed by a rewrite since the location was found.
    var isPathChanged = false
    /// An access module has allowed the request under `satisfy any`; another has refused it with `accessStatus`.
    var accessStatus: UInt16 = 0
    /// The path is used as it came by a proxy without a URI part: no rewrite has touched it.
    var isPathPristine = true
    /// The location was found by this very path: no `rewrite ... break` has changed it since.
    var isLocationMatched = true
    /// `try_files` has found a file under the alias of a regular expression's location: the path is added to it.
    var addsPathToAlias = false
    /// An error page was used, and no second one may be.
    var errorPagesUsed = false

    /// - Parameter departed: see `Lent`.
    init(server: VirtualServer, departed: List<AnyObject>) {
        lentServer = Lent(server, departed: departed)
        lentLocation = Lent(server.root, departed: departed)
    }

    /// Takes a path with arguments behind a `?`, not to be decoded, as the new target.
    ///
    /// - Parameter hasQuery: whether there is a query, an empty one, where there is no `?`.
    func setTarget(_ target: Span<UInt8>, hasQuery: Bool = false) {
        path.removeAll()
        arguments.removeAll()
        self.hasQuery = hasQuery
        guard let mark = target.firstIndex(of: ASCII.question) else { return path.append(target) }
        self.hasQuery = true
        path.append(target.extracting(0..<mark))
        arguments.append(target.extracting(mark + 1..<target.count))
    }

    /// Goes on in a server, of which no location is known yet.
    func select(_ server: VirtualServer) {
        lentServer.object = server
        isLocationFound = false
    }

    /// Forgets the location: what holds is the server's own.
    func leaveLocation() { isLocationFound = false }

    @inline(__always)
    func lendServer<Result>(_ use: (VirtualServer) -> Result) -> Result { lentServer.lend(use) }

    @inline(__always)
    func lendLocation<Result>(_ use: (Location) -> Result) -> Result {
        isLocationFound ? lentLocation.lend(use) : lentServer.lend { use($0.root) }
    }

    func reset(on connection: ClientConnection, _ binding: ListenBinding) {
        path.removeAll()
        arguments.removeAll()
        hasQuery = false
        if connection.selectedServer == nil {
            select(binding.standardServer)
        } else {
            select(connection.server)
        }
        step = 0
        contentHandler = 0
        phase = .postRead
        isInternal = false
        changesLeft = Self.changeLimit
        isPathChanged = false
        accessStatus = 0
        isPathPristine = true
        isLocationMatched = true
        addsPathToAlias = false
        errorPagesUsed = false
    }
}

/// The phases of a request, in nginx's order.
enum Phase: UInt8, Comparable, Sendable {
    case postRead, serverRewrite, findConfig, rewrite, postRewrite, preaccess, access, postAccess
    case precontent, content, log

    static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
}
