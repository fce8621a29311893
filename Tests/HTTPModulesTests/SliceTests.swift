import Testing

@testable import ApusServer

/// The `Content-Range` of a range's answer, as nginx reads it.
@Suite struct ContentRangeTests {
    private func parse(_ text: String) -> (start: Int, end: Int, total: Int?)? {
        let value = ByteString(text)
        return ContentRange(value.span).map { ($0.start, $0.end, $0.total) }
    }

    @Test(arguments: [
        ("bytes 0-1/2", 0, 2, 2), ("bytes 7-7/100", 7, 8, 100), ("bytes   3  -  4  /  5  ", 3, 5, 5),
        ("bytes 0-1/1", 0, 2, 1), ("bytes 5-2/9", 5, 3, 9),
        ("bytes 0-9223372036854775806/9223372036854775807", 0, Int.max, Int.max),
    ])
    func read(_ text: String, _ start: Int, _ end: Int, _ total: Int) throws {
        let range = try #require(parse(text))
        #expect(range.start == start)
        #expect(range.end == end)
        #expect(range.total == total)
    }

    @Test func aLengthMayBeUntold() throws {
        for text in ["bytes 0-1/*", "bytes 0-1/ * "] {
            let range = try #require(parse(text))
            #expect(range.total == nil)
        }
    }

    @Test(arguments: [
        "", "bytes", "bytes ", "bytes */2", "byte 0-1/2", "BYTES 0-1/2", "bytes 0-/2", "bytes -1/2", "bytes 0-1", "bytes 0-1/",
        "bytes 0-1/2x", "bytes 0-1/*x", "bytes 0-1/*/", "bytes x-1/2", "bytes 0--1/2", "bytes +0-1/2",
        "bytes 0-9223372036854775807/1", "bytes 9223372036854775808-1/1", "bytes 0-1/99999999999999999999",
    ])
    func refused(_ text: String) {
        #expect(parse(text) == nil)
    }
}
