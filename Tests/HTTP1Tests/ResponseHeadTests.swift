@testable import ApusServer
import Testing

private func answer(
    _ text: String, hasStatusLine: Bool = true
) -> (head: ResponseHead, outcome: ResponseHeadParser.Outcome) {
    let head = ResponseHead()
    head.bytes.append(text)
    var parser = ResponseHeadParser(hasStatusLine: hasStatusLine)
    return (head, parser.parse(into: head))
}

private func complaint(_ text: String) -> String {
    let (head, outcome) = answer(text)
    guard case .failed(let error) = outcome else { return "" }
    let output = Buffer()
    error.appendMessage(to: output, head: head)
    return output.text
}

extension ResponseHead {
    fileprivate func text(_ range: ByteRange) -> String {
        let bytes = self.bytes
        return bytes.span(range).text
    }
}

@Suite struct ResponseHeadTests {
    @Test func aPlainAnswer() {
        let text = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX_a: b\r\n\r\n"
        let (head, outcome) = answer(text)
        #expect(outcome == .complete(text.utf8.count))
        #expect(head.status == .notFound && head.version == .http11)
        #expect(head.text(head.statusLine) == "404 Not Found")
        #expect(head.contentLength == 5 && !head.closes && head.fields.count == 2)
    }

    @Test(arguments: [
        ("HTTP/1.1 200\r\n\r\n", "200"), ("HTTP/1.1 200 \n\n", "200 "),
        ("HTTP/1.1 403.1 x\n\n", "403.1 x"),
        ("HTTP/1.1   2 0 0 ok\n\n", "0 0 ok"), ("HTTP/12.34 200 a\n\n", "200 a"),
    ])
    func lenientStatusLines(_ text: String, _ line: String) {
        let (head, outcome) = answer(text)
        #expect(outcome == .complete(text.utf8.count))
        #expect(head.status == (line.hasPrefix("403") ? .forbidden : .ok))
        // nginx takes the three bytes up to the last digit for the code.
        #expect(head.text(head.statusLine).hasPrefix(String(line.prefix(1))))
    }

    @Test(arguments: [
        "hello", "HTTP/x", "HTTP/1.1200 ", "HTTP/1.1 20x", "HTTP/1.1 2000", "\r\nHTTP/1.1",
        "HTTP/1.1 200 a\rb",
    ])
    func noStatusLine(_ text: String) {
        #expect(answer(text).outcome == .failed(.noStatusLine))
        #expect(complaint(text) == "upstream sent no valid HTTP/1.0 header")
    }

    @Test func aRepeatedStatusLineIsSkipped() {
        let (head, _) = answer("HTTP/1.0 200 OK\r\nHTTP/1.0 200 OK\r\nServer: x\r\n\r\n")
        #expect(head.fields.count == 1 && head.closes)
    }

    @Test func framing() {
        let line = "HTTP/1.1 200 OK\r\n"
        #expect(answer(line + "Transfer-Encoding: Chunked\r\n\r\n").head.isChunked)
        #expect(answer(line + "Connection: x,CLOSE\r\n\r\n").head.closes)
        #expect(
            complaint(line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n")
                == "upstream sent duplicate header line: \"Content-Length: 1\", previous value: \"Content-Length: 1\""
        )
        #expect(
            complaint(line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
                == "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"
        )
        #expect(
            complaint(line + "Content-Length: x\r\n\r\n")
                == "upstream sent invalid \"Content-Length\" header: \"Content-Length: x\"")
        #expect(
            complaint(line + "Transfer-Encoding: gzip\r\n\r\n")
                == "upstream sent unknown \"Transfer-Encoding\": \"gzip\"")
        #expect(complaint(line + "a b\r\n\r\n") == "upstream sent invalid header: \"a\\x20...\"")
    }

    @Test func answersWithoutStatusLine() {
        let (head, outcome) = answer("Status: 404\r\n\r\n", hasStatusLine: false)
        #expect(outcome == .complete(15))
        #expect(head.fields.contains(.status))
    }

    @Test func anInterimAnswerLeavesTheNextOneInTheBuffer() {
        let head = ResponseHead()
        head.bytes.append("HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
        var parser = ResponseHeadParser()
        #expect(parser.parse(into: head) == .complete(31))
        #expect(head.status == .earlyHints)
        head.reset()
        parser = ResponseHeadParser(start: 31)
        #expect(parser.parse(into: head) == .complete(50))
        #expect(head.status == .ok && head.length == 19 && head.fields.count == 0)
    }

    @Test func trailers() {
        let buffer = Buffer()
        buffer.append("X-Sum: 1\r\nVia: b\r\n\r\nrest")
        let fields = FieldTable()
        var parser = TrailerParser()
        #expect(parser.parse(buffer, into: fields) == .complete(20))
        #expect(fields.count == 2 && fields.contains(.via))
    }
}
