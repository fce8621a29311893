import Testing

@testable import ApusServer

private let usual = [(":method", "GET"), (":scheme", "http"), (":path", "/a?b"), (":authority", "A.test:80")]

private func read(
    _ fields: [(String, String)], endsStream: Bool = true, limits: RequestLimits = RequestLimits()
) -> (head: RequestHead, fault: ParseError?) {
    let head = RequestHead()
    let reader = HTTP2HeadReader()
    reader.begin(head)
    for (name, value) in fields {
        var field = HPACKField()
        field.facts = HPACKFacts(name.utf8Span.span, value.utf8Span.span)
        field.start = head.bytes.count
        head.bytes.append(name.utf8Span.span)
        field.middle = head.bytes.count
        head.bytes.append(value.utf8Span.span)
        field.end = head.bytes.count
        reader.take(field, into: head, limits: limits)
    }
    reader.finish(head, endsStream: endsStream, size: 20)
    return (head, reader.fault)
}

private func text(_ head: RequestHead, _ range: ByteRange) -> String {
    let bytes = head.bytes
    return bytes.span(range).text
}

private func message(_ fields: [(String, String)], endsStream: Bool = true) -> String? {
    let (head, fault) = read(fields, endsStream: endsStream)
    guard let fault else { return nil }
    let line = Buffer()
    fault.appendMessage(to: line, head: head)
    return line.span.text
}

@Suite struct HeadReaderTests {
    @Test func fieldsBecomeTheHeadThatARequestLineWouldHaveMade() {
        let (head, fault) = read([usual[2], usual[3], usual[1], usual[0], ("user-agent", "x"), ("accept", "*/*")])
        #expect(fault == nil)
        #expect(text(head, head.requestLine) == "GET /a?b HTTP/2.0")
        #expect(text(head, head.target) == "/a?b")
        #expect(text(head, head.path) == "/a")
        #expect(text(head, head.arguments) == "b")
        #expect(text(head, head.protocolName) == "HTTP/2.0")
        #expect(head.method == .get && head.version == .http2 && head.length == 20)
        let host = head.host
        #expect(host.span.text == "a.test" && head.port == 80)
        #expect(head.contentLength == -1 && !head.isChunked && !head.keepsAlive)
        let fields = head.fields.indices.map {
            text(head, head.fields[$0].nameRange) + "=" + text(head, head.fields[$0].valueRange)
        }
        #expect(fields == ["user-agent=x", "accept=*/*", "host=A.test:80"])
    }

    @Test func cookiesAreJoined() {
        let (head, fault) = read(usual + [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("cookie", "c")])
        #expect(fault == nil)
        let cookie = head.fields.firstValue(of: .cookie)
        #expect(cookie.map { text(head, $0) } == "a=1; b=2; c")
        #expect(head.fields.count == 3)
    }

    @Test func theHostFieldMayStandForTheAuthority() {
        let (head, fault) = read(Array(usual[..<3]) + [("host", "b.test")])
        #expect(fault == nil)
        let host = head.host
        #expect(host.span.text == "b.test")
        #expect(read(usual + [("host", "A.test:80")]).fault == nil)
    }

    @Test func aBodyWithoutLengthIsLikeOneInChunks() {
        #expect(read(usual, endsStream: false).head.isChunked)
        #expect(!read(usual + [("content-length", "5")], endsStream: false).head.isChunked)
        #expect(read(usual + [("content-length", "5")], endsStream: false).head.contentLength == 5)
    }

    @Test func unusualNamesAreLeftOutOrKept() {
        #expect(read(usual + [("a_b", "c"), ("a!", "d")]).head.fields.count == 1)
        var limits = RequestLimits()
        limits.allowsUnderscores = true
        #expect(read(usual + [("a_b", "c"), ("a!", "d")], limits: limits).head.fields.count == 2)
        limits.ignoresInvalidNames = false
        #expect(read(usual + [("a_b", "c"), ("a!", "d")], limits: limits).head.fields.count == 3)
    }

    @Test func fieldsAreCounted() {
        var limits = RequestLimits()
        limits.fieldCount = 2
        #expect(read(usual + [("a", "b"), ("c", "d")], limits: limits).fault == nil)
        #expect(read(usual + [("a", "b"), ("c", "d"), ("e", "f")], limits: limits).fault == .tooManyFields)
    }

    @Test(arguments: Fault.all)
    fileprivate func faults(_ fault: Fault) {
        #expect(message(fault.fields) == fault.text)
    }
}

/// Fields, and what is said of them.
private struct Fault: Sendable, CustomTestStringConvertible {
    let fields: [(String, String)]
    let text: String

    init(_ fields: [(String, String)], _ text: String) {
        self.fields = fields
        self.text = text
    }

    var testDescription: String { text }

    static let all: [Fault] = [
        Fault(usual + [("A", "b")], "client sent invalid header name: \"A\""),
        Fault(usual + [("a:b", "c")], "client sent invalid header name: \"a:b\""),
        Fault(usual + [("a b", "c")], "client sent invalid header name: \"a b\""),
        Fault(usual + [("a", "b\r\nc: d")], "client sent header \"a\" with invalid value: \"b\r\nc: d\""),
        Fault(usual + [("a", "b\0")], "client sent header \"a\" with invalid value: \"b\0\""),
        Fault(usual + [("a", "b"), usual[0]], "client sent out of order pseudo-headers"),
        Fault(usual + [(":protocol", "websocket")], "client sent unknown pseudo-header \":protocol\""),
        Fault(usual + [usual[0]], "client sent duplicate :method header"),
        Fault(usual + [usual[2]], "client sent duplicate :path header"),
        Fault(usual + [usual[1]], "client sent duplicate :scheme header"),
        Fault(usual + [usual[3]], "client sent duplicate \":authority\" header"),
        Fault([(":method", "")], "client sent empty :method header"), Fault([(":path", "")], "client sent empty :path header"),
        Fault([(":scheme", "")], "client sent empty :scheme header"),
        Fault([(":method", "get")], "client sent invalid method: \"get\""),
        Fault([(":scheme", "1a")], "client sent invalid :scheme header: \"1a\""),
        Fault([usual[0], usual[1], (":path", "x")], "client sent invalid :path header: \"x\""),
        Fault([usual[0], usual[1], (":path", "/a b")], "client sent invalid :path header: \"/a b\""),
        Fault([(":authority", "a/b")], "client sent invalid \":authority\" header"),
        Fault(Array(usual[1...]), "client sent no :method header"),
        Fault([usual[0], usual[2], usual[3]], "client sent no :scheme header"),
        Fault([usual[0], usual[1], usual[3]], "client sent no :path header"), Fault([], "client sent no :method header"),
        Fault(usual + [("connection", "close")], "client sent \"Connection\" header"),
        Fault(usual + [("keep-alive", "1")], "client sent \"Keep-Alive\" header"),
        Fault(usual + [("transfer-encoding", "chunked")], "client sent \"Transfer-Encoding\" header"),
        Fault(usual + [("upgrade", "x")], "client sent \"Upgrade\" header"),
        Fault(usual + [("te", "gzip")], "client sent invalid \"TE\" header"),
        Fault(usual + [("te", "trailers"), ("te", "trailers")], "client sent invalid \"TE\" header"),
        Fault(Array(usual[..<3]), "client sent neither \":authority\" nor \"Host\" header"),
        Fault(usual + [("host", "b")], "client sent \":authority\" and \"Host\" headers with different values"),
        Fault(usual + [("content-length", "x")], "client sent invalid \"Content-Length\" header"),
        Fault(usual + [("content-length", "5")], "client prematurely closed stream"),
        Fault([(":method", "TRACE")] + usual[1...], "client sent TRACE method"),
        Fault([(":method", "CONNECT")] + usual[1...], "client sent CONNECT method"),
        Fault(usual + [("content-length", "5"), ("content-length", "5")],
         "client sent duplicate header line: \"content-length: 5\", previous value: \"content-length: 5\""),
    ]
}
