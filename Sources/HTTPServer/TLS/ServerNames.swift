/// What TLS handshakes ask of HTTP: which server a name selects.
final class ServerNames: TLSHost {
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
        guard let client = connection.endpoint as? ClientConnection, client.binding.hasHTTP2 else {
            return "\u{8}http/1.1\u{8}http/1.0\u{8}http/0.9"
        }
        return "\u{2}h2\u{8}http/1.1\u{8}http/1.0\u{8}http/0.9"
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
        return nil
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
