/// A context made of what the directives say, each step in nginx's order, since the first mistake is the one that is told.
extension TLSContext {
    /// What building needs besides the settings.
    struct Surroundings {
        let objects: TLSObjectCache
        /// Ends with a slash; relative paths start here.
        let folder: ByteString
        let registry: VariableRegistry
        /// Names the protocol in the identity of sessions: they are good for servers of one protocol only.
        let sessionName: ByteString
        let evaluation: Evaluation
        /// The log of what is no connection's.
        let errorLog: ErrorLog
    }

    /// The context of a server; nil if it has no certificate and refuses nobody, so that it does not speak TLS.
    static func server(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) -> TLSContext? {
        if let last = settings.certificates.last, settings.keys.count < settings.certificates.count {
            var error = failure("no \"ssl_certificate_key\" is defined for certificate \"\(last.text)\"")
            error.focus = last.position
            throw error
        }
        if settings.certificates.isEmpty, !settings.rejectsHandshake { return nil }
        let context = try TLSContext()
        context.setProtocols(settings.protocols)
        context.installServerCallbacks()
        try context.setCiphers(settings.ciphers, prefersOwn: settings.prefersServerCiphers)
        try context.loadCertificates(settings, surroundings)
        if settings.compressesCertificates, !context.certificates.isEmpty {
            surroundings.warn(
                "\"ssl_certificate_compression\" is not supported on this platform, ignored")
        }
        context.recordLimit = max(settings.bufferSize, 1)
        try context.setVerification(settings, surroundings)
        if !settings.dhParameters.isEmpty {
            try context.setParameters(surroundings.path(settings.dhParameters))
        }
        if !settings.helloKeys.isEmpty {
            surroundings.warn("\"ssl_ech_file\" is not supported on this platform, ignored")
        }
        try context.setCurves(settings.curves)
        try context.setSessions(settings, surroundings)
        if settings.stapling {
            if settings.compressesCertificates {
                throw failure("\"ssl_stapling\" is incompatible with \"ssl_certificate_compression\"")
            }
            try context.staple(settings, surroundings)
        }
        if settings.takesEarlyData { context.takeEarlyData() }
        try context.run(settings.commands, relativeTo: surroundings.folder)
        context.takeOverTickets()
        return context
    }

    private func setStatusRules(_ settings: TLSServerSettings) throws(ConfigurationError) {
        guard settings.asksForStatus != .off else { return }
        if settings.verification == .optionalWithoutCA {
            throw Self.failure(
                "\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\"")
        }
        var responder: OCSPResponder?
        if !settings.statusResponder.isEmpty {
            do throws(AddressError) {
                responder = try OCSPResponder(settings.statusResponder, resolves: true)
            } catch {
                throw Self.failure(
                    "\(error.message) in OCSP responder \"\(settings.statusResponder)\" "
                        + "in \"ssl_ocsp_responder\"")
            }
        }
        statusRules = TLSStatusRules(
            onlyLeaf: settings.asksForStatus == .leaf, responder: responder,
            cache: settings.statusCache)
    }

    private func loadCertificates(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) {
        let pairs = zip(settings.certificates, settings.keys)
        let hasVariables = pairs.contains {
            Template.hasVariables($0.span) || Template.hasVariables($1.span)
        }
        if hasVariables {
            var templates: [TLSCertificateTemplate] = []
            for (certificate, key) in pairs {
                templates.append(
                    TLSCertificateTemplate(
                        certificate: try Template(
                            compiling: certificate.value, registry: surroundings.registry,
                            at: certificate.position),
                        key: try Template(
                            compiling: key.value, registry: surroundings.registry, at: key.position)))
            }
            return installCertificateCallback(
                TLSDynamicCertificates(
                    templates: templates, folder: surroundings.folder,
                    // Without passwords OpenSSL would ask for them on a terminal that a worker does not have.
                    passwords: settings.passwords ?? TLSPasswords([]), cache: settings.certificateCache))
        }
        for (certificate, key) in pairs {
            do throws(ConfigurationError) {
                try use(
                    TLSSource(certificate.value, relativeTo: surroundings.folder),
                    key: TLSSource(key.value, relativeTo: surroundings.folder, isKey: true),
                    passwords: settings.passwords, surroundings.objects)
            } catch {
                var error = error
                error.focus = certificate.position
                throw error
            }
        }
    }

    private func setVerification(
        _ settings: TLSServerSettings, _ surroundings: Surroundings
    ) throws(ConfigurationError) {
        if settings.verification != .off {
            if settings.verification != .optionalWithoutCA, settings.clientCertificates.isEmpty,
                settings.trustedCertificates.isEmpty
            {
                throw Self.failure(
                    "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
            }
            askForCertificates()
            if !settings.clientCertificates.isEmpty {
                try trust(
                    surroundings.file(settings.clientCertificates), surroundings.objects,
                    namesThem: true)
            }
        }
        setVerificationDepth(settings.verificationDepth)
        if !settings.trustedCertificates.isEmpty {
            try trust(surroundings.file(settings.trustedCertificates), surroundings.objects)
        }
        if !settings.revocations.isEmpty {
            try revoke(surroundings.file(settings.revocations), surroundings.objects)
        }
        try setStatusRules(settings)
    }
}

extension TLSContext.Surroundings {
    func path(_ path: ByteString) -> ByteString {
        !path.isEmpty && path[0] == ASCII.slash ? path : folder + path
    }

    func file(_ path: ByteString) -> TLSSource { .file(self.path(path)) }

    /// Says without a place that something is left out.
    func warn(_ text: String) {
        var warning = ConfigurationError(text, level: .warn)
        warning.isPlaceless = true
        evaluation.warn(warning)
    }
}

/// A certificate and its key whose names depend on the connection.
struct TLSCertificateTemplate: Sendable {
    let certificate: Template
    let key: Template
}

/// Certificates that are chosen anew for each connection.
struct TLSDynamicCertificates: Sendable {
    let templates: [TLSCertificateTemplate]
    /// Where relative paths start.
    let folder: ByteString
    let passwords: TLSPasswords
    let cache: TLSCertificateCache?
}
