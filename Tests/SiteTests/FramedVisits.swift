@testable import ApusServer
@testable import Simulation

/// Ways in HTTP/2: to the application, from the client, or both.
extension Everything {
    private static let long = String(decoding: text(700, 3), as: UTF8.self)

    /// The client speaks HTTP/1 and the application HTTP/2.
    static let relayed: [Visit] = [
        Visit(name: "relayed", request: get("/framed/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "relayed without length", request: get("/framed/chunked"), statuses: [200], body: Array("hello, world".utf8)),
        Visit(name: "relayed without body", request: get("/framed/empty"), statuses: [204]),
        Visit(name: "relayed hints", request: get("/framed/hints"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "relayed head", request: "HEAD /framed/length HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200], headOnly: [0]),
        Visit(name: "relayed large", request: get("/framed/large"), statuses: [200], body: large),
        Visit(name: "relayed spooled", request: get("/framed/spooled/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "relayed streamed", request: get("/framed/streamed/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "relayed body", request: post("/framed/echo", "a short body"), statuses: [200], body: Array("a short body".utf8)),
        Visit(name: "relayed body in file", request: post("/framed/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(name: "relayed body streamed", request: post("/framed/streamed/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(name: "relayed chunks streamed", request: postInChunks("/framed/streamed/echo", ["one ", "two"]),
            statuses: [200], body: Array("one two".utf8)),
        Visit(name: "relayed one after the other", request: get("/framed/length") + post("/framed/echo", long) + get("/framed/missing"),
            statuses: [200, 200, 404]),
        Visit(name: "relayed sealed", request: get("/framed/sealed/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "relayed sealed large", request: get("/framed/sealed/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "relayed call", request: get("/grpc/trailers"), statuses: [200], body: Array("hello".utf8)),
    ]

    private static func visit(
        _ name: String, _ frames: String, _ statuses: [Int] = [200], body: [UInt8]? = nil, capacity: Int? = nil
    ) -> Visit {
        Visit(
            name: "h2 " + name, request: SentFrame.beginning + frames, statuses: statuses, body: body, capacity: capacity,
            isFramed: true)
    }

    private static func ask(_ stream: UInt8, _ path: String, _ fields: [(String, String)] = []) -> String {
        SentFrame.request(stream, "GET", path, fields)
    }

    private static func send(_ stream: UInt8, _ path: String, _ body: String, tellsLength: Bool = true) -> String {
        let fields = tellsLength ? [("content-length", "\(body.utf8.count)")] : []
        return SentFrame.request(stream, "POST", path, fields, ends: false) + SentFrame.data(stream, body)
    }

    /// Many at a time, of all kinds.
    private static let many =
        ask(1, "/return") + send(3, "/app/echo", long) + ask(5, "/large.txt") + ask(7, "/app/large") + ask(9, "/missing")
        + ask(11, "/framed/large") + ask(13, "/added/page.html")

    private static let clear: [Visit] = [
        visit("return", ask(1, "/return"), body: Array("hello".utf8)),
        visit("redirect", ask(1, "/old"), [301]),
        visit("file", ask(1, "/small.txt"), body: small),
        visit("head", SentFrame.request(1, "HEAD", "/small.txt"), body: []),
        visit("large file", ask(1, "/large.txt"), body: large, capacity: 4_000),
        visit("range", ask(1, "/large.txt", [("range", "bytes=10-29")]), [206], body: Array(large[10..<30])),
        visit("gzip", ask(1, "/page.html", [("accept-encoding", "gzip")])),
        visit("continued head", ask(1, "/return", [("x-long", String(repeating: "x", count: 120)), ("y", "z")]), body: Array("hello".utf8)),
        visit("missing", ask(1, "/missing"), [404]),
        visit("unread body", send(1, "/return", long)),
        visit("malformed", SentFrame.headers(1, [(":method", "GET"), (":path", "/")]), [400]),
        visit("too large", SentFrame.request(1, "POST", "/app/length", [("content-length", "300000")], ends: false), [413]),
        visit("ping", SentFrame.make(6, stream: 0, "12345678") + ask(1, "/return") + SentFrame.make(4, flags: 1, stream: 0)),
        visit("length", ask(1, "/app/length"), body: Array("hello".utf8)),
        visit("large", ask(1, "/app/large"), body: large),
        visit("spooled", ask(1, "/spooled/large"), body: large, capacity: 4_000),
        visit("streamed", ask(1, "/streamed/large"), body: large, capacity: 4_000),
        visit("body", send(1, "/app/echo", "a short body"), body: Array("a short body".utf8)),
        visit("body in file", send(1, "/app/echo", long), body: Array(long.utf8)),
        visit("body without length", send(1, "/app/echo", long, tellsLength: false), body: Array(long.utf8)),
        visit("body streamed", send(1, "/streamed/echo", long), body: Array(long.utf8)),
        visit("trailers of the client", SentFrame.request(1, "POST", "/app/echo", ends: false) + SentFrame.data(1, "one", ends: false)
            + SentFrame.headers(1, [("x-sum", "1")]), body: Array("one".utf8)),
        visit("added", ask(1, "/added/page.html"), body: small + page + large),
        visit("mirrored body", send(1, "/mirrored/echo", long), body: Array(long.utf8)),
        visit("refused", ask(1, "/refused/small.txt"), [403]),
        visit("relayed", ask(1, "/framed/large"), body: large),
        visit("relayed body", send(1, "/framed/echo", long), body: Array(long.utf8)),
        visit("call", send(1, "/grpc/trailers", "ask"), body: Array("hello".utf8)),
        visit("sealed call", send(1, "/grpc/sealed/trailers", "ask"), body: Array("hello".utf8)),
        visit("many", many, [200, 200, 200, 200, 404, 200, 200], body: Array("hello".utf8)),
    ]

    /// The client speaks HTTP/2, some of it over TLS.
    static let framed: [Visit] =
        clear
        + clear.compactMap { visit in
            let names = ["return", "large file", "large", "body in file", "body streamed", "call", "many", "malformed"]
            guard names.contains(String(visit.name.dropFirst(3))) else { return nil }
            var secure = visit
            secure.name += " over TLS"
            secure.port = 8444
            return secure
        }
}
