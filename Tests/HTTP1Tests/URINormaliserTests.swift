@testable import ApusServer
import Testing

private func normalise(
    _ target: String, merges: Bool = true, isPathEmpty: Bool = false
) -> (path: String, result: URINormaliser.Result?) {
    let output = Buffer()
    output.append("before")
    let bytes = ByteString(target)
    let result = URINormaliser.normalise(
        bytes.span, mergesSlashes: merges, isPathEmpty: isPathEmpty, into: output)
    return (String(output.text.dropFirst(6)), result)
}

@Suite struct URINormaliserTests {
    @Test(arguments: [
        ("/a", "/a"), ("/a/./b", "/a/b"), ("/a/../b", "/b"), ("/a/b/..", "/a/"),
        ("/a/b/.", "/a/b/"),
        ("/a//b///c", "/a/b/c"), ("/%61%2F%2e%2e/b", "/b"), ("/a/%2e%2e", "/"),
        ("/..a/...", "/..a/..."),
        ("/a%25%23%3Fb", "/a%#?b"), ("/a/..?x", "/"), ("/a/.#x", "/a/"), ("/a/../", "/"),
        ("/a%01", "/a\u{1}"),
        ("/a+b%2B", "/a+b+"), ("/a/.%2F.%2Fb", "/a/b"), ("/./", "/"), ("/%2e%25", "/.%"),
        ("/a#b?c", "/a"),
    ])
    func paths(_ target: String, _ path: String) {
        let (found, result) = normalise(target)
        #expect(result != nil && found == path)
    }

    @Test(arguments: [
        "/..", "/../", "/a/../..", "/%2e%2e/", "/a%00b", "/%", "/%4", "/%4g", "/%g4", "/..#",
        "/..?a",
    ])
    func refused(_ target: String) { #expect(normalise(target).result == nil) }

    @Test func slashesMayBeKept() {
        #expect(normalise("/a//b/..//c", merges: false).path == "/a///c")
        #expect(normalise("/a//..", merges: false).path == "/a/")
    }

    @Test func argumentsEndAtTheFragment() {
        #expect(normalise("/a%41?b=%20#c").result?.arguments == ByteRange(6, 11))
        #expect(normalise("?b", isPathEmpty: true).path == "/")
        #expect(normalise("?b", isPathEmpty: true).result?.arguments == ByteRange(1, 2))
    }

    @Test func extensions() {
        #expect(normalise("/%61.b.html?x").result?.pathExtension == ByteRange(11, 15))
        #expect(normalise("/a.b/%63").result?.pathExtension == ByteRange.none)
    }

    @Test func aHeadIsNormalisedIntoABuffer() {
        let (head, _) = parse("GET http://a/x/..//y.z?q#f HTTP/1.0\r\n\r\n")
        let output = Buffer()
        output.append("..")
        let result = head.normalisePath(mergesSlashes: true, into: output)
        #expect(output.text == "../y.z")
        #expect(result?.path == ByteRange(2, 6) && result?.pathExtension == ByteRange(5, 6))
        #expect(head.text(head.arguments) == "q")
        let (plain, _) = parse("GET /y.z?q HTTP/1.0\r\n\r\n")
        let same = plain.normalisePath(mergesSlashes: true, into: output)
        #expect(output.text == "../y.z/y.z" && same?.pathExtension == ByteRange(9, 10))
        #expect(plain.text(plain.arguments) == "q")
    }
}
