public import Bytes

/// Where a request is on its way through servers, locations and phases.
public final class Routing {
    /// The normalised path that locations are matched with, and its arguments; both change by rewrites and redirects.
    public let path = Buffer(capacity: 256)
    public let arguments = Buffer(capacity: 128)
    public var server: VirtualServer
    public var location: Location
    /// The step of the location's plan that is next.
    public var step = 0
    public var phase = Phase.postRead
    /// An internal redirect or subrequest: `internal` locations are open to it.
    public var isInternal = false
    /// Redirects that are still allowed before the request is refused as a cycle.
    public var redirectsLeft = 10
    public var rewritesLeft = 11
    /// The path was changed by a rewrite since the location was found.
    public var isPathChanged = false
    /// An access module has allowed the request under `satisfy any`; another has refused it with `accessStatus`.
    public var accessStatus: UInt16 = 0
    /// The path is used as it came by a proxy without a URI part: no rewrite has touched it.
    public var isPathPristine = true
    /// The location was found by this very path: no `rewrite ... break` has changed it since.
    public var isLocationMatched = true
    /// An error page was used, and no second one may be.
    public var errorPagesUsed = false
    /// Index of a try_files or named location redirect: the URI stays.
    public var isNamed = false

    public init(server: VirtualServer, location: Location) {
        self.server = server
        self.location = location
    }

    /// Takes a path with arguments behind a `?`, not to be decoded, as the new target.
    public func setTarget(_ target: Span<UInt8>) {
        path.removeAll()
        arguments.removeAll()
        guard let mark = target.firstIndex(of: ASCII.question) else { return path.append(target) }
        path.append(target.extracting(0..<mark))
        arguments.append(target.extracting(mark + 1..<target.count))
    }

    public func reset(server: VirtualServer) {
        path.removeAll()
        arguments.removeAll()
        self.server = server
        location = server.root
        step = 0
        phase = .postRead
        isInternal = false
        redirectsLeft = 10
        rewritesLeft = 11
        isPathChanged = false
        accessStatus = 0
        isPathPristine = true
        isLocationMatched = true
        errorPagesUsed = false
        isNamed = false
    }
}

/// The phases of a request, in nginx's order.
public enum Phase: UInt8, Comparable, Sendable {
    case postRead, serverRewrite, findConfig, rewrite, postRewrite, preaccess, access, postAccess
    case precontent, content, log

    public static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
}
