/// What the directives of a TLS client set (`proxy_ssl_verify` and its kin). The initial values are the defaults.
struct TLSClientSettings: Sendable {
    var protocols: TLSProtocols = [.tls12, .tls13]
    var ciphers: ByteString = "DEFAULT"
    var commands: [KeyValue] = []
    var reusesSessions = true

    /// The server's name; nil: that of the upstream.
    var name: Template?
    /// Whether the server is told the name.
    var sendsName = false

    // The server's certificate.
    var verifies = false
    var verificationDepth = 1
    var trustedCertificates = ByteString.empty
    var revocations = ByteString.empty

    // Our own.
    var certificate: Template?
    var key: Template?
    var certificateCache: TLSCertificateCache?
    var passwords: TLSPasswords?
}

/// The settings of some blocks with the context that is made of them, once for all blocks that share them.
final class TLSClientConfiguration: @unchecked Sendable {
    let settings: TLSClientSettings
    /// Made when the configuration is complete, if a block with these settings uses TLS.
    private(set) var context: TLSContext?
    /// Our own certificate, where it depends on the request.
    private(set) var dynamicCertificate: TLSDynamicCertificates?

    init(_ settings: TLSClientSettings = TLSClientSettings()) {
        self.settings = settings
    }

    func changed(_ change: (inout TLSClientSettings) -> Void) -> TLSClientConfiguration {
        var settings = settings
        change(&settings)
        return TLSClientConfiguration(settings)
    }

    /// Makes the context. `prefix` is that of the directives, for messages.
    func build(
        prefix: String, _ surroundings: TLSContext.Surroundings
    ) throws(ConfigurationError) {
        if context != nil { return }
        let made = try TLSContext()
        made.setProtocols(settings.protocols)
        try made.setCiphers(settings.ciphers, prefersOwn: false)
        try loadCertificate(into: made, prefix, surroundings)
        if settings.verifies {
            if settings.trustedCertificates.isEmpty {
                throw TLSContext.failure(
                    "no \(prefix)ssl_trusted_certificate for \(prefix)ssl_verify")
            }
            made.setVerificationDepth(settings.verificationDepth)
            try made.trust(surroundings.file(settings.trustedCertificates), surroundings.objects)
            if !settings.revocations.isEmpty {
                try made.revoke(surroundings.file(settings.revocations), surroundings.objects)
            }
        } else {
            made.setVerificationDepth(settings.verificationDepth)
        }
        if settings.reusesSessions { made.keepClientSessions() }
        try made.run(settings.commands, relativeTo: surroundings.folder)
        context = made
    }

    private func loadCertificate(
        into made: TLSContext, _ prefix: String, _ surroundings: TLSContext.Surroundings
    ) throws(ConfigurationError) {
        guard let certificate = settings.certificate, !certificate.source.isEmpty else { return }
        guard let key = settings.key else {
            throw TLSContext.failure(
                "no \"\(prefix)ssl_certificate_key\" is defined for certificate \"\(certificate.source)\"")
        }
        guard let name = certificate.constant, let keyName = key.constant else {
            dynamicCertificate = TLSDynamicCertificates(
                templates: [TLSCertificateTemplate(certificate: certificate, key: key)],
                folder: surroundings.folder, passwords: settings.passwords ?? TLSPasswords([]),
                cache: settings.certificateCache)
            return
        }
        try made.use(
            TLSSource(name, relativeTo: surroundings.folder),
            key: TLSSource(keyName, relativeTo: surroundings.folder, isKey: true),
            passwords: settings.passwords, surroundings.objects)
    }
}

/// The directives of a TLS client, stamped with the prefix of a family; `Settings` is where the family stores them.
struct TLSClientDirectives<Settings: Sendable>: Sendable {
    /// Such as `proxy_`.
    let prefix: String
    let contexts: Contexts
    let slot: Slot<Settings>
    let path: Row.Path<Settings, TLSClientConfiguration>
    /// The variables of the configuration that a directive stands in.
    let registry: @Sendable (Invocation) -> VariableRegistry

    private typealias Path<V> = any WritableKeyPath<TLSClientSettings, V> & Sendable

    var rows: [Row] { handshakeRows + nameRows + certificateRows }

    /// A row that stores what `parse` makes of the arguments.
    private func row<V: Sendable>(
        _ stem: String, _ arity: Arity, _ place: Path<V>, _ summary: String, syntax: String,
        mayRepeat: Bool = false, _ parse: @escaping Row.Parse<V>
    ) -> Row {
        let (slot, path) = (slot, path)
        return .custom(prefix + stem, in: contexts, arity, summary, mayRepeat: mayRepeat, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            let value = try parse(&invocation)
            invocation.write(slot) { settings in
                settings[keyPath: path] = settings[keyPath: path].changed { $0[keyPath: place] = value }
            }
        }
    }

    private func flag(_ stem: String, _ place: Path<Bool>, _ summary: String) -> Row {
        row(stem, .flag, place, summary, syntax: "on | off") {
            (invocation: inout Invocation) throws(ConfigurationError) in try invocation.flag()
        }
    }

    private func text(
        _ stem: String, _ place: Path<ByteString>, _ summary: String, syntax: String
    ) -> Row {
        row(stem, .one, place, summary, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in invocation[0]
        }
    }

    private func template(
        _ stem: String, _ place: Path<Template?>, _ summary: String, syntax: String
    ) -> Row {
        let registry = registry
        return row(stem, .one, place, summary, syntax: syntax) {
            (invocation: inout Invocation) throws(ConfigurationError) in
            try Template(
                compiling: invocation[0], registry: registry(invocation),
                at: invocation.arguments[0].position)
        }
    }

    private var handshakeRows: [Row] {
        let (slot, path) = (slot, path)
        return [
            flag(
                "ssl_session_reuse", \.reusesSessions,
                "Whether sessions with upstreams are resumed."),
            row(
                "ssl_protocols", .atLeast(1), \.protocols,
                "The versions of TLS that upstreams are offered.",
                syntax: TLSProtocols.choices.map(\.0).joined(separator: " | ") + " ...", mayRepeat: true
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                var set: TLSProtocols =
                    invocation.isFirst ? [] : invocation[slot][keyPath: path].settings.protocols
                let words = TLSProtocols.choices.map { ByteString($0.0) }
                for word in invocation.arguments {
                    let option = TLSProtocols.choices[try invocation.choice(of: words, word)].1
                    if set.contains(option) {
                        invocation.warn("duplicate value \"\(word.text)\"", at: word)
                    }
                    set.formUnion(option)
                }
                return set
            },
            text(
                "ssl_ciphers", \.ciphers,
                "The ciphers of TLS 1.2 and older that upstreams are offered.", syntax: "ciphers"),
            row(
                "ssl_conf_command", .two, \.commands, "A configuration command of OpenSSL itself.",
                syntax: "name value", mayRepeat: true
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let known = invocation.isFirst ? [] : invocation[slot][keyPath: path].settings.commands
                return known + [KeyValue(key: invocation[0], value: invocation[1])]
            },
        ]
    }

    private var nameRows: [Row] {
        [
            template(
                "ssl_name", \.name,
                "The name that upstreams' certificates must have; that of the upstream if not set.",
                syntax: "name"),
            flag("ssl_server_name", \.sendsName, "Whether upstreams are told the name (SNI)."),
            flag("ssl_verify", \.verifies, "Whether upstreams' certificates are verified."),
            row(
                "ssl_verify_depth", .one, \.verificationDepth,
                "How many authorities may stand between an upstream's certificate and a trusted one.",
                syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in try invocation.number() },
            text(
                "ssl_trusted_certificate", \.trustedCertificates,
                "A file with the authorities of upstreams' certificates.", syntax: "file"),
            text(
                "ssl_crl", \.revocations, "A file with lists of revoked certificates.", syntax: "file"),
        ]
    }

    private var certificateRows: [Row] {
        [
            template(
                "ssl_certificate", \.certificate, "Our certificate, shown to upstreams that ask for one.",
                syntax: "file"),
            template("ssl_certificate_key", \.key, "The key of our certificate.", syntax: "file"),
            row(
                "ssl_certificate_cache", .between(1, 3), \.certificateCache,
                "Keeps certificates that variables name.",
                syntax: "off | max=number [inactive=time] [valid=time]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.certificateCache()
            },
            row(
                "ssl_password_file", .one, \.passwords,
                "A file with the passwords of keys, one a line, which are tried in order.", syntax: "file"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.passwords()
            },
        ]
    }
}
