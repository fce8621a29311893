package import Bytes

/// Where a request is on its way through servers, locations and phases.
package final class Routing {
    /// The normalised path that locations are matched with, and its arguments; both change by rewrites and redirects.
    package let path = Buffer(capacity: 256)
    package let arguments = Buffer(capacity: 128)
    package var server: VirtualServer
    package var location: Location
    /// The step of the location's plan that is next.
    package var step = 0
    package var phase = Phase.postRead
    /// An internal redirect or subrequest: `internal` locations are open to it.
    package var isInternal = false
    /// Redirects that are still allowed before the request is refused as a cycle.
    package var redirectsLeft = 10
    package var rewritesLeft = 11
    /// The path was changed by a rewrite since the location was found.
    package var isPathChanged = false
    /// An access module has allowed the request under `satisfy any`; another has refused it with `accessStatus`.
    package var accessStatus: UInt16 = 0
    /// The path is used as it came by a proxy without a URI part: no rewrite has touched it.
    package var isPathPristine = true
    /// An error page was used, and no second one may be.
    package var errorPagesUsed = false
    /// Index of a try_files or named location redirect: the URI stays.
    package var isNamed = false

    package init(server: VirtualServer, location: Location) {
        self.server = server
        self.location = location
    }

    /// Takes a path with arguments behind a `?`, not to be decoded, as the new target.
    package func setTarget(_ target: Span<UInt8>) {
        path.removeAll()
        arguments.removeAll()
        guard let mark = target.firstIndex(of: ASCII.question) else { return path.append(target) }
        path.append(target.extracting(0..<mark))
        arguments.append(target.extracting(mark + 1..<target.count))
    }

    package func reset(server: VirtualServer) {
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
        errorPagesUsed = false
        isNamed = false
    }
}

/// The phases of a request, in nginx's order.
package enum Phase: UInt8, Comparable, Sendable {
    case postRead, serverRewrite, findConfig, rewrite, postRewrite, preaccess, access, postAccess
    case precontent, content, log

    package static func < (left: Phase, right: Phase) -> Bool { left.rawValue < right.rawValue }
}
