/// `$ssl_protocol` and its kin. Without TLS none of them has a value.
extension TLSModule {
    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try declareConnection(in: registry)
        try declareClient(in: registry)
    }

    private typealias Fact = @Sendable (TLSConnection, Buffer) -> Bool

    private static func declare(
        _ name: ByteString, in registry: VariableRegistry, isCacheable: Bool = true,
        _ fact: @escaping Fact
    ) throws(ConfigurationError) {
        let flags: VariableFlags = isCacheable ? .changeable : [.changeable, .noCacheable]
        try registry.declareValue(name, flags) { request, out in
            guard let tls = request.connection.tls else { return false }
            return fact(tls, out)
        }
    }

    private static func declareConnection(
        in registry: VariableRegistry
    ) throws(ConfigurationError) {
        try declare("ssl_protocol", in: registry) { tls, out in
            tls.appendProtocol(to: out)
            return true
        }
        try declare("ssl_cipher", in: registry) { tls, out in
            tls.appendCipher(to: out)
            return true
        }
        try declare("ssl_ciphers", in: registry) { $0.appendOfferedCiphers(to: $1) }
        try declare("ssl_curve", in: registry) { $0.appendCurve(to: $1) }
        try declare("ssl_curves", in: registry) { $0.appendOfferedCurves(to: $1) }
        try declare("ssl_sigalgs", in: registry) { $0.appendOfferedSignatures(to: $1) }
        try declare("ssl_session_id", in: registry) { $0.appendSessionID(to: $1) }
        try declare("ssl_session_reused", in: registry) { tls, out in
            out.append(tls.isSessionReused ? "r" : ".")
            return true
        }
        try declare("ssl_early_data", in: registry, isCacheable: false) { tls, out in
            guard tls.isEarly else { return false }
            out.append("1")
            return true
        }
        try declare("ssl_server_name", in: registry) { $0.appendServerName(to: $1) }
        try declare("ssl_alpn_protocol", in: registry) { $0.appendSelectedProtocol(to: $1) }
        // OpenSSL tells these from version 3.5 on, and encrypted hellos from 4.0 on.
        for name: ByteString in [
            "ssl_sigalg", "ssl_client_sigalg", "ssl_ech_status", "ssl_ech_outer_server_name",
        ] {
            try declare(name, in: registry) { _, _ in false }
        }
    }

    private static func declareClient(in registry: VariableRegistry) throws(ConfigurationError) {
        try declare("ssl_client_raw_cert", in: registry) { $0.append(.pem, to: $1) }
        // As a header could carry it: lines after the first begin with a tab.
        try declare("ssl_client_cert", in: registry) { tls, out in
            let pem = Buffer(capacity: 2_048)
            guard tls.append(.pem, to: pem), pem.count > 1 else { return false }
            for index in 0..<pem.count - 1 {
                out.append(pem[index])
                if pem[index] == ASCII.lf { out.append(ASCII.tab) }
            }
            return true
        }
        try declare("ssl_client_escaped_cert", in: registry) { tls, out in
            let pem = Buffer(capacity: 2_048)
            guard tls.append(.pem, to: pem) else { return false }
            out.append(escaped: pem.span, for: .component)
            return true
        }
        let fields: [(ByteString, TLSConnection.PeerField)] = [
            ("ssl_client_s_dn", .subject), ("ssl_client_i_dn", .issuer),
            ("ssl_client_s_dn_legacy", .legacySubject), ("ssl_client_i_dn_legacy", .legacyIssuer),
            ("ssl_client_serial", .serial), ("ssl_client_fingerprint", .fingerprint),
            ("ssl_client_v_start", .validFrom), ("ssl_client_v_end", .validUntil),
        ]
        for (name, field) in fields {
            try declare(name, in: registry) { $0.append(field, to: $1) }
        }
        try declare("ssl_client_v_remain", in: registry) { tls, out in
            tls.append(.daysLeft(now: tls.loop.wallSeconds), to: out)
        }
        try declare("ssl_client_verify", in: registry) { tls, out in
            guard tls.hasPeerCertificate else {
                out.append("NONE")
                return true
            }
            let outcome = tls.verification
            if outcome != 0 {
                out.append("FAILED:")
                TLSConnection.appendText(ofVerification: outcome, to: out)
            } else if let complaint = tls.statusComplaint {
                out.append("FAILED:")
                out.append(complaint)
            } else {
                out.append("SUCCESS")
            }
            return true
        }
    }
}
