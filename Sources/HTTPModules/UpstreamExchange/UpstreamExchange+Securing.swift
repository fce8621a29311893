/// TLS with the upstream: between the connection and the request.
extension UpstreamExchange {
    /// The connection stands: begins the handshake. The time for connecting goes on for it.
    func secure(_ connection: UpstreamConnection) {
        let configuration = settings.value.tls
        guard let context = configuration.context, let address = selection.current?.address,
            let tls = TLSConnection(context, .client, host: nil, endpoint: connection)
        else { return end(.internalServerError) }
        tls.serverName = upstreamName(configuration.settings)
        let name = nameToSend(tls.serverName, configuration.settings)
        if !name.isEmpty, !tls.ask(for: name) {
            request.log(.error) {
                $0.append("SSL_set_tlsext_host_name(\"")
                $0.append(name)
                $0.append("\") failed")
                OpenSSLErrors.append(to: $0)
            }
            return end(.internalServerError)
        }
        if let dynamic = configuration.dynamicCertificate, !show(dynamic, on: tls) {
            return end(.internalServerError)
        }
        if configuration.settings.reusesSessions {
            let sessions = engine.moduleState(.proxyUpstream) { TLSClientSessions() }
            tls.useSessions(sessions, key: .init(context: context, address: address, name: name))
        }
        if let protocols = proto.applicationProtocols { tls.offer(protocols) }
        attempt.isSecuring = true
        if connection.outputDeadline == .max {
            loop.setOutputDeadline(connection, in: settings.value.connectTimeout)
        }
        loop.secure(connection, by: tls)
    }

    /// The name that the upstream goes by, without a port.
    private func upstreamName(_ settings: TLSClientSettings) -> ByteString {
        guard settings.sendsName || settings.verifies else { return .empty }
        let scratch = scratch
        scratch.removeAll()
        if let template = settings.name {
            template.append(to: scratch, scope: request)
        } else {
            scratch.append(selection.group.name)
        }
        let bytes = scratch.span
        var start = 0
        if !bytes.isEmpty, bytes[0] == ASCII.openBracket {
            start = bytes.firstIndex(of: ASCII.closeBracket) ?? 0
        }
        let end = bytes.firstIndex(of: ASCII.colon, from: start) ?? bytes.count
        return ByteString(bytes.extracting(0..<end))
    }

    /// Addresses are not names (RFC 6066).
    private func nameToSend(_ name: ByteString, _ settings: TLSClientSettings) -> ByteString {
        guard settings.sendsName, !name.isEmpty, name[0] != ASCII.openBracket,
            SocketAddress.ipWithPort(name.span) == nil
        else { return .empty }
        return name
    }

    /// Our certificate, where variables name it. An empty name stands for none.
    private func show(_ dynamic: TLSDynamicCertificates, on tls: TLSConnection) -> Bool {
        let certificate = Buffer(capacity: 128)
        let key = Buffer(capacity: 128)
        for template in dynamic.templates {
            template.certificate.append(to: certificate, scope: request)
            if certificate.isEmpty { return true }
            template.key.append(to: key, scope: request)
        }
        return tls.use(
            ByteString(certificate.span), key: ByteString(key.span), of: dynamic
        ) { message in
            request.log(.error, while: action) { $0.append(message) }
        }
    }

    /// The handshake is over: looks at the upstream's certificate, then asks.
    func secured() {
        guard let connection, stage == .connecting, let tls = connection.tls else { return }
        let settings = settings.value.tls.settings
        if settings.verifies {
            let outcome = tls.verification
            if outcome != 0 || !tls.hasPeerCertificate {
                request.log(.error, while: action) {
                    $0.append("upstream SSL certificate verify error: (")
                    $0.append(decimal: outcome)
                    $0.append(":")
                    TLSConnection.appendText(ofVerification: outcome, to: $0)
                    $0.append(")")
                }
                return failed(Fault(.upstream, .error, .connect))
            }
            if !tls.isPeerNamed(tls.serverName) {
                request.log(.error, while: action) {
                    $0.append("upstream SSL certificate does not match \"")
                    $0.append(tls.serverName)
                    $0.append(ASCII.quote)
                }
                return failed(Fault(.upstream, .error, .connect))
            }
        }
        connected()
    }

    /// TLS has failed, in the handshake or later.
    func securityFailed() {
        if let failure = connection?.tls?.failure {
            request.log(failure.level, while: action) { $0.append(failure.message) }
        }
        switch stage {
        case .connecting: failed(Fault(.upstream, .error, .connect))
        case .asking: failed(Fault(.upstream, .error, .receive))
        case .receiving: end(.badGateway)
        case .tunnelling: endTunnel()
        case .idle, .readingRequest, .draining, .done: close()
        }
    }

    /// Whether an idle connection is protected as this request's has to be. One that is not is closed.
    func isUsable(_ idle: UpstreamConnection) -> Bool {
        let (isFramed, isSecure) = lentProto.lend { ($0.isFramed, $0.isSecure) }
        guard isFramed == (idle.session != nil) else {
            loop.close(idle)
            return false
        }
        guard isSecure || idle.security != nil else { return true }
        let configuration = settings.value.tls
        if isSecure, let tls = idle.tls, tls.context === configuration.context,
            tls.serverName == upstreamName(configuration.settings)
        {
            return true
        }
        loop.close(idle)
        return false
    }
}

extension UpstreamFamily {
    /// Makes the TLS context of a block when the http block is complete.
    func buildSecurity(of invocation: Invocation) {
        let scope = invocation.scope
        let family = self
        guard let builder = invocation.builder as? ConfigurationBuilder else { return }
        let registry = invocation.httpBuilder.registry
        scope.enclosing(.http)?.whenFinished { (_: Scope) throws(ConfigurationError) in
            let surroundings = TLSContext.Surroundings(
                objects: builder.tlsObjects, folder: scope.evaluation.configurationPrefix,
                registry: registry, sessionName: "", evaluation: scope.evaluation,
                errorLog: builder.logFiles.errorLog)
            try scope[family.slot].tls.build(prefix: family.prefix, surroundings)
        }
    }
}
