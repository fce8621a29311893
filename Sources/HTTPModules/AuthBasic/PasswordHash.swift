/// Hashes of passwords as password files hold them: Apache's `$apr1$`, the `{PLAIN}`, `{SHA}` and `{SSHA}` of LDAP, and those of
/// the C library.
enum PasswordHash {
    /// Whether a password is what the file's entry stands for. Nothing of the password stays in memory of ours.
    ///
    /// - Throws: what the C library failed with.
    static func matches(_ password: Span<UInt8>, _ entry: Span<UInt8>) throws(Errno) -> Bool {
        let computed = Buffer(capacity: 128)
        defer { computed.wipe() }
        if entry.hasPrefix("$apr1$") {
            appendAPR1(password, entry.extracting(6..<entry.count), to: computed)
        } else if entry.hasPrefix("{PLAIN}") {
            computed.append("{PLAIN}")
            computed.append(password)
        } else if entry.hasPrefix("{SSHA}") {
            appendSaltedSHA(password, entry.extracting(6..<entry.count), to: computed)
        } else if entry.hasPrefix("{SHA}") {
            var digest = SHA1()
            digest.update(password)
            let bytes = Buffer(capacity: 20)
            digest.finish(into: bytes)
            computed.append("{SHA}")
            computed.append(asBase64: bytes.span)
        } else {
            try appendSystemHash(password, entry, to: computed)
        }
        return computed.span.equalsSecretly(entry)
    }

    private static func appendSystemHash(
        _ password: Span<UInt8>, _ entry: Span<UInt8>, to out: Buffer
    ) throws(Errno) {
        let key = Buffer(capacity: password.count + 1)
        defer { key.wipe() }
        key.append(password)
        key.append(ASCII.nul)
        let setting = Buffer(capacity: entry.count + 1)
        setting.append(entry)
        setting.append(ASCII.nul)
        try SystemPasswordHash.append(key, setting: setting, to: out)
    }

    /// `{SSHA}` and the base64 form of the digest of password and salt, with the salt behind.
    private static func appendSaltedSHA(
        _ password: Span<UInt8>, _ encoded: Span<UInt8>, to out: Buffer
    ) {
        let stored = Buffer(capacity: encoded.count)
        _ = stored.append(base64: encoded)
        var digest = SHA1()
        digest.update(password)
        let bytes = Buffer(capacity: 64)
        if stored.count > 20 { digest.update(stored.span(20..<stored.count)) }
        digest.finish(into: bytes)
        if stored.count > 20 { bytes.append(stored, 20..<stored.count) }
        out.append("{SSHA}")
        out.append(asBase64: bytes.span)
    }

    // MARK: - Apache's variant of the MD5 hash

    private static let apr1: StaticString = "$apr1$"

    /// - Parameter entry: the salt, up to eight bytes or a `$`, and what follows.
    private static func appendAPR1(_ key: Span<UInt8>, _ entry: Span<UInt8>, to out: Buffer) {
        var length = 0
        while length < min(entry.count, 8), entry[length] != ASCII.dollar { length += 1 }
        let salt = entry.extracting(0..<length)
        let digest = Buffer(capacity: 16)
        defer { digest.wipe() }
        beginAPR1(key, salt, digest)
        for round in 0..<1_000 {
            var next = MD5()
            if round & 1 != 0 { next.update(key) } else { next.update(digest.span) }
            if round % 3 != 0 { next.update(salt) }
            if round % 7 != 0 { next.update(key) }
            if round & 1 != 0 { next.update(digest.span) } else { next.update(key) }
            digest.removeAll()
            next.finish(into: digest)
        }
        out.append(apr1)
        out.append(salt)
        out.append(ASCII.dollar)
        for (high, middle, low) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            let bits =
                UInt32(digest[high]) << 16 | UInt32(digest[middle]) << 8 | UInt32(digest[low])
            append(bits, digits: 4, to: out)
        }
        append(UInt32(digest[11]), digits: 2, to: out)
    }

    /// The digest that the thousand rounds begin with.
    private static func beginAPR1(_ key: Span<UInt8>, _ salt: Span<UInt8>, _ digest: Buffer) {
        var inner = MD5()
        inner.update(key)
        inner.update(salt)
        inner.update(key)
        inner.finish(into: digest)
        var outer = MD5()
        outer.update(key)
        outer.update(apr1.bytes)
        outer.update(salt)
        var rest = key.count
        while rest > 0 {
            outer.update(digest.span(0..<min(rest, 16)))
            rest -= 16
        }
        var bits = key.count
        while bits > 0 {
            outer.update(bits & 1 != 0 ? 0 : key[0])
            bits >>= 1
        }
        digest.removeAll()
        outer.finish(into: digest)
    }

    /// Appends bits as digits of the alphabet that crypt has, the lowest first.
    private static func append(_ bits: UInt32, digits: Int, to out: Buffer) {
        let alphabet: StaticString =
            "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
        var bits = bits
        for _ in 0..<digits {
            out.append(alphabet.bytes[Int(bits & 63)])
            bits >>= 6
        }
    }
}
