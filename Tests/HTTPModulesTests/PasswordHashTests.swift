import Testing

@testable import ApusServer

/// Hashes made by htpasswd, openssl and mkpasswd.
@Suite struct PasswordHashTests {
    private func matches(_ password: ByteString, _ entry: ByteString) throws -> Bool {
        try PasswordHash.matches(password.span, entry.span)
    }

    @Test(arguments: [
        ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a"
        ),
    ])
    func md5(_ text: String, _ expected: String) {
        var digest = MD5()
        digest.update(ByteString(text).span)
        let bytes = Buffer(capacity: 16)
        digest.finish(into: bytes)
        #expect(hex(bytes) == expected)
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
    ])
    func sha1(_ text: String, _ expected: String) {
        var digest = SHA1()
        digest.update(ByteString(text).span)
        let bytes = Buffer(capacity: 20)
        digest.finish(into: bytes)
        #expect(hex(bytes) == expected)
    }

    private func hex(_ bytes: Buffer) -> String {
        let out = Buffer(capacity: 64)
        for index in 0..<bytes.count { out.append(hex: UInt64(bytes[index]), width: 2) }
        return out.span.text
    }

    @Test(arguments: [
        "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
        "$apr1$ab$jiiV6N7hIIuIoJbc1hxOE/",
        "$1$xx$r/r0qx2Q7FpBQWOTZk2Nc.",
        "$5$xx$szTmZ.b0XpZGQlARTtFFvD7gy9GhVpW1hAV8msyJ7jD",
        "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
        "{PLAIN}secret",
        "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
        "{SSHA}GsvWdSHeuVA9fXbluedee1GT7udTQUxUeQ==",
        "abNANd1rDfiNc",
    ])
    func knownHashes(_ entry: String) throws {
        #expect(try matches("secret", ByteString(entry)))
        #expect(try !matches("secreT", ByteString(entry)))
        #expect(try !matches("", ByteString(entry)))
    }

    @Test func anUnknownMethodMatchesNothing() {
        #expect((try? matches("secret", "*0")) != true)
        #expect((try? matches("secret", "")) != true)
        #expect((try? matches("", "")) != true)
        #expect((try? matches("secret", "{SSHA}")) != true)
    }
}
