@testable import ApusServer
import Testing

/// A head with these lines behind a request line and a host.
private func request(_ lines: String, version: String = "1.1") -> String {
    "GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n"
}

private let manyFields = (1...1000).map { "f\($0):\n" }.joined()

@Suite struct FieldTests {
    @Test func onlySpacesAreTrimmedOffValues() {
        let (head, _) = parse(request("Accept:   \t b  c \t  \r\nCookie:\r\nVia: \r\n"))
        #expect(head.value(of: .accept) == "\t b  c \t")
        #expect(head.value(of: .cookie) == "" && head.value(of: .via) == "")
    }

    @Test func aLineWithoutColonIsAFieldWithoutValue() {
        let (head, outcome) = parse(request("Garbage\r\nVia\n"))
        #expect(outcome == .complete(head.bytes.count))
        #expect(head.fields.count == 3 && head.value(of: .via) == "")
    }

    @Test func repeatedCarriageReturnsEndALine() {
        #expect(failure(request("Via: a\r\r\r\n")) == nil)
    }

    @Test(arguments: [
        (" folded: a\r\n", "\\x20"), ("\tfolded\r\n", "\\x09"), (": a\r\n", "\\x3a"),
        ("\u{7f}: a", "\\x7f"),
        ("Via : a\r\n", "Via\\x20"), ("Vi\0a: b\r\n", "Vi\\x00"), ("Via: a\0b\r\n", "Via: a\\x00"),
        ("Via: a\rb\r\n", "Via: a\\x0d"), ("Via: a  \rb\r\n", "Via: a\\x20"),
        ("Via:\0", "Via:\\x00"),
        ("V\u{1}", "V\\x01"), ("\r\rx", "\\x0d"),
    ])
    func refusedLines(_ line: String, _ quoted: String) {
        let text = request(line)
        #expect(failure(text)?.status == .badRequest)
        #expect(message(text) == "client sent invalid header line: \"\(quoted)...\"")
    }

    @Test func invalidNamesAreLeftOutOrKept() {
        let text = request("X_y: 1\r\nA@b: 2\r\n_z: 3\r\nUser-Agent: 4\r\n\u{e9}: 5\r\n")
        let (ignoring, _) = parse(text)
        #expect(ignoring.fields.count == 2)
        #expect(
            ignoring.ignoredLines.array.map(ignoring.text) == ["X_y: 1", "A@b: 2", "_z: 3", "\u{e9}: 5"])
        var limits = RequestLimits()
        limits.allowsUnderscores = true
        let (underscores, _) = parse(text, limits)
        #expect(underscores.fields.count == 4 && underscores.ignoredLines.count == 2)
        limits = RequestLimits()
        limits.ignoresInvalidNames = false
        #expect(parse(text, limits).head.fields.count == 6)
    }

    @Test func fieldsAreFoundByNameAndByBytes() {
        let (head, _) = parse(request("X-A: 1\r\nx-a: 2\r\nCookie: a\r\nCOOKIE: b\r\n"))
        let name = ByteString("X-a")
        #expect(head.fields.firstIndex(named: name.span, in: head.bytes) == 1)
        #expect(head.fields.firstIndex(named: name.span, in: head.bytes, from: 2) == 2)
        #expect(head.fields.firstIndex(of: .cookie) == 3)
        #expect(head.fields.firstIndex(of: .cookie, from: 4) == 4)
        #expect(head.fields.firstIndex(of: .range) == nil)
    }

    // MARK: - Limits

    @Test func aRequestLineAsLongAsALargeBufferFits() {
        let filler = String(repeating: "a", count: 8192 - 15)
        #expect(failure("GET /\(filler) HTTP/1.0\n\n") == nil)
        #expect(failure("GET /\(filler)a HTTP/1.0\n\n") == .requestLineTooLong)
        #expect(failure("GET /\(filler)aaaaaaaaaaa") == .requestLineTooLong)
        #expect(ParseError.requestLineTooLong.status == .uriTooLong)
        #expect(message("GET /\(filler)a HTTP/1.0\n\n") == "client sent too long URI")
    }

    @Test func aFieldLineAsLongAsALargeBufferFits() {
        let filler = String(repeating: "a", count: 8192 - 5)
        #expect(failure(request("Via:\(filler)\n")) == nil)
        let text = request("Via:\(filler)a\n")
        #expect(failure(text)?.status == .headTooLarge)
        #expect(message(text).hasPrefix("client sent too long header line: \"Via:aaaa"))
        #expect(message(text).utf8.count == 1748 + 39)
    }

    @Test func onlySoManyLargeBuffersAreUsed() {
        let line = "X: " + String(repeating: "a", count: 5000) + "\n"
        #expect(failure(request(String(repeating: line, count: 4))) == nil)
        #expect(failure(request(String(repeating: line, count: 5)))?.status == .headTooLarge)
    }

    @Test func onlySoManyFieldsAreTaken() {
        #expect(failure("GET / HTTP/1.0\n\(manyFields)\n") == nil)
        #expect(failure("GET / HTTP/1.0\nx:\n\(manyFields)\n") == .tooManyFields)
        #expect(
            message("GET / HTTP/1.0\nx:\n\(manyFields)\n") == "client sent too many header lines")
    }

    // MARK: - Framing

    @Test func contentLengths() {
        #expect(parse(request("Content-Length: 0042\r\n")).head.contentLength == 42)
        for value in ["", "-1", "+1", "1 1", "0x1", "9223372036854775808", "1,1"] {
            #expect(failure(request("Content-Length: \(value)\r\n")) == .invalidContentLength)
        }
        #expect(failure(request("Content-Length: 9223372036854775807\r\n")) == nil)
    }

    @Test func transferEncodings() {
        #expect(parse(request("Transfer-Encoding: Chunked\r\n")).head.isChunked)
        for value in ["", "gzip", "chunked, chunked", "gzip, chunked", "xchunked", "\tchunked"] {
            let text = request("Transfer-Encoding: \(value)\r\n")
            #expect(failure(text)?.status == .notImplemented)
            #expect(message(text) == "client sent unknown \"Transfer-Encoding\": \"\(value)\"")
        }
        let text = "Transfer-Encoding: chunked\r\n"
        #expect(failure(request(text, version: "1.0")) == .transferEncodingInHTTP10)
        let both = [text + "Content-Length: 1\r\n", "Content-Length: 1\r\n" + text]
        for lines in both { #expect(failure(request(lines)) == .contentLengthAndTransferEncoding) }
        #expect(failure(request(text + text))?.status == .badRequest)
    }

    @Test(arguments: [
        "If-Modified-Since", "If-Unmodified-Since", "If-Match", "If-None-Match", "Content-Length",
        "Content-Range",
        "If-Range", "Transfer-Encoding", "Expect", "Authorization", "Proxy-Authorization",
    ])
    func fieldsThatMayComeOnce(_ name: String) {
        let text = request("\(name): 1\r\n\(name): 2\r\n")
        #expect(failure(text) == .duplicateField(2, previous: 1))
        let expected =
            "client sent duplicate header line: \"\(name): 2\", previous value: \"\(name): 1\""
        #expect(message(text) == expected)
    }

    @Test(arguments: ["Cookie", "Range", "Referer", "Content-Type", "TE", "Via", "X-Forwarded-For"])
    func fieldsThatMayComeOften(_ name: String) {
        #expect(failure(request("\(name): 1\r\n\(name): 2\r\n")) == nil)
    }

    // MARK: - Host

    @Test func hosts() {
        #expect(failure("GET / HTTP/1.1\r\n\r\n") == .missingHost)
        #expect(failure("GET / HTTP/1.0\r\n\r\n") == nil)
        #expect(failure("GET / HTTP/1.1\r\nHost:\r\n\r\n") == .invalidHost)
        let text = request("host: b\r\n")
        #expect(failure(text) == .duplicateHost(1, previous: 0))
        #expect(
            message(text)
                == "client sent duplicate host header: \"host: b\", previous value: \"Host: a\"")
    }

    @Test func connectionWords() {
        #expect(parse(request("Connection: Close\r\n")).head.connection == .close)
        #expect(parse(request("Connection: x, KEEP-alive\r\n")).head.connection == .keepAlive)
        #expect(parse(request("Connection: upgrade\r\n")).head.connection == .unspecified)
        #expect(!parse(request("Connection: close\r\n")).head.keepsAlive)
        #expect(!parse(request("", version: "1.0")).head.keepsAlive)
        #expect(parse(request("Connection: keep-alive\r\n", version: "1.0")).head.keepsAlive)
        let twice = request("Connection: close\r\nConnection: keep-alive\r\n")
        #expect(parse(twice).head.connection == .keepAlive)
    }

    @Test func expectations() {
        #expect(parse(request("Expect: 100-Continue\r\n")).head.expectsContinue)
        #expect(!parse(request("Expect: 100-continued\r\n")).head.expectsContinue)
        #expect(!parse(request("Expect: 100-continue\r\n", version: "1.0")).head.expectsContinue)
    }
}
