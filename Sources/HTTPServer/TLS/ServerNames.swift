/// What TLS handshakes ask of HTTP: which server a name selects.
final class ServerNames: TLSHost {
    private unowned let engine: Engine

    init(engine: Engine) {
        self.engine = engine
    }

    override func choose(_ name: Span<UInt8>?, for connection: TLSConnection) -> Choice {
        guard let client = connection.endpoint as? ClientConnection else { return .fail }
        var context: TLSContext?
        if let name, !name.isEmpty, let syntax = HostSyntax(name) {
            let text = ByteString(name.extracting(0..<syntax.length)).lowercased
            if let server = client.binding.servers.server(named: text.span) {
                client.selectedServer = server
                client.serverName = text
                context = server.tls
            }
        }
        let settings = client.server.root.settings(TLSModule.slot)
        return settings.value.rejectsHandshake ? .reject : .proceed(context)
    }

    override func protocols(for connection: TLSConnection) -> StaticString {
        // The server that the name has selected decides, as with all settings of the handshake.
        guard let client = connection.endpoint as? HTTP1Connection,
            client.binding.hasHTTP2 || client.server.root.settings(HTTP2.slot).value.isOn
        else {
            return "\u{8}http/1.1\u{8}http/1.0\u{8}http/0.9"
        }
        return "\u{2}h2\u{8}http/1.1\u{8}http/1.0\u{8}http/0.9"
    }

    override func loadCertificates(
        _ certificates: TLSDynamicCertificates, for connection: TLSConnection
    ) -> Bool {
        guard let client = connection.endpoint as? HTTP1Connection else { return false }
        // Variables are a request's; there is none yet, so one is made up.
        let stream = HTTP1Stream(connection: client, server: client.server)
        defer { stream.detach() }
        let request = stream.request
        request.reset()
        let certificate = Buffer(capacity: 128)
        let key = Buffer(capacity: 128)
        for template in certificates.templates {
            certificate.removeAll()
            key.removeAll()
            template.certificate.append(to: certificate, scope: request)
            template.key.append(to: key, scope: request)
            let isLoaded = connection.use(
                ByteString(certificate.span), key: ByteString(key.span), of: certificates
            ) { message in
                client.log(.error) { $0.append(message) }
            }
            if !isLoaded { return false }
        }
        return true
    }

    override func log(of connection: TLSConnection) -> (log: ErrorLog, number: UInt64)? {
        guard let client = connection.endpoint as? ClientConnection else { return nil }
        return (client.server.root.errorLog, client.number)
    }

    override func log(
        _ level: LogLevel, about connection: TLSConnection, _ compose: (Buffer) -> Void
    ) {
        (connection.endpoint as? ClientConnection)?.log(level, compose)
    }
}

extension Engine {
    /// Expects a TLS handshake on a connection that was just accepted.
    func protect(_ connection: HTTP1Connection) {
        guard let context = connection.binding.servers.standard.tls,
            let tls = TLSConnection(context, .server, host: serverNames, endpoint: connection)
        else { return connection.end() }
        connection.action = .handshaking
        if connection.awaitsProxyHeader { connection.flags.insert(.preamble) }
        loop.secure(connection, by: tls)
    }

    /// Why a request on a socket for TLS is not served, if it is not.
    func refusal(of request: Request) -> UInt16? {
        let connection = request.connection
        guard connection.isSecure else {
            request.log(.info, while: "reading client request headers") {
                $0.append("client sent plain HTTP request to HTTPS port")
            }
            return 497
        }
        return misdirection(of: request) ?? TLSModule.refusal(of: request)
    }

    /// A request for a server other than the one whose name the handshake was for gets no further where certificates of clients
    /// matter: those that the handshake asked for may not be what that server would have asked for.
    private func misdirection(of request: Request) -> UInt16? {
        let negotiated = request.connection.serverName
        let host = request.head.host
        guard !negotiated.isEmpty, !host.isEmpty, !negotiated.span.equals(host.span) else { return nil }
        let settings = request.server.root.settings(TLSModule.slot)
        guard settings.value.verification != .off else { return nil }
        request.log(.info, while: "reading client request headers") {
            $0.append("client attempted to request the server name ")
            $0.append("different from the one that was negotiated")
        }
        return 421
    }
}

extension ClientConnection {
    /// Writes why TLS failed.
    func log(_ failure: TLSConnection.Failure) {
        log(failure.level) { $0.append(failure.message) }
    }
}

extension Request {
    func log(_ failure: TLSConnection.Failure) {
        log(failure.level) { $0.append(failure.message) }
    }
}
