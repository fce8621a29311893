import Testing

@testable import ApusServer

/// Identifiers in cookies, and the versions of browsers.
@Suite struct SenderTests {
    @Test func anIdentifierIsShownAsTheProcessorSeesIt() {
        let bytes: [UInt8] = [127, 0, 0, 1, 0x65, 0, 0, 2, 3, 4, 5, 6, 0, 0, 0, 0xFF]
        let words = UserIDState.Words(bytes.span)
        #expect(words.word(0) == "0100007F")
        #expect(words.word(3) == "FF000000")
        let back = Buffer()
        words.append(to: back)
        let isSame = back.span.equals(bytes.span)
        #expect(isSame)
    }

    @Test func versionTwoIsInNetworkOrder() {
        let bytes = Buffer()
        UserIDState.Words(bigEndian: 0x7F00_0001, 1, 2, 3).append(to: bytes)
        #expect(bytes[0] == 127 && bytes[3] == 1 && bytes[7] == 1 && bytes[15] == 3)
    }

    @Test func numbersCountUpAndStayAboveTheLeast() throws {
        let numbers = UserIDNumbers(try EventLoop())
        #expect(numbers.nextOfVersion1() == 1)
        #expect(numbers.nextOfVersion1() == 0x101)
        #expect(numbers.nextOfVersion2() == 0x0303_0302)
        #expect(numbers.nextOfVersion2() == 0x0303_0402)
    }

    @Test(arguments: [
        (784_111_777, "Sun, 06-Nov-94 08:49:37 GMT"), (946_684_800, "Sat, 01-Jan-00 00:00:00 GMT"),
        (2_145_916_800, "Fri, 01-Jan-2038 00:00:00 GMT"),
    ])
    func theDateOfACookie(_ seconds: Int, _ expected: String) {
        let out = Buffer()
        out.append(cookieDate: seconds)
        #expect(out.span.text == expected)
    }

    @Test(arguments: [
        ("5.5", 5_050_000), ("1.0.0", 1_000_000), ("3", 3_000_000), ("", 0), ("1.2.3.4.5.6", 1_020_304),
    ] as [(ByteString, Int)])
    func aVersionsPartsWeighLessAndLess(_ text: ByteString, _ expected: Int) {
        #expect(BrowserFamily.version(text) == expected)
    }

    @Test func aVersionOfManyDigitsIsOnlyLarge() {
        let text: ByteString = "99999999999999999999999999999999.99999999999999999999999999"
        #expect(BrowserFamily.version(text) != nil)
        let reaches = BrowserFamily.reaches(5_050_000, text.span, from: 0)
        #expect(reaches)
        #expect(BrowserFamily.version("5.x") == nil)
    }

    @Test func aMarkBehindTheIdentifier() {
        let state = UserIDState()
        #expect(!state.bears(UInt8(ascii: "y")))
        state.cookie = "AQIDBAUGBwgJCgsMDQ4PEAy="
        #expect(state.bears(UInt8(ascii: "y")) && !state.bears(UInt8(ascii: "z")))
    }
}
