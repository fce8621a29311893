import Testing

@testable import ApusServer
@testable import Simulation

/// A site with a bit of everything, the application behind it, and requests that go each way through the server.
enum Everything {
    static let small = text(1_000, 1)
    static let large = text(100_000, 2)
    /// Large enough to be moved from socket to socket.
    static let huge = text(260_000, 4)
    static let page = Array(String(repeating: "<p>gzip likes what repeats itself</p>\n", count: 120).utf8)

    /// Text that tells where a byte of it belongs.
    static func text(_ count: Int, _ salt: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 16)
        var number = 0
        while bytes.count < count {
            bytes += Array("\(salt):\(number) ".utf8)
            number += 1
        }
        return Array(bytes.prefix(count))
    }

    static let http = """
        types { text/html html; text/plain txt; }
        gzip on;
        gzip_min_length 100;
        limit_req_zone $binary_remote_addr zone=rate:64k rate=10r/s;
        limit_conn_zone $binary_remote_addr zone=count:64k;
        open_log_file_cache max=2 inactive=10s valid=5s;
        charset_map windows-1251 utf-8 { 80 D082; 81 D083; }
        upstream app { server 127.0.0.1:9000 max_fails=0; }
        upstream sealed { server 127.0.0.1:9443 max_fails=0; }
        upstream framed { server 127.0.0.1:9002 max_fails=0; }
        upstream framed-sealed { server 127.0.0.1:9444 max_fails=0; }
        upstream gateway { server 127.0.0.1:9003 max_fails=0; }
        upstream pair { server 127.0.0.1:9001 max_fails=0; server 127.0.0.1:9000 backup max_fails=0; }
        server {
            listen 127.0.0.1:8080;
            listen 127.0.0.1:8081 proxy_protocol;
            listen 127.0.0.1:8443 ssl;
            listen 127.0.0.1:8444 ssl;
            listen 127.0.0.1:8445 ssl;
            listen 127.0.0.1:8446 ssl;
            ssl_conf_command Options KTLS;
            http2 on;
            \(SiteCertificate.directives)
            server_name a b;
            root files;
            client_body_buffer_size 200;
            client_max_body_size 200k;
            location /return { return 200 hello; }
            location /status { stub_status; }
            location /rewrite { rewrite ^ /return?rewritten last; }
            location /old { return 301 /new; }
            location /rate { limit_rate 1000; alias files/; }
            location /folder/ { autoindex on; }
            location /app/ { proxy_pass http://app; }
            location /fresh/ { proxy_pass http://127.0.0.1:9000; proxy_http_version 1.0; }
            location /streamed/ {
                proxy_pass http://app;
                proxy_request_buffering off;
                proxy_buffering off;
            }
            location /spooled/ {
                proxy_pass http://app;
                proxy_buffers 4 4k;
                proxy_buffer_size 4k;
                proxy_busy_buffers_size 8k;
            }
            location /kept/ { proxy_pass http://app; proxy_max_temp_file_size 0; }
            location /slowed/ { proxy_pass http://127.0.0.1:9000; proxy_limit_rate 20000; }
            location /pair/ { proxy_pass http://pair; }
            location /socket/ {
                proxy_pass http://127.0.0.1:9000;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection upgrade;
            }
            location /held/ { limit_req zone=rate burst=1000; alias files/folder/; }
            location /counted/ { limit_conn count 1000; proxy_pass http://127.0.0.1:9000; }
            location /secret/ { auth_basic closed; auth_basic_user_file passwords; alias files/folder/; }
            location /index/ { alias files/; index missing.html page.html; }
            location /try/ { try_files /missing /small.txt =404; }
            location /precompressed/ { gzip_static on; alias files/; }
            location /packed/ { brotli on; zstd on; brotli_comp_level 4; alias files/; }
            location /packed/app/ { brotli on; zstd on; types { } default_type text/html; proxy_pass http://127.0.0.1:9000/; }
            location /converted/ { charset windows-1251; source_charset utf-8; alias files/; }
            location /logged/ {
                access_log logs/$host.log;
                access_log logs/access.log test;
                access_log syslog:server=127.0.0.1:514,nohostname test;
                alias files/;
            }
            location /moved/ { proxy_pass http://127.0.0.1:9000; }
            location /inside/ { internal; alias files/; }
            location /broken/ { proxy_pass http://127.0.0.1:9001; error_page 502 = @spare; }
            location @spare { proxy_pass http://127.0.0.1:9000; }
            location /added/ { add_before_body /small.txt; add_after_body /app/large; alias files/; }
            location /nested/ { add_before_body /added/page.html; add_after_body /missing; alias files/; }
            location /substituted/ {
                sub_filter "itself" "everything"; sub_filter "<p>" ""; sub_filter_once off; alias files/;
            }
            location /allowed/ { auth_request /app/length; alias files/; }
            location /refused/ { auth_request /app/forbidden; alias files/; }
            location /unasked/ { auth_request /unreachable; alias files/; }
            location /unreachable { proxy_pass http://127.0.0.1:9001; }
            location /mirrored/ { mirror /copy; mirror /unreachable; proxy_pass http://app/; }
            location /copy { internal; proxy_pass http://app/echo; }
            location /sealed/ { proxy_pass https://sealed; }
            location /sealed/streamed/ { proxy_pass https://sealed; proxy_request_buffering off; proxy_buffering off; }
            location /framed/ { proxy_pass http://framed; proxy_http_version 2; }
            location /framed/spooled/ {
                proxy_pass http://framed; proxy_http_version 2; proxy_buffers 4 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 8k;
            }
            location /framed/streamed/ {
                proxy_pass http://framed; proxy_http_version 2; proxy_request_buffering off; proxy_buffering off;
            }
            location /framed/sealed/ { proxy_pass https://framed-sealed; proxy_http_version 2; }
            location /grpc/ { grpc_pass grpc://framed; }
            location /grpc/sealed/ { grpc_pass grpcs://framed-sealed; }
            \(gatewayServer)
            location /intercepted/ {
                proxy_pass http://app;
                proxy_intercept_errors on;
                error_page 404 /small.txt;
            }
        }
        """

    /// The site with its files, the application on port 9000, and the one that speaks FastCGI on port 9003. Nobody listens on port 9001.
    static func site(
        seed: UInt64 = 1, _ application: Application = Application(), gateway: Gateway = Gateway(),
        prepare: (SimulatedKernel) -> Void = { _ in }
    ) throws -> SimulatedSite {
        let site = try SimulatedSite(http: http, seed: seed, prepare: prepare)
        site.put("small.txt", small)
        site.put("large.txt", large)
        site.put("page.html", page)
        site.put("page.html.gz", [31, 139, 8, 0])
        site.put("folder/one", [1])
        site.put("folder/two", [1, 2])
        let passwords = "user:{PLAIN}secret\n"
        site.kernel.disk.put(SimulatedSite.prefix + "passwords", Array(passwords.utf8), at: 0)
        application.listen(site)
        gateway.listen(site)
        site.securePorts = [8443, 8444, 8445, 8446]
        site.framedPorts = [8444, 8446]
        // At the other ports it refuses.
        site.kernel.sealingPorts = [8445, 8446]
        return site
    }

    // MARK: - Requests

    /// A request that goes one way through the server, and what comes of it.
    struct Visit: CustomStringConvertible, Sendable {
        var name: String
        let request: String
        /// What each answer has to be; those of HEAD requests have no body.
        let statuses: [Int]
        var body: [UInt8]?
        var headOnly: Set<Int> = []
        /// The connection ends after the answers, since the request is refused or too old.
        var ends = false
        /// What the server can send to the client before that has read.
        var capacity: Int?
        var port: UInt16 = 8080
        /// The client speaks HTTP/2, on a connection that is for this visit alone.
        var isFramed = false

        /// When something breaks the answer may be another and still look whole: the connection's end is the body's, a part of a
        /// page is missing, or a file is compressed at once.
        var mayDiffer: Bool {
            let names = ["until close", "1.0 upstream", "added", "h2 added", "nested", "precompressed", "sealed until close"]
            return names.contains { name == $0 || name.hasPrefix($0 + " over ") }
        }

        /// TLS is spoken with the client or the application.
        var isSecure: Bool { (8443...8446).contains(port) || name.contains("sealed") }

        var description: String { name }

        /// Goes on when all answers are there, or none can come any more.
        var wait: ScriptedPeer.Step {
            isFramed ? .wait(streams: statuses.count) : .wait(answers: statuses.count, headOnly: headOnly)
        }

        func answers(in bytes: [UInt8]) -> [Answer] {
            isFramed ? HTTP2Answers.all(in: bytes, streams: statuses.count) : Answer.all(in: bytes, headOnly: headOnly)
        }
    }

    static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    static func post(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: b\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func postInChunks(_ path: String, _ chunks: [String]) -> String {
        let body = chunks.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
        return "POST \(path) HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n\(body)0\r\n\r\n"
    }

    private static let long = String(decoding: text(700, 3), as: UTF8.self)

    /// Ways without an application.
    static let local: [Visit] = [
        Visit(name: "return", request: get("/return"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "HTTP/1.0", request: "GET /return HTTP/1.0\r\n\r\n", statuses: [200], ends: true),
        Visit(name: "absolute", request: "GET http://b/return HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200]),
        Visit(name: "rewrite", request: get("/rewrite"), statuses: [200]),
        Visit(name: "redirect", request: get("/old"), statuses: [301]),
        Visit(name: "file", request: get("/small.txt"), statuses: [200], body: small),
        Visit(name: "file again", request: get("/small.txt"), statuses: [200], body: small),
        Visit(
            name: "head", request: "HEAD /small.txt HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200],
            headOnly: [0]),
        Visit(name: "large file", request: get("/large.txt"), statuses: [200], body: large),
        Visit(
            name: "range", request: get("/large.txt", "Range: bytes=10-29\r\n"), statuses: [206],
            body: Array(large[10..<30])),
        Visit(name: "ranges", request: get("/large.txt", "Range: bytes=0-9,50000-50009\r\n"), statuses: [206]),
        Visit(
            name: "not modified", request: get("/small.txt", "If-None-Match: *\r\n"), statuses: [304]),
        Visit(name: "gzip", request: get("/page.html", "Accept-Encoding: gzip\r\n"), statuses: [200]),
        Visit(name: "folder", request: get("/folder/"), statuses: [200]),
        Visit(name: "missing", request: get("/missing"), statuses: [404]),
        Visit(name: "unread body", request: post("/return", long), statuses: [200]),
        Visit(name: "pipelined", request: get("/return") + get("/small.txt") + get("/old"), statuses: [200, 200, 301]),
        Visit(
            name: "pipelined body", request: post("/return", "some body") + get("/small.txt"),
            statuses: [200, 200]),
        Visit(name: "malformed", request: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", statuses: [400], ends: true),
        Visit(name: "bad chunk", request: "POST /app/length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
            statuses: [400], ends: true),
        Visit(
            name: "too large", request: "POST /app/length HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n",
            statuses: [413], ends: true),
    ]

    /// Ways through one module or another.
    static let special: [Visit] = [
        Visit(name: "rate", request: get("/rate/small.txt"), statuses: [200], body: small),
        Visit(name: "held", request: get("/held/one") + get("/held/two"), statuses: [200, 200]),
        Visit(name: "counted", request: get("/counted/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "secret", request: get("/secret/one", "Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), statuses: [200], body: [1]),
        Visit(name: "no password", request: get("/secret/one"), statuses: [401]),
        Visit(name: "index", request: get("/index/"), statuses: [200], body: page),
        Visit(name: "try", request: get("/try/x"), statuses: [200]),
        Visit(name: "precompressed", request: get("/precompressed/page.html", "Accept-Encoding: gzip\r\n"), statuses: [200], body: [31, 139, 8, 0]),
        Visit(name: "brotli", request: get("/packed/page.html", "Accept-Encoding: br\r\n"), statuses: [200]),
        Visit(name: "zstd", request: get("/packed/page.html", "Accept-Encoding: zstd\r\n"), statuses: [200]),
        Visit(name: "packed", request: get("/packed/app/large", "Accept-Encoding: zstd\r\n"), statuses: [200]),
        Visit(name: "converted", request: get("/converted/small.txt"), statuses: [200], body: small),
        Visit(name: "logged", request: get("/logged/small.txt"), statuses: [200], body: small),
        Visit(name: "moved inside", request: get("/moved/inside"), statuses: [200], body: large),
        Visit(name: "added", request: get("/added/page.html"), statuses: [200], body: small + page + large),
        Visit(name: "nested", request: get("/nested/page.html"), statuses: [200]),
        Visit(name: "substituted", request: get("/substituted/page.html"), statuses: [200],
            body: Array(String(repeating: "gzip likes what repeats everything</p>\n", count: 120).utf8)),
        Visit(name: "allowed", request: get("/allowed/small.txt"), statuses: [200], body: small),
        Visit(name: "refused", request: get("/refused/small.txt"), statuses: [403]),
        Visit(name: "unasked", request: get("/unasked/small.txt"), statuses: [500], ends: true),
        Visit(name: "mirrored", request: get("/mirrored/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "mirrored body", request: post("/mirrored/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(name: "PROXY", request: "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + get("/return"), statuses: [200], port: 8081),
        Visit(name: "PROXY 2", request: "\r\n\r\n\0\r\nQUIT\n\u{21}\u{11}\0\u{C}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}\0\u{1}\0\u{2}" + get("/return"),
            statuses: [200], port: 8081),
        Visit(name: "spare", request: get("/broken/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "spare with body", request: post("/broken/echo", long), statuses: [200]),
    ]

    /// Ways over TLS, from the client, to the application, or both.
    static let secure: [Visit] =
        (local + proxied).compactMap { visit in
            let names = ["return", "large file", "pipelined", "malformed", "until close", "large", "body in file", "chunks streamed"]
            guard names.contains(visit.name) else { return nil }
            var secure = visit
            secure.name += " over TLS"
            secure.port = 8443
            return secure
        } + [
            Visit(name: "sealed length", request: get("/sealed/length"), statuses: [200], body: Array("hello".utf8)),
            Visit(name: "sealed large", request: get("/sealed/large"), statuses: [200], body: large, capacity: 4_000),
            Visit(name: "sealed until close", request: get("/sealed/close"), statuses: [200], body: Array("until the end".utf8)),
            Visit(name: "sealed body", request: post("/sealed/echo", long), statuses: [200], body: Array(long.utf8)),
            Visit(name: "sealed body streamed", request: post("/sealed/streamed/echo", long), statuses: [200], body: Array(long.utf8)),
            Visit(name: "sealed on both sides", request: get("/sealed/chunked"), statuses: [200],
                body: Array("hello, world".utf8), port: 8443),
        ]

    /// The same ways, and some of HTTP/2's, when the kernel seals what the client gets.
    static let sealedByKernel: [Visit] = (secure + framed).compactMap { visit in
        guard visit.port == 8443 || visit.port == 8444 else { return nil }
        var sealed = visit
        sealed.name += " by the kernel"
        sealed.port += 2
        return sealed
    }

    static let all = local + proxied + special + secure + sealedByKernel + relayed + framed + gateways

    /// Ways through the application.
    static let proxied: [Visit] = [
        Visit(name: "length", request: get("/app/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "chunked", request: get("/app/chunked"), statuses: [200], body: Array("hello, world".utf8)),
        Visit(name: "until close", request: get("/app/close"), statuses: [200], body: Array("until the end".utf8)),
        Visit(name: "1.0 upstream", request: get("/fresh/old"), statuses: [200], body: Array("until the end".utf8)),
        Visit(name: "no body", request: get("/app/empty"), statuses: [204]),
        Visit(name: "hints", request: get("/app/hints"), statuses: [200], body: Array("hello".utf8)),
        Visit(
            name: "head", request: "HEAD /app/length HTTP/1.1\r\nHost: a\r\n\r\n", statuses: [200],
            headOnly: [0]),
        Visit(name: "large", request: get("/app/large"), statuses: [200], body: large),
        Visit(name: "spooled", request: get("/spooled/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "unspooled", request: get("/kept/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "streamed", request: get("/streamed/large"), statuses: [200], body: large, capacity: 4_000),
        Visit(name: "moved", request: get("/app/huge"), statuses: [200], body: huge),
        Visit(name: "moved slowly", request: get("/app/huge"), statuses: [200], body: huge, capacity: 9_000),
        Visit(name: "moved unspooled", request: get("/kept/huge"), statuses: [200], body: huge, capacity: 50_000),
        Visit(name: "moved unbuffered", request: get("/streamed/huge"), statuses: [200], body: huge, capacity: 50_000),
        Visit(name: "body", request: post("/app/echo", "a short body"), statuses: [200], body: Array("a short body".utf8)),
        Visit(name: "body in file", request: post("/app/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(
            name: "chunked body", request: postInChunks("/app/echo", ["one ", "two ", "three"]),
            statuses: [200], body: Array("one two three".utf8)),
        Visit(
            name: "chunked body in file", request: postInChunks("/app/echo", [long, long]),
            statuses: [200], body: Array((long + long).utf8)),
        Visit(name: "body streamed", request: post("/streamed/echo", long), statuses: [200], body: Array(long.utf8)),
        Visit(
            name: "chunks streamed", request: postInChunks("/streamed/echo", ["one ", "two"]),
            statuses: [200], body: Array("one two".utf8)),
        Visit(name: "next server", request: get("/pair/length"), statuses: [200], body: Array("hello".utf8)),
        Visit(name: "intercepted", request: get("/intercepted/missing"), statuses: [404], body: small),
        Visit(name: "pipelined", request: post("/app/echo", "one") + get("/app/length") + get("/return"),
            statuses: [200, 200, 200]),
    ]
}
