/// The directives of a TLS server, for whatever protocol is served: declared once, with the place where they are stored.
struct TLSServerDirectives {
    let slot: Slot<TLSServerSettings>
    let contexts: Contexts

    var rows: [Row] { certificateRows + protocolRows + verificationRows + sessionRows }

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

    private var sessionRows: [Row] {
        [
            .seconds(
                "ssl_session_timeout", in: contexts, slot, \.sessionTimeout,
                "How long a client may resume its session."),
            .flag(
                "ssl_session_tickets", in: contexts, slot, \.usesTickets,
                "Whether clients keep their sessions themselves, as tickets."),
        ]
    }
}

extension Invocation {
    /// Reads the file of passwords that the first argument names.
    func passwords() throws(ConfigurationError) -> TLSPasswords {
        let path = path(self[0], relativeTo: .configuration)
        let content: [UInt8]
        do throws(WholeFile.Failure) {
            content = try WholeFile.read(path.bytes)
        } catch {
            throw fail("\(error.operation) \"\(path)\" failed (\(error.errno))", at: arguments[0])
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
