@testable import ApusServer
import Testing

/// Parses a whole head.
func parse(
    _ text: String, _ limits: RequestLimits = RequestLimits()
) -> (head: RequestHead, outcome: RequestHeadParser.Outcome) {
    let head = RequestHead()
    head.bytes.append(text)
    var parser = RequestHeadParser()
    return (head, parser.parse(into: head, limits: limits))
}

/// The error of a head that is refused, or nil.
func failure(_ text: String, _ limits: RequestLimits = RequestLimits()) -> ParseError? {
    if case .failed(let error) = parse(text, limits).outcome { error } else { nil }
}

/// nginx's log message for a head that is refused, or an empty text.
func message(_ text: String, _ limits: RequestLimits = RequestLimits()) -> String {
    let (head, outcome) = parse(text, limits)
    guard case .failed(let error) = outcome else { return "" }
    let output = Buffer()
    error.appendMessage(to: output, head: head)
    return output.text
}

extension RequestHead {
    func text(_ range: ByteRange) -> String {
        let bytes = self.bytes
        return bytes.span(range).text
    }

    func value(of name: FieldName) -> String? { fields.firstValue(of: name).map(text) }
}

@Suite struct RequestHeadTests {
    @Test func aPlainRequest() {
        let text = "GET /a/b.html?x=1&y HTTP/1.1\r\nHost: Example.com:8080\r\nAccept:  */* \r\n\r\n"
        let (head, outcome) = parse(text)
        #expect(outcome == .complete(text.utf8.count))
        #expect(head.method == .get && head.version == .http11)
        #expect(head.text(head.requestLine) == "GET /a/b.html?x=1&y HTTP/1.1")
        #expect(head.text(head.protocolName) == "HTTP/1.1")
        #expect(head.text(head.target) == "/a/b.html?x=1&y")
        #expect(head.text(head.path) == "/a/b.html")
        #expect(head.text(head.arguments) == "x=1&y")
        #expect(head.text(head.pathExtension) == "html")
        #expect(!head.needsNormalising)
        #expect(head.host.text == "example.com" && head.port == 8080)
        #expect(head.value(of: .accept) == "*/*")
        #expect(head.keepsAlive && head.contentLength == -1 && !head.isChunked)
    }

    @Test func aHeadIsReusable() {
        let head = RequestHead()
        for text in ["POST /?a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", "GET /\r\n"] {
            head.reset()
            head.bytes.removeAll()
            head.bytes.append(text)
            var parser = RequestHeadParser()
            #expect(parser.parse(into: head, limits: RequestLimits()) == .complete(text.utf8.count))
        }
        #expect(head.version == .http09 && head.contentLength == -1 && head.fields.count == 0)
    }

    @Test func pipelinedRequestsBeginWhereTheLastEnded() {
        let head = RequestHead()
        head.bytes.append("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: b\r\n\r\n")
        var parser = RequestHeadParser()
        guard case .complete(let end) = parser.parse(into: head, limits: RequestLimits()) else {
            Issue.record("not complete")
            return
        }
        head.reset()
        parser = RequestHeadParser(start: end)
        #expect(parser.parse(into: head, limits: RequestLimits()) == .complete(2 * end))
        #expect(head.text(head.path) == "/b" && head.length == end)
    }

    @Test func emptyLinesBeforeARequestAreSkippedAndDropped() {
        let head = RequestHead()
        var parser = RequestHeadParser()
        for _ in 0..<100 {
            head.bytes.append("\r\n\n")
            #expect(parser.parse(into: head, limits: RequestLimits()) == .needMore)
            #expect(head.bytes.isEmpty && !parser.hasBegun)
        }
        head.bytes.append("GET / HTTP/1.0\r\n\r\n")
        #expect(parser.parse(into: head, limits: RequestLimits()) == .complete(18))
    }

    @Test func lineFeedsAloneEndLines() {
        let (head, outcome) = parse("GET / HTTP/1.1\nHost: a\nB:c\n\n")
        #expect(outcome == .complete(28))
        #expect(head.fields.count == 2)
    }

    @Test(arguments: [
        "get / HTTP/1.1", "G\tT", " GET", "\u{16}\u{3}", "GET/", "1", "G1 ",
    ])
    func badMethods(_ text: String) {
        let error = failure(text)
        #expect(error == .invalidMethod || error == .invalidRequest)
        #expect(error?.status == .badRequest)
    }

    @Test func badMethodsAreRefusedAtTheFirstByte() {
        #expect(failure("\u{16}") == .invalidMethod)
        #expect(message("\u{16}") == "client sent invalid method")
        #expect(failure("_-A ") == nil)
    }

    @Test(arguments: Method.allCases.filter { $0 != .other })
    func methodsAreKnown(_ method: Method) {
        #expect(Method(method.name.bytes) == method)
        #expect(Method(ByteString("X-OTHER").span) == .other)
    }

    @Test(arguments: [
        "GET a HTTP/1.1\r\n", "GET a:b HTTP/1.1\r\n", "GET http:/a HTTP/1.1\r\n",
        "GET * HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n", "GET /a\u{1}b HTTP/1.1\r\n", "GET /a\tb HTTP/1.1\r\n",
        "GET /\u{7f} ",
        "GET /a b HTTP/1.1\r\n", "GET / HTTP/1.1x", "GET / http/1.1", "GET / HTTP/0.9",
        "GET / HTTP/1.",
        "GET / HTTP/1.1\rx", "GET / HTTP/1.1 x", "GET / HTTP/.1", "GET / HTTP/1.1000\r\n",
        "GET http://a_b/ HTTP/1.1\r\n", "GET http://[::1/ HTTP/1.1\r\n",
        "GET http://a:8x/ HTTP/1.1\r\n",
        "CONNECT a HTTP/1.1\r\n", "CONNECT a: HTTP/1.1\r\n", "CONNECT a:1/ HTTP/1.1\r\n",
    ])
    func badRequestLines(_ text: String) {
        let outcome = parse(text).outcome
        #expect(outcome == .failed(.invalidRequest) || text.hasSuffix("1."))
        if !text.hasSuffix("1.") { #expect(message(text) == "client sent invalid request") }
    }

    @Test(arguments: ["GET / HTTP/2", "GET / HTTP/9.1\r\n", "GET / HTTP/10.0\r\n", "PRI * HTTP/2"])
    func unsupportedVersions(_ text: String) {
        let error = failure(text)
        if text.hasPrefix("PRI") {
            // `*` is refused before the version is seen.
            #expect(error == .invalidRequest)
        } else {
            #expect(error == .invalidVersion && error?.status == .versionNotSupported)
        }
    }

    @Test func minorVersionsAboveOneAreTakenAsHTTP11() {
        #expect(parse("GET / HTTP/1.27  \r\nHost: a\r\n\r\n").head.version > .http11)
        #expect(failure("GET / HTTP/1.999\r\n\r\n") == .missingHost)
    }

    @Test func http09() {
        for text in ["GET /a?b\r\n", "GET /a?b \n", "GET /a?b   \r\n"] {
            let (head, outcome) = parse(text)
            #expect(outcome == .complete(text.utf8.count))
            #expect(head.version == .http09 && head.text(head.arguments) == "b")
            #expect(head.protocolName.isEmpty)
        }
        #expect(failure("POST /\r\n") == .invalidMethodInHTTP09)
        #expect(message("POST /\n") == "client sent invalid method in HTTP/0.9 request")
    }

    @Test func absoluteForms() {
        let tail = " HTTP/1.1\r\nHost: other\r\n\r\n"
        let (head, _) = parse("GET HTTP://A.example:81/x?y" + tail)
        #expect(head.text(head.scheme) == "HTTP" && head.text(head.target) == "/x?y")
        #expect(head.host.text == "a.example" && head.port == 81)
        #expect(head.text(head.authority) == "A.example:81")
        let (bare, _) = parse("GET http://a" + tail)
        #expect(bare.text(bare.target) == "/" && !bare.needsNormalising)
        let (query, _) = parse("GET http://a?b" + tail)
        #expect(query.text(query.target) == "?b" && query.isPathEmpty)
        #expect(query.text(query.path) == "" && query.text(query.arguments) == "b")
        let (literal, _) = parse("GET http://[::1]:8/" + tail)
        #expect(literal.host.text == "[::1]" && literal.port == 8)
        #expect(failure("GET http:///x" + tail) == .invalidHostInRequestLine)
        #expect(message("GET http://a..b/" + tail) == "client sent invalid host in request line")
    }

    @Test func authorityForm() {
        var limits = RequestLimits()
        let text = "CONNECT A.example:443 HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(failure(text) == .connectNotAllowed)
        #expect(failure(text)?.status == .notAllowed)
        limits.allowsConnect = true
        let (head, outcome) = parse(text, limits)
        #expect(outcome == .complete(text.utf8.count))
        #expect(head.host.text == "a.example" && head.port == 443)
        #expect(head.text(head.path) == "/")
        #expect(failure("CONNECT a:1 HTTP/1.0\r\n\r\n", limits) == .connectNotAllowed)
        let body = "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
        #expect(failure(body, limits) == .connectWithBody)
    }

    @Test func traceIsNotAllowed() {
        #expect(failure("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n") == .traceNotAllowed)
    }

    @Test(arguments: [
        ("/a", ""), ("/a.b", ""), ("/a..b", ""), ("/a+b", "p"), ("/.a", "c"), ("/a/.", "c"),
        ("/a//b", "c"),
        ("/a%41", "q"), ("/a#b", "c"), ("/a?b#c", "c"), ("/a?//../", ""), ("/a?%41", ""),
        ("/\u{e9}", ""),
    ])
    func targetsThatNeedNormalising(_ target: String, _ expected: String) {
        let (head, _) = parse("GET \(target) HTTP/1.0\r\n\r\n")
        var found = head.isComplex ? "c" : ""
        if head.isQuoted { found += "q" }
        if head.hasPlus { found += "p" }
        #expect(found == expected)
    }

    @Test func aPauseAtTheHostLetsTheLimitsChange() {
        var limits = RequestLimits()
        limits.pausesAtHost = true
        let head = RequestHead()
        head.bytes.append("GET / HTTP/1.1\r\nA_b: 1\r\nHost: a\r\nC_d: 2\r\n\r\n")
        var parser = RequestHeadParser()
        #expect(parser.parse(into: head, limits: limits) == .hostKnown)
        #expect(head.host.text == "a")
        limits.allowsUnderscores = true
        #expect(parser.parse(into: head, limits: limits) == .complete(head.bytes.count))
        #expect(head.fields.count == 2 && head.ignoredLines.count == 1)
    }
}
