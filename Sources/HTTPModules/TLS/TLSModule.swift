/// ngx_http_ssl_module: TLS for clients. The protocol itself is the layer `TLS`'s; here are its settings for HTTP's servers, what is
/// asked of a request because of them, and the variables.
enum TLSModule {
    static let slot = Slot(.tls, initial: TLSServerSettings())

    static var rows: [Row] {
        TLSServerDirectives(slot: slot, contexts: [.http, .server]) {
            guard let builder = $0.builder as? ConfigurationBuilder else {
                preconditionFailure("a directive of http without its builder")
            }
            return builder.zones
        }.rows
    }

    /// Makes the context of each server that has a certificate; servers with the same settings share one.
    static func build(
        _ http: HTTPBuilder, _ builder: ConfigurationBuilder, _ evaluation: Evaluation
    ) throws(ConfigurationError) {
        let surroundings = TLSContext.Surroundings(
            objects: builder.tlsObjects, folder: evaluation.configurationPrefix,
            registry: http.registry, sessionName: "HTTP", evaluation: evaluation,
            errorLog: builder.logFiles.errorLog)
        var made: [ObjectIdentifier: TLSContext] = [:]
        for server in http.servers {
            guard let settings = server.location?.settings.box(slot) else { continue }
            let key = ObjectIdentifier(settings)
            if let known = made[key] {
                server.tls = known
                continue
            }
            server.tls = try TLSContext.server(settings.value, surroundings)
            made[key] = server.tls
        }
    }

    /// What a request over TLS is answered with because of its client's certificate; nil: it is served.
    static func refusal(of request: Request) -> UInt16? {
        let settings = request.server.root.settings(slot)
        let wanted = settings.value.verification
        guard wanted != .off, let tls = request.connection.tls else { return nil }
        let outcome = tls.verification
        if outcome != 0,
            wanted != .optionalWithoutCA || !TLSConnection.isUntrustedAuthority(outcome)
        {
            request.log(.info, while: "reading client request headers") {
                $0.append("client SSL certificate verify error: (")
                $0.append(decimal: outcome)
                $0.append(":")
                TLSConnection.appendText(ofVerification: outcome, to: $0)
                $0.append(")")
            }
            tls.forgetSession()
            return 495
        }
        if wanted == .on, !tls.hasPeerCertificate {
            request.log(.info, while: "reading client request headers") {
                $0.append("client sent no required SSL certificate")
            }
            tls.forgetSession()
            return 496
        }
        if let complaint = tls.statusComplaint {
            request.log(.info, while: "reading client request headers") {
                $0.append("client SSL certificate verify error: ")
                $0.append(complaint)
            }
            tls.forgetSession()
            return 495
        }
        return nil
    }

    /// Of the servers on a socket for TLS, the one that holds by default must have a certificate; if it refuses handshakes, each
    /// other one must.
    static func checkCertificates(
        of servers: [ServerBuilder], standard: ServerBuilder
    ) throws(ConfigurationError) {
        func settings(of server: ServerBuilder) -> TLSServerSettings? {
            server.location?.settings[slot]
        }
        func missing(_ server: ServerBuilder) -> ConfigurationError {
            ConfigurationError(
                "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive",
                position: server.position)
        }
        guard let own = settings(of: standard) else { return }
        if !own.certificates.isEmpty { return }
        guard own.rejectsHandshake else { throw missing(standard) }
        for server in servers {
            guard let other = settings(of: server) else { continue }
            if other.certificates.isEmpty, !other.rejectsHandshake { throw missing(server) }
        }
    }
}
