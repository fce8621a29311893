/// ngx_http_ssl_module: TLS for clients. The protocol itself is the layer `TLS`'s; here are its settings for HTTP's servers, what is
/// asked of a request because of them, and the variables.
enum TLSModule {
    static let slot = Slot(.tls, initial: TLSServerSettings())

    static var rows: [Row] {
        TLSServerDirectives(slot: slot, contexts: [.http, .server]).rows
    }

    /// Makes the context of each server that has a certificate; servers with the same settings share one.
    static func build(
        _ http: HTTPBuilder, _ builder: ConfigurationBuilder, _ evaluation: Evaluation
    ) throws(ConfigurationError) {
        let surroundings = TLSContext.Surroundings(
            objects: builder.tlsObjects, folder: evaluation.configurationPrefix,
            registry: http.registry, sessionName: "HTTP", evaluation: evaluation)
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
