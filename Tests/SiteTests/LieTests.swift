import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// Answers of upstreams that are none: the client gets a 502, the log says why in nginx's words, and what was behind them
    /// on the connection reaches nobody.
    @Suite struct LyingUpstreams {
        struct Lie: CustomStringConvertible, Sendable {
            let name: String
            let answer: String
            var status = 502
            /// A part of the error log's line; empty for none.
            let text: String
            var isComplete = true

            var description: String { name }
        }

        private static let noHeader = "upstream sent no valid HTTP/1.0 header while reading response header from upstream"
        private static let cut = "upstream prematurely closed connection while reading upstream"

        static let lies: [Lie] = [
            Lie(name: "nothing", answer: "", text: "upstream prematurely closed connection while reading response header from upstream"),
            Lie(name: "garbage", answer: "hello, I am no HTTP server\r\n\r\n", text: noHeader),
            Lie(name: "no status line", answer: "Content-Length: 5\r\n\r\nhello", text: noHeader),
            Lie(name: "line end", answer: "\r\n\r\n", text: noHeader),
            Lie(name: "letters", answer: "HTTP/1.1 abc OK\r\n\r\n", text: noHeader),
            Lie(name: "short status", answer: "HTTP/1.1 20 OK\r\n\r\n", text: noHeader),
            Lie(name: "long status", answer: "HTTP/1.1 2000 OK\r\n\r\n", text: noHeader),
            Lie(name: "version", answer: "HTTP/x.y 200 OK\r\n\r\n", text: noHeader),
            Lie(name: "NUL", answer: "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", text: "upstream sent invalid header: \"X: a\\x00...\""),
            Lie(name: "space in name", answer: "HTTP/1.1 200 OK\r\nX y: b\r\n\r\n", text: "upstream sent invalid header: \"X\\x20...\""),
            Lie(name: "no name", answer: "HTTP/1.1 200 OK\r\n: b\r\n\r\n", text: "upstream sent invalid header: \"\\x3a...\""),
            Lie(name: "return in value", answer: "HTTP/1.1 302 Found\r\nLocation: /a\rSet-Cookie: b\r\n\r\n",
                text: "upstream sent invalid header: \"Location: /a\\x0d...\""),
            Lie(name: "two lengths", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                text: "upstream sent duplicate header line: \"Content-Length: 6\", previous value: \"Content-Length: 5\""),
            Lie(name: "negative length", answer: "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
                text: "upstream sent invalid \"Content-Length\" header: \"Content-Length: -5\""),
            Lie(name: "huge length", answer: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
                text: "upstream sent invalid \"Content-Length\" header: \"Content-Length: 99999999999999999999\""),
            Lie(name: "length and chunks",
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                text: "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time"),
            Lie(name: "coding", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
                text: "upstream sent unknown \"Transfer-Encoding\": \"gzip\""),
            Lie(name: "large head", answer: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 9_000),
                text: "upstream sent too big header while reading response header from upstream"),
            Lie(name: "only hints", answer: "HTTP/1.1 100 Continue\r\n\r\n",
                text: "upstream prematurely closed connection while reading response header from upstream"),
            Lie(name: "many hints",
                answer: String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", count: 1_000),
                text: "upstream prematurely closed connection while reading response header from upstream"),
            Lie(name: "bad chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", status: 200,
                text: "upstream sent invalid chunked response while reading upstream", isComplete: false),
            Lie(name: "huge chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello",
                status: 200, text: "upstream sent invalid chunked response while reading upstream", isComplete: false),
            Lie(name: "largest chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello",
                status: 200, text: "", isComplete: false),
            Lie(name: "no end of chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
                status: 200, text: "upstream sent invalid chunked response while reading upstream", isComplete: false),
            Lie(name: "half chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                status: 200, text: cut, isComplete: false),
            Lie(name: "half body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", status: 200, text: cut,
                isComplete: false),
            Lie(name: "too much", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", status: 200,
                text: "upstream sent more data than specified in \"Content-Length\" header while reading upstream"),
            Lie(name: "two answers",
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
                status: 200, text: "upstream sent more data than specified in \"Content-Length\" header while reading upstream"),
            Lie(name: "body of 204", answer: "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nbad", status: 204, text: ""),
            Lie(name: "body of 304", answer: "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nbad", status: 304, text: ""),
        ]

        enum Sending: String, CaseIterable, Sendable {
            case whole, inBytes, keptOpen
        }

        @Test(arguments: lies, Sending.allCases)
        func lie(_ lie: Lie, _ sending: Sending) throws {
            let application = Application()
            let site = try Everything.site(application)
            application.sends = { bytes in
                let lie = Array(lie.answer.utf8)
                switch sending {
                case .whole: return [.send(lie), .close]
                case .inBytes: return [.sendTorn(lie.map { [$0] }, gap: 0), .close]
                case .keptOpen: return [.send(lie), .pause(100_000), .close]
                }
            }
            let visit = Everything.proxied[0]
            let outcome = site.outcome(of: visit)
            // Without an end it is a matter of time.
            let statuses = sending == .keptOpen && lie.status == 502 ? [502, 504] : [lie.status]
            // As in nginx, a head that waits while its body turns out to be malformed is not sent any more.
            if lie.isComplete || !outcome.answers.isEmpty {
                try #require(outcome.answers.count == 1, "\(outcome) \(site.errorLog)")
                #expect(statuses.contains(outcome.answers[0].status), "\(outcome) \(site.errorLog)")
                #expect(outcome.answers[0].isComplete == lie.isComplete, "\(outcome)")
            }
            if sending == .whole, !lie.text.isEmpty {
                let lines = site.errorLog.filter { $0.hasPrefix("[error]") || $0.hasPrefix("[warn]") }
                #expect(lines.count == 1 && lines[0].contains(lie.text), "\(lines)")
            }
            // The next one must not get what was left.
            application.sends = Application.inParts
            #expect(site.outcome(of: visit).answers.map(\.text) == ["hello"])
            #expect(site.problems() == [])
        }
    }
}
