/// ngx_http_proxy_module: passes requests to servers that speak HTTP.
///
/// How a conversation with an upstream goes is `UpstreamExchange`'s; what is said, and how the answer is read, is here.
enum Proxy {
    static let slot = Slot(.proxy, initial: ProxySettings())
    static let upstreamSlot = Slot(
        .proxyUpstream, initial: UpstreamSettings(tempPath: TempPath("proxy_temp")))
    static let family = UpstreamFamily(
        prefix: "proxy_", slot: upstreamSlot, [.fields, .buffering, .trailers, .lowWater, .tls])

    /// Answers a request of a location with `proxy_pass`.
    static func handle(_ request: Request) -> Verdict {
        request.lendLocation { location in
            location.settings.lend(slot) { own in
                location.settings.lend(upstreamSlot) { pass(request, own, $0, own.value.target) }
            }
        }
    }

    @inline(never)
    private static func pass(
        _ request: Request, _ settings: Box<ProxySettings>, _ upstream: Box<UpstreamSettings>, _ target: ProxyTarget?
    ) -> Verdict {
        // The location may have been entered behind the one that has the target, by a condition.
        guard let target else { return UpstreamPass.missing(request) }
        let isFramed = settings.value.version == .http2
        return UpstreamExchange.pass(request, upstream, streams: streams(request, settings, upstream)) {
            speaker(isFramed: isFramed, departed: request.engine.loop.departed)
        } reuses: {
            $0.isFramed == isFramed && $0.isOfProxyModule
        } prepare: {
            request.setState(.proxy, $0)
            return $0.prepare(for: request, settings, target)
        }
    }

    private static func speaker(isFramed: Bool, departed: List<AnyObject>) -> HTTPProxyProtocol {
        isFramed ? HTTP2ProxyProtocol(departed: departed) : HTTPProxyProtocol(departed: departed)
    }

    /// Whether the client's body is passed on as it comes.
    private static func streams(
        _ request: Request, _ settings: Box<ProxySettings>, _ upstream: Box<UpstreamSettings>
    ) -> Bool {
        !upstream.value.buffersRequest && upstream.value.passesRequestBody
            && settings.value.body == nil
            && (!request.head.isChunked || settings.value.version != .http10)
    }

    /// Closes what is kept for later requests: when the worker ends.
    static func shutDown(_ engine: RequestEngine) {
        UpstreamConnection.closeIdle(on: engine)
    }
}

/// What the directives of the proxy module alone set.
struct ProxySettings: Sendable {
    enum Redirects: Sendable {
        /// What `proxy_pass` names is replaced by the location.
        case standard
        case off
        case list([ProxyRewrite])
    }

    var target: ProxyTarget?
    var version = ProxyVersion.http11
    /// What `proxy_set_header` says, and what becomes of it.
    var setFields: [ProxyHeaders.Assignment] = []
    var headers = ProxyHeaders(fields: [])
    var body: Template?
    var method: Template?
    var redirects = Redirects.standard
    /// Nil: off, set or not.
    var cookieDomains: [ProxyRewrite]?
    var cookiePaths: [ProxyRewrite]?
    var cookieFlags: [ProxyCookieFlags]?
}

/// `proxy_http_version`.
enum ProxyVersion: Sendable {
    case http10, http11, http2
}

/// What a `proxy_pass` names. Frozen with the configuration.
final class ProxyTarget: Sendable {
    /// As written, for `proxy_redirect default`.
    let url: ByteString
    /// The upstream; nil if variables name it.
    let declaration: UpstreamDeclaration?
    let template: Template?
    let parts: ProxyURL
    /// What the URI of `proxy_pass` stands for; empty where it cannot have one.
    let location: ByteString
    /// Where variables' hosts are looked for.
    let registry: UpstreamRegistryReference

    init(
        url: ByteString, declaration: UpstreamDeclaration?, template: Template?, parts: ProxyURL,
        location: ByteString, registry: UpstreamRegistry
    ) {
        self.url = url
        self.declaration = declaration
        self.template = template
        self.parts = parts
        self.location = location
        self.registry = UpstreamRegistryReference(registry: registry)
    }
}

/// The parts of a URL that requests need.
final class ProxyURL: Sendable {
    /// What `Host` says by default.
    let hostHeader: ByteString
    let port: ByteString
    /// Empty: the client's URI is passed on as it is.
    let uri: ByteString
    let isSecure: Bool

    /// What stands for the URL until variables have named it.
    static let unknown = ProxyURL()

    private init() {
        hostHeader = .empty
        port = .empty
        uri = .empty
        isSecure = false
    }

    /// - Parameters:
    ///   - address: read with the scheme's default port and `allowsURI`.
    ///   - completesPath: arguments without a path get one.
    init(_ address: AddressText, scheme: ProxyScheme, completesPath: Bool = false) {
        let defaultPort = scheme.port
        isSecure = scheme.isSecure
        uri = completesPath && address.uri.hasPrefix("?") ? "/" + address.uri : address.uri
        if address.addresses.first?.isUnix == true {
            hostHeader = "localhost"
            port = .empty
        } else if address.hasNoPort || defaultPort != 0 && address.port == defaultPort {
            hostHeader = address.host
            port = ByteString(String(defaultPort))
        } else {
            hostHeader = address.host + ":" + address.portText
            port = address.portText
        }
    }
}

/// How a URL of `proxy_pass`, or an address of `grpc_pass`, begins.
enum ProxyScheme: Sendable {
    case http, https
    /// In `grpc_pass`, where the scheme may be left out.
    case plainGRPC, grpc, grpcs

    /// Reads the beginning of a URL; nil if it is neither.
    init?(_ url: Span<UInt8>) {
        if url.count >= 7, url.extracting(0..<7).equalsIgnoringCase("http://") {
            self = .http
        } else if url.count >= 8, url.extracting(0..<8).equalsIgnoringCase("https://") {
            self = .https
        } else {
            return nil
        }
    }

    /// Of the scheme with the marks behind it.
    var length: Int {
        switch self {
        case .plainGRPC: 0
        case .http, .grpc: 7
        case .https, .grpcs: 8
        }
    }

    /// The port if none is named, 0 for none.
    var port: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        case .plainGRPC, .grpc, .grpcs: 0
        }
    }

    var isSecure: Bool { self == .https || self == .grpcs }
    var takesURI: Bool { self == .http || self == .https }
}
