@testable import ApusServer
import Testing

@Suite struct RangeFieldTests {
    private func parse(
        _ text: String, _ length: Int = 100, limit: Int? = nil
    ) -> (RangeVerdict, [Range<Int>]) {
        var field = RangeField()
        let verdict = field.parse(ByteString(text).span, contentLength: length, limit: limit)
        return (verdict, verdict == .ranges ? field.ranges : [])
    }

    @Test(arguments: [
        ("bytes=0-9", [0..<10]), ("BYTES=90-", [90..<100]), ("bytes=-5", [95..<100]),
        ("bytes=-500", [0..<100]),
        ("bytes= 1 - 2 , 4-4", [1..<3, 4..<5]), ("bytes=0-0,-1", [0..<1, 99..<100]),
        ("bytes=50-200", [50..<100]),
        ("bytes=200-300,1-2", [1..<3]),
    ])
    func ranges(_ text: String, _ ranges: [Range<Int>]) {
        #expect(parse(text) == (.ranges, ranges))
    }

    @Test(arguments: [
        "bytes=100-", "bytes=a", "bytes=1", "bytes=1-a", "bytes=1-2,", "bytes=1-2x", "bytes=--1",
        "bytes=9223372036854775808-", "bytes=-9223372036854775808", "bytes=200-300",
    ])
    func notSatisfiable(_ text: String) { #expect(parse(text).0 == .notSatisfiable) }

    @Test(arguments: ["bytes=", "items=0-1", "", "bytes=0-50,40-99", "bytes=0--1"])
    func ignored(_ text: String) {
        let verdict = parse(text).0
        #expect(verdict == .ignored || text == "bytes=0--1")
    }

    @Test func limits() {
        #expect(parse("bytes=0-0,2-2", limit: 1).0 == .ignored)
        #expect(parse("bytes=0-0,2-2", limit: 2).0 == .ranges)
        let many = "bytes=" + (0..<40).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",")
        #expect(parse(many, limit: 40).0 == .ranges && parse(many).0 == .ignored)
    }

    @Test func anEmptyContentHasNoRanges() {
        #expect(parse("bytes=0-", 0).0 == .ignored && parse("bytes=-1", 0).0 == .ignored)
        #expect(parse("bytes=1-", 0).0 == .notSatisfiable)
    }
}

@Suite struct HTTPDateParserTests {
    private func date(_ text: String) -> Int? { ByteString(text).span.httpDate }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 08:49:37", ",06 Nov 1994 08:49:37 anything",
    ])
    func oneMomentInAllFormats(_ text: String) {
        #expect(date(text) == 784_111_777)
    }

    @Test(arguments: [
        "", "0", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Xov 1994 08:49:37 GMT",
        "Sun, 32 Oct 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 1995 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:60 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT", "Sun Nov 6 08:49:37", "Sunday, 06-Nov 94 08:49:37 GMT",
    ])
    func refused(_ text: String) { #expect(date(text) == nil) }

    @Test func everyMonthAndLeapDayIsReadBackAsWritten() {
        for seconds in stride(from: 0, to: 4_000_000_000, by: 86_400 * 13 + 12_345) {
            let output = Buffer()
            output.append(httpDate: seconds)
            #expect(date(output.text) == seconds)
        }
        #expect(date("Tue, 29 Feb 2000 00:00:00 GMT") == 951_782_400)
    }

    @Test func twoDigitYearsBefore70AreOfThisCentury() {
        #expect(date("x, 01-Jan-69 00:00:00 GMT") == 3_124_224_000)
        #expect(date("x, 01-Jan-70 00:00:00 GMT") == 0)
    }
}

@Suite struct EntityTagTests {
    @Test(arguments: [
        ("*", "\"a\"", false, true), ("\"a\"", "\"a\"", false, true),
        ("\"b\" , \"a\"", "\"a\"", false, true),
        ("W/\"a\"", "\"a\"", false, false), ("W/\"a\"", "\"a\"", true, true),
        ("\"a\"", "W/\"a\"", true, true),
        ("\"ab\"", "\"a\"", true, false), ("\"a\"x", "\"a\"", true, false),
        ("", "\"a\"", true, false),
        ("\"x\",W/\"a\"\t", "W/\"a\"", true, true), ("\"a\"", "W/\"a\"", false, false),
    ])
    func matches(_ list: String, _ tag: String, _ isWeak: Bool, _ expected: Bool) {
        let bytes = ByteString(tag)
        let found = ByteString(list).span.matchesEntityTag(bytes.span, isWeak: isWeak)
        #expect(found == expected)
    }

    @Test func withoutATagOnlyTheStarMatches() {
        let star = ByteString("*").span.matchesEntityTag(nil, isWeak: true)
        let other = ByteString("\"a\"").span.matchesEntityTag(nil, isWeak: true)
        #expect(star && !other)
    }
}
