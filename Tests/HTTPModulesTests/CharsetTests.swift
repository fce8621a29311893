import Testing

@testable import ApusServer

/// UTF-8 as nginx reads it, and the tables of `charset_map`.
@Suite struct CharsetTests {
    private func outcomes(_ bytes: [UInt8]) -> [UTF8Reader.Outcome] {
        var position = 0
        var found: [UTF8Reader.Outcome] = []
        while position < bytes.count {
            let outcome = UTF8Reader.next(bytes.span, &position)
            found.append(outcome)
            if outcome == .incomplete { break }
        }
        return found
    }

    @Test func charactersOfEveryLength() {
        #expect(
            outcomes([0x61, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80])
                == [.character(0x61), .character(0xE9), .character(0x20AC), .character(0x1F600)])
    }

    @Test(
        arguments: [
            [0x80], [0xC1], [0xC0, 0x80], [0xF8], [0xFF], [0xC3, 0x28], [0xE0, 0x80, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
        ] as [[UInt8]])
    func malformed(_ bytes: [UInt8]) {
        #expect(outcomes(bytes).first == .invalid)
    }

    @Test(arguments: [[0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98]] as [[UInt8]])
    func cutOff(_ bytes: [UInt8]) {
        var position = 0
        #expect(UTF8Reader.next(bytes.span, &position) == .incomplete)
        #expect(position == 0)
    }

    @Test func aMapWorksBothWays() {
        var map = CharsetMap(from: 0, to: 1, isUTF8: true)
        let isMapped = map.map(0x80, toUTF8: [0xE2, 0x82, 0xAC])
        #expect(isMapped)
        let isTooLong = !map.map(0x81, toUTF8: [0xF0, 0x9F, 0x98, 0x80])
        #expect(isTooLong)
        guard case .toUTF8(let there) = map.forward, case .fromUTF8(let back) = map.backward
        else {
            Issue.record("wrong kinds of tables")
            return
        }
        #expect(Array(there[0x80 * 4..<0x81 * 4]) == [3, 0xE2, 0x82, 0xAC])
        #expect(Array(there[0x90 * 4..<0x90 * 4 + 2]) == [1, UInt8(ascii: "?")])
        #expect(back[0x20][0xAC] == 0x80)
        #expect(back[0x21].isEmpty)
        #expect(back[0][0x41] == 0x41)
    }
}

/// The times of `expires`.
@Suite struct ExpiryTests {
    private func read(
        _ text: String, _ kind: Expiry.Kind = .access
    ) throws(ExpiryError) -> Expiry {
        var expiry = Expiry(kind: kind)
        let bytes = ByteString(text)
        try expiry.read(bytes.span)
        return expiry
    }

    @Test func times() throws {
        #expect(try read("1h").time == 3_600)
        #expect(try read("+30").time == 30)
        #expect(try read("-1").time == -1)
        #expect(try read("epoch").kind == .epoch)
        #expect(try read("max").kind == .max)
        #expect(try read("off").kind == .off)
        let daily = try read("@15h30m")
        #expect(daily.kind == .daily)
        #expect(daily.time == 55_800)
    }

    @Test func whatMakesNoSense() {
        #expect(throws: ExpiryError.invalid) { try read("soon") }
        #expect(throws: ExpiryError.invalid) { try read("") }
        #expect(throws: ExpiryError.tooLate) { try read("@25h") }
        #expect(throws: ExpiryError.dailyWithModified) { try read("@1h", .modified) }
        #expect(throws: ExpiryError.invalid) { try read("max", .modified) }
    }
}

/// Content types as upstreams write them.
@Suite struct ReceivedTypeTests {
    private func read(_ value: String) -> (type: String, charset: String, sent: String) {
        let response = Response()
        let received = ByteString(value)
        response.setContentType(received: received.span)
        let sent = Buffer()
        response.appendContentType(to: sent)
        let type = response.contentType
        let charset = response.charset
        return (type.span(response.mediaType).text, charset.span.text, sent.span.text)
    }

    @Test func theCharsetIsFoundAndLeftAsItIs() {
        #expect(read("text/html") == ("text/html", "", "text/html"))
        #expect(
            read("text/html;charset=utf-8") == ("text/html", "utf-8", "text/html;charset=utf-8"))
        #expect(
            read("text/html; Charset=\"koi8-r\"")
                == ("text/html", "koi8-r", "text/html; Charset=\"koi8-r\""))
        #expect(
            read("text/html; level=1; charset=x")
                == ("text/html; level=1", "x", "text/html; level=1; charset=x"))
        #expect(read("a/b; version=1") == ("a/b; version=1", "", "a/b; version=1"))
    }
}
