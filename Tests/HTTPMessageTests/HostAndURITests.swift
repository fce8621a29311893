@testable import ApusServer
import Testing

@Suite struct HostSyntaxTests {
    private func host(_ text: String) -> HostSyntax? { HostSyntax(ByteString(text).span) }

    @Test(arguments: [
        ("a", 1, 0), ("A.b.", 3, 0), ("a:80", 1, 80), ("a.:80", 1, 80), ("[::1]", 5, 0),
        ("[::1]:65535", 5, 65535),
        ("a:", 1, 0), ("a_b~!$&'()*+,;=%41", 18, 0), (".a", 2, 0), ("1.2.3.4:08", 7, 8),
        ("[v1.a]", 6, 0),
    ])
    func accepted(_ text: String, _ length: Int, _ port: UInt16) {
        let syntax = host(text)
        #expect(syntax?.length == length && syntax?.port == port)
    }

    @Test(arguments: [
        "", ".", ":80", "a..b", "a/b", "a b", "a\0", "a@b", "[::1", "[::1]x", "[a%25b]", "a:65536",
        "a:8x", "a:1:2",
        "\u{e9}", "a\\b", "a]", "a[", "..", "[a..b]",
    ])
    func refused(_ text: String) { #expect(host(text) == nil) }
}

@Suite struct URIEscapingTests {
    private func escaped(_ text: String, _ purpose: URIEscaping) -> String {
        let output = Buffer()
        output.append(escaped: ByteString(text).span, for: purpose)
        return output.text
    }

    private func unescaped(_ text: String, _ mode: Buffer.Unescaping) -> String {
        let output = Buffer()
        output.append(unescaping: ByteString(text).span, mode)
        return output.text
    }

    @Test func escapesByPurpose() {
        let text = "a b\"#%&'+;?/<=\\^`{|}~\u{7f}\n"
        #expect(escaped(text, .path) == "a%20b%22%23%25&'+;%3F/%3C=%5C%5E%60%7B%7C%7D~%7F%0A")
        #expect(
            escaped(text, .arguments) == "a%20b%22%23%25%26'%2B%3B%3F/%3C=%5C%5E%60%7B%7C%7D~%7F%0A"
        )
        #expect(
            escaped(text, .component)
                == "a%20b%22%23%25%26%27%2B%3B%3F%2F%3C%3D%5C%5E%60%7B%7C%7D~%7F%0A")
        #expect(escaped(text, .html) == "a%20b%22%23%25&%27+;?/%3C=%5C%5E%60%7B%7C%7D~%7F%0A")
        #expect(escaped(text, .refresh) == "a%20b%22#%&%27+;?/%3C=%5C%5E%60%7B%7C}%7E%7F%0A")
        #expect(escaped(text, .memcached) == "a%20b\"#%25&'+;?/<=\\^`{|}~\u{7f}%0A")
        #expect(
            escaped("\u{e9}", .component) == "%C3%A9" && escaped("\u{e9}", .memcached) == "\u{e9}")
    }

    @Test func unescapes() {
        #expect(unescaped("a%20b%3Fc?d", .all) == "a b?c?d")
        #expect(unescaped("a%20b%3Fc?d", .uri) == "a b?")
        #expect(unescaped("a%20b%41%2541?d", .redirect) == "a%20bA%2541?")
        #expect(unescaped("%zz%4", .all) == "zz" && unescaped("%4z5%", .all) == "5")
    }

    @Test func html() {
        let output = Buffer()
        output.append(htmlEscaped: ByteString("<a href=\"x&y\">'").span)
        #expect(output.text == "&lt;a href=&quot;x&amp;y&quot;&gt;'")
    }
}

@Suite struct ArgumentsTests {
    private func argument(_ name: String, _ text: String) -> String? {
        let bytes = ByteString(text)
        return bytes.span.argument(named: ByteString(name).span).map { bytes.slice($0.range).text }
    }

    private func cookie(_ name: String, _ text: String) -> String? {
        let bytes = ByteString(text)
        return bytes.span.listValue(named: ByteString(name).span, separator: ASCII.semicolon)
            .map { bytes.slice($0.range).text }
    }

    @Test func arguments() {
        #expect(argument("a", "a=1&b=2&a=3") == "1" && argument("B", "a=1&b=2") == "2")
        #expect(argument("a", "aa=1&a&a=") == "" && argument("a", "a") == nil)
        #expect(argument("a", "ba=1&x=a=2") == nil && argument("", "=1") == nil)
    }

    @Test func cookies() {
        #expect(cookie("b", "a=1; b=2;c=3") == "2" && cookie("B", "ab=1;  b = 2 ") == "2 ")
        #expect(cookie("c", "a=1; c") == nil && cookie("a", "") == nil)
    }

    private func holdsGzip(_ text: String) -> Bool {
        ByteString(text).span.listContains(ByteString("gzip").span, separator: ASCII.comma)
    }

    @Test func words() {
        #expect(holdsGzip("a, GZIP ,b") && holdsGzip("gzip") && !holdsGzip("xgzip, gzip2"))
    }

    /// The decoded path, or nil if the URI is refused.
    private func decoded(_ text: String) -> String? {
        let output = Buffer()
        return UnsafeURI(ByteString(text).span, into: output) == nil ? nil : output.text
    }

    @Test(arguments: [
        ("/a%20b?c", "/a b"), ("a/..b/c", "a/..b/c"), ("/a", "/a"), ("/a/..?b", "/a/.."),
        ("%2e", "."),
    ])
    func safeURIs(_ text: String, _ path: String) {
        #expect(decoded(text) == path)
    }

    @Test(arguments: [
        "", "?a", "..", "../a", "/../a", "/a/..", "/a\0", "/a%00", "/%2e%2e/a", "%2e%2e",
        "a%2f..%2fb",
    ])
    func unsafeURIs(_ text: String) {
        #expect(decoded(text) == nil)
    }
}
