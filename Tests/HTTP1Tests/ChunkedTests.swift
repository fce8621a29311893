@testable import ApusServer
import Testing

private func decode(
    _ text: String, keepsTrailers: Bool = false
) -> (data: String, last: ChunkedDecoder.Event) {
    let bytes = Array(text.utf8)
    var decoder = ChunkedDecoder(keepsTrailers: keepsTrailers)
    var data = ""
    var cursor = 0
    while true {
        let event = decoder.decode(bytes.span, from: cursor)
        guard case .data(let range) = event else { return (data, event) }
        data += bytes.span.extracting(range).text
        cursor = range.upperBound
    }
}

@Suite struct ChunkedTests {
    @Test(arguments: [
        ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("1;a=b\r\nx\r\n2 ;\r\nyz\r\n00\t\r\n\r\n", "xyz"),
        ("0A\r\n0123456789\r\n0;\r\nA: b\r\nC: d\r\n\r\n", "0123456789"), ("0\r\n\r\n", ""),
    ])
    func bodies(_ text: String, _ data: String) {
        #expect(decode(text) == (data, .end(text.utf8.count)))
        #expect(decode(text + "GET /") == (data, .end(text.utf8.count)))
    }

    @Test(arguments: [
        "\r\n", " 5\r\n", "g", "5\nhello", "5\r\nhellox", "5\r\nhello\rx", "5x", "0x5", "5;a\n",
        "0\n", "0\r\nA\n",
        "0\r\n\n", "0\r\n\rx", "10000000000000000\r\n", "7fffffffffffffff\r\n",
        "ffffffffffffffff\r\n", "-1", "5\r\nhello5",
    ])
    func refused(_ text: String) { #expect(decode(text).last == .invalid) }

    @Test(arguments: ["", "5", "5\r\nhel", "5\r\nhello\r\n0\r\n", "0\r\nA: b\r\n\r"])
    func incomplete(_ text: String) { #expect(decode(text).last == .needMore) }

    @Test func trailersMayBeKept() {
        #expect(decode("1\r\na\r\n0\r\nA: b\r\n\r\n", keepsTrailers: true).last == .end(9))
    }

    @Test func encoding() {
        let output = Buffer()
        ChunkedEncoder.appendHead(of: 26, to: output)
        output.append("abcdefghijklmnopqrstuvwxyz")
        ChunkedEncoder.appendTail(to: output)
        ChunkedEncoder.appendEnd(to: output)
        #expect(output.text == "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n")
    }
}
