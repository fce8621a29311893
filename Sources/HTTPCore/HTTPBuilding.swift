public import Bytes
public import Expression
public import Upstream

/// What the `http` block is built into, as far as modules care: the builder of every evaluation (`Scope.builder`) conforms.
public protocol HTTPBuilding: AnyObject {
    var variables: VariableRegistry { get }
    /// The groups of `upstream` blocks, and those that directives such as `proxy_pass` name. Built when `http` is finished.
    var upstreams: UpstreamRegistry { get }
}

/// What a `location`, `if` or `limit_except` block is built into (`Scope.owner`), as far as modules care.
public protocol LocationBuilding: AnyObject {
    var kind: Location.Kind { get }
    /// The path or name as configured; empty for `if` and `limit_except`.
    var name: ByteString { get }
    /// Who answers instead of the content phase. The last directive that sets it wins; inner locations do not inherit it, but an
    /// `if` or `limit_except` block without one of its own answers as the location around it.
    var contentHandler: ContentHandler { get set }
    /// See `Location.redirectsToSlash`.
    var redirectsToSlash: Bool { get set }
}

/// Modules that take a location's requests over.
public enum ContentHandler: UInt8, Sendable {
    case none, proxy, stubStatus
}
