@testable import ApusServer
@testable import Simulation

/// FastCGI, seen from the application: how its requests are read, and what its answers are made of.
enum FastCGIText {
    static func record(
        _ kind: UInt8, _ content: [UInt8], padding: Int = 0, version: UInt8 = 1, request: UInt16 = 1, length: Int? = nil
    ) -> [UInt8] {
        let told = length ?? content.count
        let head: [UInt8] = [
            version, kind, UInt8(request >> 8), UInt8(truncatingIfNeeded: request), UInt8(truncatingIfNeeded: told >> 8),
            UInt8(truncatingIfNeeded: told), UInt8(padding), 0,
        ]
        return head + content + [UInt8](repeating: 0, count: padding)
    }

    /// What an application prints, in records of at most so many bytes.
    static func output(_ text: [UInt8], size: Int = 30_000, padding: Int = 0) -> [UInt8] {
        stride(from: 0, to: text.count, by: size).flatMap {
            record(6, Array(text[$0..<min($0 + size, text.count)]), padding: padding)
        }
    }

    static func output(_ text: String, size: Int = 30_000, padding: Int = 0) -> [UInt8] {
        output(Array(text.utf8), size: size, padding: padding)
    }

    static func errors(_ text: String, padding: Int = 0) -> [UInt8] { record(7, Array(text.utf8), padding: padding) }

    static let end = record(6, []) + record(3, [UInt8](repeating: 0, count: 8))

    /// A request that is complete.
    struct Request {
        var variables: [String: String] = [:]
        var body: [UInt8] = []
        var keepsConnection = false
    }

    /// The request at the beginning of what was received; nil until all of it is there.
    static func request(in bytes: [UInt8]) -> Request? {
        var request = Request()
        var parameters: [UInt8] = []
        var start = 0
        while start + 8 <= bytes.count {
            let length = Int(bytes[start + 4]) << 8 | Int(bytes[start + 5])
            let end = start + 8 + length + Int(bytes[start + 6])
            if end > bytes.count { return nil }
            let content = bytes[(start + 8)..<(start + 8 + length)]
            switch bytes[start + 1] {
            case 1: request.keepsConnection = content[content.startIndex + 2] & 1 == 1
            case 4: parameters += content
            case 5:
                if content.isEmpty {
                    request.variables = variables(in: parameters)
                    return request
                }
                request.body += content
            default: return nil
            }
            start = end
        }
        return nil
    }

    private static func variables(in bytes: [UInt8]) -> [String: String] {
        var found: [String: String] = [:]
        var index = 0
        func length() -> Int {
            defer { index += bytes[index] < 128 ? 1 : 4 }
            if bytes[index] < 128 { return Int(bytes[index]) }
            return bytes[index..<index + 4].reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF
        }
        while index < bytes.count {
            let (name, value) = (length(), length())
            let middle = index + name
            found[String(decoding: bytes[index..<middle], as: UTF8.self)] = String(
                decoding: bytes[middle..<middle + value], as: UTF8.self)
            index = middle + value
        }
        return found
    }
}

/// An application that speaks FastCGI: what it answers depends on the path's last part.
final class Gateway: @unchecked Sendable {
    /// How its answers are sent, unless a test tears them, or tells something else.
    var sends: ([UInt8]) -> [ScriptedPeer.Step] = Application.inParts
    private(set) var upstream: SimulatedUpstream?
    private(set) var requests: [FastCGIText.Request] = []

    func listen(_ site: SimulatedSite) {
        site.keep(self)
        upstream = site.upstream(port: 9003) { [unowned self] _ in serve() }
    }

    private func serve() -> [ScriptedPeer.Step] {
        [
            .wait { FastCGIText.request(in: $0.received) != nil },
            .act { [unowned self] peer in
                let request = FastCGIText.request(in: peer.received) ?? .init()
                peer.takeReceived()
                requests.append(request)
                // A server closes unless it is asked not to.
                let after = request.keepsConnection ? serve() : [.close]
                peer.append(sends(Self.answer(to: request)) + after)
            },
        ]
    }

    private static func answer(to request: FastCGIText.Request) -> [UInt8] {
        let path = request.variables["URI"]?.split(separator: "/").last ?? ""
        switch path {
        case "length": return FastCGIText.output("Content-Length: 5\r\nX-Field: value\r\n\r\nhello") + FastCGIText.end
        case "pieces": return FastCGIText.output("X-Field: value\r\n\r\nhello", size: 1, padding: 3) + FastCGIText.end
        case "errors":
            return FastCGIText.errors("before\n", padding: 1) + FastCGIText.output("Status: 201 Made\r\n\r\nhel")
                + FastCGIText.errors("within") + FastCGIText.output("lo") + FastCGIText.end
        case "missing": return FastCGIText.output("Status: 404 Not Found\r\n\r\nnone") + FastCGIText.end
        case "large":
            return FastCGIText.output(Array("Content-Length: 100000\r\n\r\n".utf8) + Everything.large, padding: 7) + FastCGIText.end
        case "echo": return FastCGIText.output(Array("Content-Length: \(request.body.count)\r\n\r\n".utf8) + request.body) + FastCGIText.end
        default: return FastCGIText.output("Content-Type: text/plain\r\n\r\nhello") + FastCGIText.end
        }
    }
}

extension Everything {
    static let gatewayServer = """
        location /gateway/ {
            fastcgi_param URI $uri;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_pass gateway;
        }
        location /gateway/kept/ { fastcgi_keep_conn on; fastcgi_pass gateway; fastcgi_param URI $uri; }
        location /gateway/streamed/ {
            fastcgi_param URI $uri;
            fastcgi_request_buffering off;
            fastcgi_buffering off;
            fastcgi_pass gateway;
        }
        location /gateway/spooled/ {
            fastcgi_param URI $uri;
            fastcgi_buffers 4 4k;
            fastcgi_buffer_size 4k;
            fastcgi_busy_buffers_size 8k;
            fastcgi_pass gateway;
        }
        """

    private static let hello = Array("hello".utf8)
    private static let long = String(decoding: text(700, 4), as: UTF8.self)

    /// Ways through an application that speaks FastCGI.
    static let gateways: [Visit] = [
        Visit(name: "gateway", request: get("/gateway/plain"), statuses: [200], body: hello),
        Visit(name: "gateway length", request: get("/gateway/length"), statuses: [200], body: hello),
        Visit(name: "gateway pieces", request: get("/gateway/pieces"), statuses: [200], body: hello),
        Visit(name: "gateway errors", request: get("/gateway/errors"), statuses: [201], body: hello),
        Visit(name: "gateway missing", request: get("/gateway/missing"), statuses: [404], body: Array("none".utf8)),
        Visit(
            name: "gateway head", request: "HEAD /gateway/length HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200], headOnly: [0]),
        Visit(name: "gateway kept", request: get("/gateway/kept/plain") + get("/gateway/kept/length"), statuses: [200, 200]),
        Visit(name: "gateway large", request: get("/gateway/large"), statuses: [200], body: large),
        Visit(name: "gateway spooled", request: get("/gateway/spooled/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "gateway streamed", request: get("/gateway/streamed/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "gateway body", request: post("/gateway/echo", "a short body"), statuses: [200], body: Array("a short body".utf8)),
        Visit(name: "gateway body in file", request: post("/gateway/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(
            name: "gateway chunked body", request: postInChunks("/gateway/echo", ["one ", "two ", "three"]), statuses: [200],
            body: Array("one two three".utf8)),
        Visit(name: "gateway body streamed", request: post("/gateway/streamed/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(
            name: "gateway chunks streamed", request: postInChunks("/gateway/streamed/echo", ["one ", "two"]), statuses: [200],
            body: Array("one two".utf8)),
    ]
}
