/// The directives of a TLS server, for whatever protocol is served: declared once, with the place where they are stored.
struct TLSServerDirectives {
    let slot: Slot<TLSServerSettings>
    let contexts: Contexts
    /// The zones of the configuration that a directive stands in.
    let zones: @Sendable (Invocation) -> SharedZones

    var rows: [Row] { certificateRows + protocolRows + verificationRows + statusRows + sessionRows }

    private var certificateRows: [Row] {
        [
            .list(
                "ssl_certificate", in: contexts, .one, slot, \.certificates,
                "A certificate in PEM with those of its chain; several for several kinds of keys.",
                syntax: "file | data:certificate"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                [invocation.arguments[0]]
            },
            .list(
                "ssl_certificate_key", in: contexts, .one, slot, \.keys,
                "The private key of the certificate in the same place of the list.",
                syntax: "file | data:key | store:scheme:id"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                [invocation.arguments[0]]
            },
            .value(
                "ssl_certificate_cache", in: contexts, .between(1, 3), slot, \.certificateCache,
                "Keeps certificates that variables name.",
                syntax: "off | max=number [inactive=time] [valid=time]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.certificateCache()
            },
            .flag(
                "ssl_certificate_compression", in: contexts, slot, \.compressesCertificates,
                "Compresses certificates, where OpenSSL can."),
            .words(
                "ssl_ech_file", in: contexts, slot, \.helloKeys, arity: .one,
                "A key for encrypted greetings, where OpenSSL knows them."),
            .value(
                "ssl_password_file", in: contexts, .one, slot, \.passwords,
                "A file with the passwords of keys, one a line, which are tried in order.", syntax: "file"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.passwords()
            },
        ]
    }

    private var protocolRows: [Row] {
        [
            .options(
                "ssl_protocols", in: contexts, slot, \.protocols, TLSProtocols.choices,
                "The versions of the protocol that are spoken."),
            .text(
                "ssl_ciphers", in: contexts, slot, \.ciphers,
                "The ciphers of TLS 1.2 and older, in OpenSSL's notation."),
            .flag(
                "ssl_prefer_server_ciphers", in: contexts, slot, \.prefersServerCiphers,
                "Whether the server's order of ciphers counts, not the client's."),
            .text(
                "ssl_ecdh_curve", in: contexts, slot, \.curves,
                "The curves for the exchange of keys, with colons between them."),
            .text(
                "ssl_dhparam", in: contexts, slot, \.dhParameters,
                "A file with parameters for Diffie-Hellman ciphers."),
            .keyValues(
                "ssl_conf_command", in: contexts, slot, \.commands,
                "A configuration command of OpenSSL itself."),
            .size(
                "ssl_buffer_size", in: contexts, slot, \.bufferSize,
                "The size of records at most; the first ones on a connection are smaller."),
            .flag(
                "ssl_early_data", in: contexts, slot, \.takesEarlyData,
                "Takes requests that clients send with their first message. They can be replayed."),
            .flag(
                "ssl_reject_handshake", in: contexts, slot, \.rejectsHandshake,
                "Refuses all handshakes in this server."),
        ]
    }

    private var verificationRows: [Row] {
        [
            .choice(
                "ssl_verify_client", in: contexts, slot, \.verification,
                [
                    ("off", .off), ("on", .on), ("optional", .optional),
                    ("optional_no_ca", .optionalWithoutCA),
                ], "Whether clients have to show a certificate."),
            .number(
                "ssl_verify_depth", in: contexts, slot, \.verificationDepth,
                "How many authorities may stand between a client's certificate and a trusted one."),
            .text(
                "ssl_client_certificate", in: contexts, slot, \.clientCertificates,
                "A file with the authorities of clients' certificates; clients are told their names."),
            .text(
                "ssl_trusted_certificate", in: contexts, slot, \.trustedCertificates,
                "A file with authorities whose names clients are not told."),
            .text(
                "ssl_crl", in: contexts, slot, \.revocations,
                "A file with lists of revoked certificates."),
        ]
    }

    private var statusRows: [Row] {
        [
            .flag(
                "ssl_stapling", in: contexts, slot, \.stapling,
                "Shows clients what the certificate's responder says of it."),
            .text(
                "ssl_stapling_file", in: contexts, slot, \.staplingFile,
                "A file with the responder's answer, instead of asking it."),
            .text(
                "ssl_stapling_responder", in: contexts, slot, \.staplingResponder,
                "The responder's URL, instead of the certificate's."),
            .flag(
                "ssl_stapling_verify", in: contexts, slot, \.verifiesStaples,
                "Whether the responder's answers are verified."),
            .choice(
                "ssl_ocsp", in: contexts, slot, \.asksForStatus,
                [("off", .off), ("on", .on), ("leaf", .leaf)],
                "Whether responders are asked about clients' certificates: all of the chain, or the client's own."),
            .text(
                "ssl_ocsp_responder", in: contexts, slot, \.statusResponder,
                "The URL of the responder for clients' certificates, instead of that in them."),
            .value(
                "ssl_ocsp_cache", in: contexts, .one, slot, \.statusCache,
                "Where the answers about clients' certificates are kept.", syntax: "off | shared:name:size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try statusCache(invocation)
            },
        ]
    }

    private var sessionRows: [Row] {
        [
            .seconds(
                "ssl_session_timeout", in: contexts, slot, \.sessionTimeout,
                "How long a client may resume its session."),
            .custom(
                "ssl_session_cache", in: contexts, .oneOf(1, 2),
                "Where sessions are remembered.",
                syntax: "off | none | [builtin[:size]] [shared:name:size]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try setSessionCache(&invocation)
            },
            .words(
                "ssl_session_ticket_key", in: contexts, slot, \.ticketKeyFiles, arity: .one,
                "A file with a key for tickets, of 48 or 80 random bytes; the first one seals new tickets."),
            .flag(
                "ssl_session_tickets", in: contexts, slot, \.usesTickets,
                "Whether clients keep their sessions themselves, as tickets."),
        ]
    }
}

extension TLSServerDirectives {
    private func setSessionCache(_ invocation: inout Invocation) throws(ConfigurationError) {
        var storage = invocation[slot].sessionStorage
        var builtin: TLSSessionStorage.Builtin?
        for word in invocation.arguments {
            let text = word.value
            switch text {
            case "off": builtin = .off
            case "none": builtin = TLSSessionStorage.Builtin.none
            case "builtin": builtin = .sessions(nil)
            default:
                if text.hasPrefix("builtin:"), text.count > 8, let count = Units.number(text.slice(8..<text.count)) {
                    builtin = .sessions(count)
                } else {
                    storage.shared = try sharedCache(word, invocation)
                }
            }
        }
        // A shared cache is used alone unless another is named with it, in this block.
        if builtin == nil, invocation.isFirst || storage.builtin == nil { builtin = .unused }
        if let builtin { storage.builtin = builtin }
        let result = storage
        invocation.write(slot) { $0.sessionStorage = result }
    }

    /// `shared:name:size`.
    private func sharedCache(
        _ word: Word, _ invocation: Invocation
    ) throws(ConfigurationError) -> TLSSessionCache {
        let zone = try sharedZone(
            word, "session cache", kind: "ssl_session_cache", invocation)
        if let known = zone.attachment as? TLSSessionCache { return known }
        let cache = TLSSessionCache(in: zone)
        zone.attachment = cache
        return cache
    }

    private func statusCache(_ invocation: Invocation) throws(ConfigurationError) -> OCSPCache? {
        if invocation[0] == "off" { return nil }
        let zone = try sharedZone(
            invocation.arguments[0], "OCSP cache", kind: "ssl_ocsp_cache", invocation)
        if let known = zone.attachment as? OCSPCache { return known }
        let cache = OCSPCache(in: zone)
        zone.attachment = cache
        return cache
    }

    private func sharedZone(
        _ word: Word, _ what: String, kind: String, _ invocation: Invocation
    ) throws(ConfigurationError) -> Zone {
        let invalid = invocation.fail("invalid \(what) \"\(word.text)\"", at: word)
        let text = word.value
        guard text.hasPrefix("shared:"), text.count > 7 else { throw invalid }
        let rest = text.slice(7..<text.count)
        guard let colon = rest.span.firstIndex(of: ASCII.colon), colon > 0,
            let size = Units.size(rest.slice(colon + 1..<rest.count))
        else { throw invalid }
        if size < SharedZones.minimumSize {
            throw invocation.fail("\(what) \"\(word.text)\" is too small", at: word)
        }
        do throws(ZoneError) {
            return try zones(invocation).zone(
                name: rest.slice(0..<colon), size: size, kind: kind)
        } catch {
            throw invocation.fail(error.message, at: word)
        }
    }
}

extension Invocation {
    /// Reads the file of passwords that the first argument names.
    func passwords() throws(ConfigurationError) -> TLSPasswords {
        let path = path(self[0], relativeTo: .configuration)
        let content: [UInt8]
        do throws(WholeFile.Failure) {
            content = try WholeFile.read(path.bytes, call: "read()")
        } catch {
            // nginx reads this file from its position, not at an offset.
            let call = error.operation.description == "pread()" ? "read()" : error.operation.description
            throw fail("\(call) \"\(path)\" failed (\(error.errno))", at: arguments[0])
        }
        var found: [ByteString] = []
        for line in content.split(separator: ASCII.lf) {
            let text = line.last == ASCII.cr ? line.dropLast() : line
            if text.count >= 4_096 { throw fail("too long line in \"\(path)\"", at: arguments[0]) }
            if !text.isEmpty { found.append(ByteString(Array(text))) }
        }
        return TLSPasswords(found.isEmpty ? [.empty] : found)
    }
}
