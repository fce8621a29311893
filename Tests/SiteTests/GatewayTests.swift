import Testing

@testable import ApusServer
@testable import Simulation

extension SiteTests {
    /// FastCGI applications, over a network that tears what they say, and those that lie.
    @Suite struct Gateways {
        private static let single = Everything.gateways.filter { $0.statuses.count == 1 }

        @Test(arguments: single)
        func answerTornAtEveryByte(_ visit: Everything.Visit) throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            let whole = site.outcome(of: visit)
            #expect(whole.answers.map(\.status) == visit.statuses)
            if let body = visit.body { #expect(whole.answers[0].body == body) }
            var length = 0
            gateway.sends = { bytes in
                length = bytes.count
                return [.send(bytes)]
            }
            _ = site.outcome(of: visit)
            for position in 1..<length where position < 200 || position % 19_997 == 0 || position > length - 30 {
                gateway.sends = { bytes in
                    [.sendTorn([Array(bytes[..<position]), Array(bytes[position...])], gap: position % 3)]
                }
                let torn = site.outcome(of: visit)
                try #require(torn.without(field: 2) == whole.without(field: 2), "torn at \(position): \(torn), whole: \(whole)")
            }
            #expect(site.problems() == [])
        }

        @Test(arguments: single)
        func answerInSmallPieces(_ visit: Everything.Visit) throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            let whole = site.outcome(of: visit)
            gateway.sends = { bytes in
                let size = bytes.count > 1_000 ? 997 : 1
                return [.sendTorn(stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }, gap: 0)]
            }
            let torn = site.outcome(of: visit)
            #expect(torn.without(field: 2) == whole.without(field: 2), "torn: \(torn), whole: \(whole)")
            #expect(site.problems() == [])
        }

        enum Way: String, CaseIterable, Sendable {
            case close, reset
        }

        /// The application breaks off after each byte: 502, or an answer that can be told from a whole one.
        @Test(arguments: ["/gateway/length", "/gateway/errors", "/gateway/kept/length", "/gateway/kept/plain"], Way.allCases)
        func brokenOffAtEveryByte(_ path: String, _ way: Way) throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            let visit = Everything.Visit(name: path, request: Everything.get(path), statuses: [200])
            let whole = site.outcome(of: visit)
            var length = 0
            gateway.sends = { bytes in
                length = bytes.count
                return [.send(bytes)]
            }
            _ = site.outcome(of: visit)
            for count in 0..<length {
                // Idle connections would make the first try of each visit a second.
                site.run(milliseconds: 100_000)
                gateway.sends = { bytes in [.send(Array(bytes[..<count])), .pause(1), way == .close ? .close : .reset] }
                let cut = site.outcome(of: visit)
                try #require(cut.answers.count == 1, "after \(count): \(cut)")
                if cut.answers[0].status == 502 || cut.answers[0].isComplete == false { continue }
                // Without a length, an application that leaves has said all it wanted, if it was not asked to stay.
                let mayEnd = path == "/gateway/errors" && way == .close || count > length - 17
                try #require(mayEnd || cut.answers == whole.answers, "after \(count): \(cut)")
            }
            #expect(site.problems() == [])
        }

        // MARK: - Connections that are kept

        @Test func aConnectionIsKeptOnlyIfBothSidesWantIt() throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            for _ in 0..<3 { #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"]) }
            #expect(gateway.upstream?.connections.count == 1)
            #expect(gateway.requests.allSatisfy { $0.keepsConnection })
            for _ in 0..<3 { #expect(site.ask(Everything.get("/gateway/plain")).map(\.text) == ["hello"]) }
            // The first of them was asked on the one that was kept, and for the last time.
            #expect(gateway.upstream?.connections.count == 3)
            #expect(gateway.requests.suffix(3).allSatisfy { !$0.keepsConnection })
            #expect(site.problems() == [])
        }

        /// What stands behind the end of an answer must never become the next one's beginning.
        @Test(arguments: [
            FastCGIText.output("X: y\r\n\r\nhello, stranger") + FastCGIText.end, FastCGIText.errors("more"), [1], [0, 0, 0, 0],
        ])
        func bytesBehindTheEndReachNobody(_ excess: [UInt8]) throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            gateway.sends = { [.send($0 + excess)] }
            for _ in 0..<2 { #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"]) }
            // They may come late, too.
            gateway.sends = { [.send($0), .pause(50), .send(excess)] }
            #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"])
            site.run(milliseconds: 100)
            gateway.sends = Application.inParts
            #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"])
            #expect(gateway.upstream?.connections.count == 4)
            #expect(site.problems() == [])
        }

        /// nginx's rule: the next server is asked where the first has closed a connection that lay idle.
        @Test func anIdleConnectionThatWasClosedIsReplaced() throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"])
            gateway.upstream?.connections.last?.quit()
            site.run(milliseconds: 10)
            #expect(site.ask(Everything.get("/gateway/kept/plain")).map(\.text) == ["hello"])
            #expect(site.accessLog.allSatisfy { $0.hasSuffix("|127.0.0.1:9003|200") })
            #expect(site.problems() == [])
        }

        // MARK: - Lies

        struct Lie: CustomStringConvertible, Sendable {
            let name: String
            let answer: [UInt8]
            var status = 502
            /// A part of the error log's line; empty for none.
            let text: String
            var isComplete = true

            var description: String { name }
        }

        private static let good = FastCGIText.output("X-A: b\r\n\r\nhello")
        private static let ofHead = " while reading response header from upstream"
        private static let ofBody = " while reading upstream"

        static let lies: [Lie] = [
            Lie(name: "nothing", answer: [], text: "upstream prematurely closed connection" + ofHead),
            Lie(name: "HTTP", answer: Array("HTTP/1.1 200 OK\r\n\r\nhello".utf8), text: "upstream sent unsupported FastCGI protocol version: 72" + ofHead),
            Lie(name: "zeroes", answer: [UInt8](repeating: 0, count: 100), text: "upstream sent unsupported FastCGI protocol version: 0" + ofHead),
            Lie(name: "kind", answer: FastCGIText.record(11, [0]), text: "upstream sent invalid FastCGI record type: 11" + ofHead),
            Lie(name: "begin", answer: FastCGIText.record(1, [0]) + good, text: "upstream sent invalid FastCGI record type: 1" + ofHead),
            Lie(name: "identifier", answer: FastCGIText.record(6, [0], request: 2), text: "upstream sent unexpected FastCGI request id low byte: 2" + ofHead),
            Lie(name: "high identifier", answer: FastCGIText.record(6, [0], request: 0x101),
                text: "upstream sent unexpected FastCGI request id high byte: 1" + ofHead),
            Lie(name: "no identifier", answer: FastCGIText.record(6, [0], request: 0), text: "upstream sent unexpected FastCGI request id low byte: 0" + ofHead),
            Lie(name: "end first", answer: FastCGIText.record(3, [UInt8](repeating: 0, count: 8)), text: "upstream sent unexpected FastCGI record: 3" + ofHead),
            Lie(name: "empty output", answer: FastCGIText.end, text: "upstream prematurely closed FastCGI stdout" + ofHead),
            Lie(name: "end within head", answer: FastCGIText.output("X-A: b\r\n") + FastCGIText.end, text: "upstream prematurely closed FastCGI stdout" + ofHead),
            Lie(name: "malformed head", answer: FastCGIText.output("X A: b\r\n\r\n") + FastCGIText.end, text: "upstream sent invalid header: \"X\\x20...\"" + ofHead),
            Lie(name: "NUL", answer: FastCGIText.output("X: a\0b\r\n\r\n") + FastCGIText.end, text: "upstream sent invalid header: \"X: a\\x00...\"" + ofHead),
            Lie(name: "status", answer: FastCGIText.output("Status: OK\r\n\r\n") + FastCGIText.end, text: "upstream sent invalid status \"OK\"" + ofHead),
            Lie(name: "interim status", answer: FastCGIText.output("Status: 100 Continue\r\n\r\n") + FastCGIText.end,
                text: "upstream sent invalid status \"100 Continue\"" + ofHead),
            Lie(name: "upgrade", answer: FastCGIText.output("Status: 101 Switching\r\nUpgrade: x\r\n\r\n") + FastCGIText.end,
                text: "upstream sent invalid status \"101 Switching\"" + ofHead),
            Lie(name: "huge length", answer: FastCGIText.output("Content-Length: 99999999999999999999\r\n\r\n") + FastCGIText.end,
                text: "upstream sent invalid \"Content-Length\" header" ),
            Lie(name: "two lengths", answer: FastCGIText.output("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello") + FastCGIText.end,
                text: "upstream sent duplicate header line: \"Content-Length: 6\""),
            Lie(name: "large head", answer: FastCGIText.output("X: " + String(repeating: "x", count: 9_000)),
                text: "upstream sent too big header" + ofHead),
            Lie(name: "large head in letters", answer: FastCGIText.output("X: " + String(repeating: "x", count: 9_000), size: 1),
                text: "upstream sent too big header" + ofHead),
            Lie(name: "only errors", answer: FastCGIText.errors("told"), text: "FastCGI sent in stderr: \"told\"" + ofHead),
            Lie(name: "late version", answer: good + [9], status: 200, text: "upstream sent unsupported FastCGI protocol version: 9" + ofBody,
                isComplete: false),
            Lie(name: "late kind", answer: good + FastCGIText.record(255, []), status: 200,
                text: "upstream sent invalid FastCGI record type: 255" + ofBody, isComplete: false),
            Lie(name: "half a body", answer: FastCGIText.output("Content-Length: 50\r\n\r\nhello") + FastCGIText.end, status: 200,
                text: "upstream prematurely closed FastCGI stdout" + ofBody, isComplete: false),
            Lie(name: "end within body", answer: FastCGIText.output("Content-Length: 50\r\n\r\nhello") + FastCGIText.record(3, []), status: 200,
                text: "upstream prematurely closed FastCGI request" + ofBody, isComplete: false),
            Lie(name: "closed within body", answer: FastCGIText.output("Content-Length: 50\r\n\r\nhello"), status: 200,
                text: "upstream prematurely closed connection" + ofBody, isComplete: false),
            Lie(name: "too much", answer: FastCGIText.output("Content-Length: 5\r\n\r\nhello, world") + FastCGIText.end, status: 200,
                text: "upstream sent more data than specified in \"Content-Length\" header" + ofBody),
            Lie(name: "body of 204", answer: FastCGIText.output("Status: 204 None\r\n\r\nhello") + FastCGIText.end, status: 204, text: ""),
            Lie(name: "empty errors", answer: FastCGIText.errors("", padding: 255) + good + FastCGIText.errors("") + FastCGIText.end, status: 200, text: ""),
            Lie(name: "errors behind the output", answer: good + FastCGIText.record(6, []) + FastCGIText.errors("late") + FastCGIText.record(3, []),
                status: 200, text: "FastCGI sent in stderr: \"late\"" + ofBody),
            Lie(name: "output behind the output", answer: good + FastCGIText.record(6, []) + good + FastCGIText.end, status: 200, text: ""),
            Lie(name: "a long end", answer: good + FastCGIText.record(3, [UInt8](repeating: 1, count: 60_000), padding: 255), status: 200, text: ""),
        ]

        enum Sending: String, CaseIterable, Sendable {
            case whole, inBytes, keptOpen
        }

        @Test(arguments: lies, Sending.allCases)
        func lie(_ lie: Lie, _ sending: Sending) throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            gateway.sends = { _ in
                switch sending {
                case .whole: [.send(lie.answer), .pause(1), .close]
                case .inBytes: [.sendTorn(lie.answer.map { [$0] }, gap: 0), .close]
                case .keptOpen: [.send(lie.answer), .pause(100_000), .close]
                }
            }
            let visit = Everything.Visit(name: "lie", request: Everything.get("/gateway/plain"), statuses: [lie.status])
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
                #expect(site.errorLog.contains { $0.contains(lie.text) }, "\(site.errorLog)")
            }
            // The next one must not get what was left.
            gateway.sends = Application.inParts
            #expect(site.ask(Everything.get("/gateway/plain")).map(\.text) == ["hello"])
            #expect(site.problems() == [])
        }

        /// A flood on the error stream ends neither in memory nor in the answer.
        @Test func aFloodOfErrorsIsBounded() throws {
            let gateway = Gateway()
            let site = try Everything.site(gateway: gateway)
            let flood = (0..<50).flatMap { _ in FastCGIText.errors(String(repeating: "x", count: 60_000), padding: 200) }
            gateway.sends = { Application.inParts(flood + $0) }
            #expect(site.ask(Everything.get("/gateway/plain")).map(\.text) == ["hello"])
            let told = site.errorLog.filter { $0.contains("FastCGI sent in stderr") }
            #expect(told.count == 50)
            #expect(told.allSatisfy { $0.utf8.count < 5_000 })
            #expect(site.problems() == [])
        }
    }
}

extension SiteTests {
    /// SCGI, uwsgi and memcached: whatever the network tears, and whatever the other side says.
    @Suite struct PlainGateways {
        private static func site(_ answer: @escaping @Sendable () -> [ScriptedPeer.Step]) throws -> SimulatedSite {
            let site = try SimulatedSite(
                http: """
                    upstream kept { server 127.0.0.1:9000 max_fails=0; keepalive 4; }
                    server {
                        listen 127.0.0.1:8080;
                        location /scgi { scgi_pass 127.0.0.1:9000; }
                        location /uwsgi { uwsgi_pass 127.0.0.1:9000; }
                        location /memcached { set $memcached_key $uri; memcached_gzip_flag 4; memcached_pass kept; }
                    }
                    """)
            func serve() -> [ScriptedPeer.Step] {
                [
                    // Each request comes in one go.
                    .wait { !$0.received.isEmpty },
                    .act { peer in
                        peer.takeReceived()
                        peer.append(answer() + serve())
                    },
                ]
            }
            _ = site.upstream { _ in serve() }
            return site
        }

        /// What the other side says, and how it ends: in memcached's case it stays.
        private static let answers: [(path: String, answer: String, status: Int, body: String)] = [
            ("/scgi", "Status: 202 Yes\r\nX-A: b\r\n\r\nhello", 202, "hello"), ("/scgi", "HTTP/1.1 404 No\r\nX-A: b\r\n\r\nhello", 404, "hello"),
            ("/scgi", "HTTP-A: b\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"), ("/uwsgi", "Location: /x\r\n\r\n", 302, ""),
            ("/uwsgi", "HTTP/1.0 200 OK\nContent-Length: 5\n\nhello", 200, "hello"), ("/uwsgi", "X: y\r\n\r\n", 200, ""),
            ("/memcached", "VALUE /memcached 0 5\r\nhello\r\nEND\r\n", 200, "hello"), ("/memcached", "VALUE /memcached 0 0\r\n\r\nEND\r\n", 200, ""),
            ("/memcached", "VALUE /memcached 4 5\r\nhello\r\nEND\r\n", 200, "hello"),
        ]

        @Test(arguments: 0..<answers.count)
        func tornAtEveryByte(_ index: Int) throws {
            let (path, text, status, body) = Self.answers[index]
            let isKept = path == "/memcached"
            let bytes = Array(text.utf8)
            for position in 0..<bytes.count {
                let site = try Self.site {
                    [.sendTorn([Array(bytes[..<position]), Array(bytes[position...])], gap: position % 3)] + (isKept ? [] : [.close])
                }
                for _ in 0..<2 {
                    let answers = site.ask(Everything.get(path))
                    try #require(answers.map(\.status) == [status] && answers.map(\.text) == [body], "torn at \(position): \(answers)")
                }
                try #require(site.problems() == [])
            }
        }

        /// Of each the beginning that is there, and then nothing: a 502, or an answer that is seen to be cut.
        @Test(arguments: 0..<answers.count)
        func brokenOffAtEveryByte(_ index: Int) throws {
            let (path, text, _, body) = Self.answers[index]
            let bytes = Array(text.utf8)
            for count in 0..<bytes.count {
                let site = try Self.site { [.send(Array(bytes[..<count])), .pause(1), .close] }
                let answers = site.ask(Everything.get(path))
                try #require(answers.count == 1, "after \(count): \(answers)")
                if answers[0].status == 502 || answers[0].isComplete == false { continue }
                // Nothing tells of the end where there is no length, and what memcached adds is no part of the value.
                let isPlain = !text.contains("Content-Length") && path != "/memcached"
                try #require(isPlain || answers[0].text == body, "after \(count): \(answers)")
            }
        }

        @Test(arguments: [
            ("", "upstream prematurely closed connection"), ("\r\n", "memcached sent invalid response: \"\""),
            ("ERROR\r\n", "memcached sent invalid response: \"ERROR\""), ("END\n", "memcached sent invalid response: \"END\""),
            ("VALUE /memcached\r\n", "memcached sent invalid response: \"VALUE /memcached\""),
            ("VALUE /other 0 5\r\nhello\r\nEND\r\n", "memcached sent invalid key in response \"VALUE /other 0 5\" for key \"/memcached\""),
            ("VALUE /memcached x 5\r\nhello\r\nEND\r\n", "memcached sent invalid flags in response"),
            ("VALUE /memcached 0 -5\r\nhello\r\nEND\r\n", "memcached sent invalid length in response"),
            ("VALUE /memcached 0 99999999999999999999\r\nhello", "memcached sent invalid length in response"),
            ("VALUE /memcached 0 5 7\r\nhello\r\nEND\r\n", "memcached sent invalid length in response"),
            ("VALUE " + String(repeating: "x", count: 9_000), "upstream sent too big header"),
        ])
        func memcachedThatMakesNoSense(_ answer: String, _ message: String) throws {
            let site = try Self.site { [.send(answer), .pause(1), .close] }
            #expect(site.ask(Everything.get("/memcached")).map(\.status) == [502])
            #expect(site.errorLog.contains { $0.contains(message) }, "\(site.errorLog)")
            #expect(site.problems() == [])
        }

        /// A value that promises more than there is.
        @Test(arguments: ["VALUE /memcached 0 9223372036854775807\r\nhello", "VALUE /memcached 0 50\r\nhello\r\nEND\r\n"])
        func memcachedThatPromisesTooMuch(_ answer: String) throws {
            let site = try Self.site { [.send(answer), .pause(1), .close] }
            let answers = site.ask(Everything.get("/memcached"))
            #expect(answers.map(\.status) == [200])
            #expect(site.errorLog.contains { $0.contains("upstream prematurely closed connection while reading upstream") })
            #expect(site.problems() == [])
        }

        @Test(arguments: ["XXX\r\nXX", "\r\nENX\r\n", "\r\nEND\r\nmore", "\r\nEND\r\nEND\r\n"])
        func whatStandsBehindAValueReachesNobody(_ trailer: String) throws {
            let site = try Self.site { [.send("VALUE /memcached 0 5\r\nhello" + trailer)] }
            for _ in 0..<2 { #expect(site.ask(Everything.get("/memcached")).map(\.text) == ["hello"]) }
            #expect(site.errorLog.count { $0.contains("memcached sent invalid trailer") || $0.contains("sent more data") } <= 2)
            #expect(site.problems() == [])
        }

        /// A key cannot become a command.
        @Test func keysAreEscaped() throws {
            let site = try SimulatedSite(
                http: "server { listen 127.0.0.1:8080; location / { set $memcached_key $uri; memcached_pass 127.0.0.1:9000; } }")
            let upstream = site.upstream { _ in [.wait { $0.text.hasSuffix("\r\n") }, .send("END\r\n")] }
            #expect(site.ask(Everything.get("/a%20b%0d%0aflush_all%0d%0a")).map(\.status) == [404])
            #expect(upstream.connections.map(\.text) == ["get /a%20b%0D%0Aflush_all%0D%0A\r\n"])
        }
    }
}
