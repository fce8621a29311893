import COpenSSL

/// Certificates of one connection, chosen while it is made.
extension TLSConnection {
    /// Shows a certificate with its chain, and has its key. What goes wrong is told to `report`; false then.
    func use(
        _ certificate: ByteString, key: ByteString, of certificates: TLSDynamicCertificates,
        _ report: (Buffer) -> Void
    ) -> Bool {
        let source = TLSSource(certificate, relativeTo: certificates.folder)
        let keySource = TLSSource(key, relativeTo: certificates.folder, isKey: true)
        let cache = certificates.cache
        let now = loop.wallSeconds
        var isFresh = false
        while true {
            let chain: TLSCertificates
            let pair: TLSKey
            do throws(TLSObjectError) {
                if let cache {
                    chain = try cache.certificates(source, now: now, isFresh: isFresh)
                } else {
                    chain = try TLSCertificates.read(source, areAuthorities: false)
                }
            } catch {
                complain("cannot load certificate \"\(source.text)\": \(error.message)", report)
                return false
            }
            guard show(chain, named: source, report) else { return false }
            do throws(TLSObjectError) {
                if let cache {
                    pair = try cache.key(
                        keySource, passwords: certificates.passwords, now: now, isFresh: isFresh)
                } else {
                    pair = try TLSKey.read(keySource, passwords: certificates.passwords)
                }
            } catch {
                complain("cannot load certificate key \"\(keySource.text)\": \(error.message)", report)
                return false
            }
            if unsafe SSL_use_PrivateKey(ssl, pair.handle) == 1 { return true }
            // One of the two may have been renewed while the other was taken from the cache.
            guard !isFresh, cache != nil, OpenSSLErrors.last == .keyMismatch else {
                complain(
                    "SSL_use_PrivateKey(\"\(keySource.text)\") failed" + OpenSSLErrors.text(), report)
                return false
            }
            OpenSSLErrors.clear()
            isFresh = true
        }
    }

    private func show(
        _ chain: TLSCertificates, named source: TLSSource, _ report: (Buffer) -> Void
    ) -> Bool {
        if unsafe SSL_use_certificate(ssl, chain.all[0]) == 0 {
            complain("SSL_use_certificate(\"\(source.text)\") failed" + OpenSSLErrors.text(), report)
            return false
        }
        guard let stack = unsafe chain.makeChain() else { return false }
        if unsafe apus_ssl_set_chain(ssl, stack) == 0 {
            unsafe apus_certificates_free(stack)
            complain("SSL_set0_chain(\"\(source.text)\") failed" + OpenSSLErrors.text(), report)
            return false
        }
        return true
    }

    private func complain(_ text: String, _ report: (Buffer) -> Void) {
        let message = Buffer(capacity: 256)
        message.append(text)
        report(message)
    }
}
