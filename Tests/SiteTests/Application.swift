import Testing

@testable import ApusServer
@testable import Simulation

/// The application behind the site: what it answers depends on the path's last part.
final class Application: @unchecked Sendable {
    /// How its answers are sent, unless a test tears them.
    var sends: ([UInt8]) -> [ScriptedPeer.Step] = Application.inParts
    /// Whole, or where they are large in parts that come one after the other.
    static func inParts(_ bytes: [UInt8]) -> [ScriptedPeer.Step] {
        let starts = stride(from: 0, to: bytes.count, by: 10_000)
        return [.sendTorn(starts.map { Array(bytes[$0..<min($0 + 10_000, bytes.count)]) }, gap: 0)]
    }
    private(set) var upstream: SimulatedUpstream?
    private var sealed: SimulatedUpstream?
    private var framed: [SimulatedUpstream] = []
    /// Requests it has received, each as it came; those in frames without these.
    private(set) var requests: [String] = []
    private static let context = try? SiteCertificate.server()

    func listen(_ site: SimulatedSite) {
        site.keep(self)
        upstream = site.upstream { [unowned self] _ in serve() }
        let sealed = site.upstream(port: 9443) { [unowned self] _ in serve() }
        let loop = site.worker.loop
        sealed.protection = {
            Self.context.flatMap { PeerTLS($0, .server, on: loop) } ?? PeerProtection()
        }
        self.sealed = sealed
        framed = [9002, 9444].map { port in
            site.upstream(port: port) { [unowned self] _ in
                let reader = HTTP2Requests()
                return [.send(HTTP2Requests.beginning)] + serve(reader)
            }
        }
        framed[1].protection = {
            Self.context.flatMap { PeerTLS($0, .server, on: loop, protocols: "\u{2}h2") } ?? PeerProtection()
        }
    }

    private func serve() -> [ScriptedPeer.Step] {
        [
            .wait { $0.hasRequest },
            .act { [unowned self] peer in
                peer.takeReceived()
                let request = peer.taken.last ?? []
                requests.append(String(decoding: request, as: UTF8.self))
                let (bytes, then) = answer(to: request)
                peer.append(sends(bytes) + then + serve())
            },
        ]
    }

    /// The same answers, in frames.
    private func serve(_ reader: HTTP2Requests) -> [ScriptedPeer.Step] {
        [
            .wait { reader.isComplete($0.received) },
            .act { [unowned self] peer in
                peer.takeReceived()
                let (stream, request) = reader.take()
                requests.append(String(decoding: request, as: UTF8.self))
                let (bytes, _) = answer(to: request)
                peer.append(sends(HTTP2Requests.frames(of: bytes, on: stream)) + serve(reader))
            },
        ]
    }

    /// What is answered in HTTP/1, and whether the connection ends with it.
    private func answer(to request: [UInt8]) -> (bytes: [UInt8], then: [ScriptedPeer.Step]) {
        let parsed = Answer.request(in: request)
        let path = parsed.head.first?.split(separator: " ").dropFirst().first ?? ""
        let isHead = parsed.head.first?.hasPrefix("HEAD") == true
        switch path.split(separator: "/").last ?? "" {
        case "chunked":
            return (Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n".utf8), [])
        case "close":
            return (Array("HTTP/1.1 200 OK\r\n\r\nuntil the end".utf8), [.close])
        case "old":
            return (Array("HTTP/1.0 200 OK\r\n\r\nuntil the end".utf8), [.close])
        case "empty":
            return (Array("HTTP/1.1 204 No Content\r\n\r\n".utf8), [])
        case "forbidden":
            return (Array("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".utf8), [])
        case "inside":
            return (Array("HTTP/1.1 200 OK\r\nX-Accel-Redirect: /inside/large.txt\r\nContent-Length: 3\r\n\r\nnot".utf8), [])
        case "hints":
            return (Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".utf8), [])
        case "missing":
            return (Array("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone".utf8), [])
        case "trailers":
            return (Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nGrpc-Status: 0\r\n\r\n".utf8), [])
        case "large": return (page(Everything.large), [])
        case "huge": return (page(Everything.huge), [])
        case "echo": return (page(parsed.body), [])
        case "socket":
            return (Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".utf8), [.wait(bytes: 1)])
        default:
            let head = Array("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Field: value\r\n\r\n".utf8)
            return (isHead ? head : head + Array("hello".utf8), [])
        }
    }

    private func page(_ body: [UInt8]) -> [UInt8] {
        Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
    }
}

extension SimulatedSite {
    /// What a visit brought, to be compared with what it brings otherwise.
    struct Outcome: Equatable, CustomStringConvertible {
        var answers: [Answer]
        /// `request|status|body_bytes_sent|request_length|upstream_addr|upstream_status`
        var accessLog: [String]
        var description: String { "\(answers)\n\(accessLog)" }

        /// Without a field of the log's lines: how much is framing depends on how an answer comes, and how much of a refused
        /// request was seen on how that does.
        func without(field: Int) -> Outcome {
            var copy = self
            copy.accessLog = accessLog.map { line in
                var fields = line.split(separator: "|", omittingEmptySubsequences: false)
                if field < fields.count { fields[field] = "-" }
                return fields.joined(separator: "|")
            }
            return copy
        }
    }

    /// Makes a visit: the client sends the steps, reads its answers, and goes.
    func outcome(
        of visit: Everything.Visit, _ steps: [ScriptedPeer.Step]? = nil
    ) -> Outcome {
        forgetLogs()
        let client = client(
            port: visit.port, capacity: visit.capacity,
            (steps ?? [.send(visit.request)])
                + [visit.ends ? .waitForEnd : visit.wait])
        finish(client)
        let answers = visit.answers(in: client.received).map(\.withoutBoundary)
        // Requests are logged when they are over: the client may have its last byte a moment before.
        run(until: { accessCount >= visit.statuses.count })
        client.quit()
        // Streams end in any order.
        return Outcome(answers: answers, accessLog: visit.isFramed ? accessLog.sorted() : accessLog)
    }
}
