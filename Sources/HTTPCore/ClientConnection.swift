/// A client's connection, whatever protocol it speaks: who it is, and the configuration that it was accepted under.
class ClientConnection: Endpoint {
    /// Counts the connections of all workers... of this one, from 1: shown as `*n` in the error log and as `$connection`.
    final let number: UInt64
    /// Where the connection came in: its servers and parameters.
    final let binding: ListenBinding
    /// The peer's address as accepted, compact; see `address`.
    final var rawAddress: RawAddress
    /// Reads what a proxy sends before anything else, and holds what it told; nil where no PROXY protocol is spoken.
    final let proxy: ProxyProtocolReader?
    /// Requests that came over it so far.
    final var requestCount: Int32 = 0
    /// When it was accepted, in `loop.now`.
    final let acceptedAt: Int
    /// The server whose name the client asked for in its TLS handshake; nil: it asked for none that is known here.
    final var selectedServer: VirtualServer?
    /// That name, in lower case; empty if `selectedServer` is nil.
    final var serverName = ByteString.empty
    /// What the connection is doing, for the error log: " while ...".
    final var action: Action = .waiting
    /// `debug_connection` names its client: everything is logged.
    final var isDebugged = false

    enum Action: UInt8 {
        case none, waiting, readingRequestLine, readingHead, readingBody, keepAlive, sending
        case closing, handshaking, readingProxyHeader, multiplexing
    }

    init(
        loop: EventLoop, descriptor: Int32, address: RawAddress, binding: ListenBinding,
        number: UInt64
    ) {
        self.binding = binding
        self.number = number
        rawAddress = address
        acceptedAt = loop.now
        proxy = binding.expectsProxyProtocol ? ProxyProtocolReader() : nil
        super.init(loop: loop, descriptor: descriptor)
    }

    /// The same connection in another protocol: takes the place of `old` in the loop, with `EventLoop.replace`.
    init(replacing old: ClientConnection) {
        binding = old.binding
        number = old.number
        rawAddress = old.rawAddress
        acceptedAt = old.acceptedAt
        proxy = old.proxy
        selectedServer = old.selectedServer
        serverName = old.serverName
        isDebugged = old.isDebugged
        super.init(loop: old.loop, descriptor: -1)
    }

    final var cycle: HTTPCycle { binding.cycle }

    /// The peer's address. What a request takes for its client's is `Request.address`.
    final var address: SocketAddress { SocketAddress(rawAddress) }

    /// Our side's address: that of the socket, since the listening one may be a wildcard.
    final var localAddress: SocketAddress {
        guard binding.address.isWildcard else { return binding.address }
        var raw = RawAddress()
        guard loop.kernel.localAddress(descriptor, &raw) == 0 else { return binding.address }
        return SocketAddress(raw)
    }

    /// Whether the bytes on the wire are protected by TLS.
    final var isSecure: Bool { security != nil }

    /// TLS on this connection, or nil.
    final var tls: TLSConnection? { security as? TLSConnection }

    /// What holds before a request has named its host.
    final var server: VirtualServer { selectedServer ?? binding.servers.standard }

    // MARK: - The PROXY protocol

    /// What the PROXY protocol told before the first request.
    final var proxyHeader: ProxyProtocolHeader? { proxy?.header }

    /// Whether the first bytes are a proxy's, before TLS and HTTP.
    final var awaitsProxyHeader: Bool {
        guard let proxy else { return false }
        return !proxy.isComplete
    }

    /// Takes the bytes of a proxy's header from the front of what has come. Returns how many they were; nil, and logged: what
    /// came is no header, and the connection has to be closed.
    final func takeProxyHeader(_ bytes: Span<UInt8>) -> Int? {
        guard let proxy else { return 0 }
        switch proxy.take(bytes) {
        case .needMore: return bytes.count
        case .complete(let end): return end
        case .failed(let error):
            logProxyError(error)
            return nil
        }
    }

    final func logProxyError(_ error: ProxyProtocolError) {
        let before = action
        action = .readingProxyHeader
        cycle.errorLog.write(.error, self) { error.append(to: $0) }
        action = before
    }
}

/// The connection as the error log tells of it while there is no request.
extension ClientConnection: LogContext {
    final var connectionNumber: UInt64 { number }

    final func appendContext(to line: Buffer) {
        if let text = action.text {
            line.append(" while ")
            line.append(text)
        }
        line.append(", client: ")
        address.appendText(to: line, withPort: false)
        line.append(", server: ")
        binding.address.appendText(to: line, withPort: true)
    }

    /// Writes to that log without the circumstances, but for the connection's number.
    final func writeBare(_ level: LogLevel, _ compose: (Buffer) -> Void) {
        server.root.errorLog.write(level, connection: number, compose)
    }

    /// Writes to the error log of the server that holds so far.
    final func log(_ level: LogLevel, errno: Errno? = nil, _ compose: (Buffer) -> Void) {
        server.root.errorLog.write(level, errno: errno, self, compose)
    }
}

extension ClientConnection.Action {
    /// nginx's words, nil where it says nothing.
    var text: StaticString? {
        switch self {
        case .none: nil
        case .waiting: "waiting for request"
        case .readingRequestLine: "reading client request line"
        case .readingHead: "reading client request headers"
        case .readingBody: "reading client request body"
        case .keepAlive: "keepalive"
        case .sending: "sending response to client"
        case .closing: "closing request"
        case .handshaking: "SSL handshaking"
        case .readingProxyHeader: "reading PROXY protocol"
        case .multiplexing: "processing HTTP/2 connection"
        }
    }
}

/// One address that a configuration listens on, as connections see it.
final class ListenBinding {
    let address: SocketAddress
    let servers: VirtualServers
    let cycle: HTTPCycle
    // What every request asks for, one step nearer: see `Request.path`.
    let standardServer: VirtualServer
    let hasOneServer: Bool
    let headerTimeout: Int
    let registry: VariableRegistry
    var isSecure = false
    /// `deferred`: connections are seen when their first data have come.
    var isDeferred = false
    var hasHTTP2 = false
    var expectsProxyProtocol = false
    let descriptor: Int32

    init(
        address: SocketAddress, servers: VirtualServers, cycle: HTTPCycle, descriptor: Int32
    ) {
        self.address = address
        self.servers = servers
        self.cycle = cycle
        standardServer = servers.standard
        hasOneServer = servers.isSingle
        headerTimeout = servers.standard.settings.value.headerTimeout
        registry = cycle.registry
        self.descriptor = descriptor
    }
}
