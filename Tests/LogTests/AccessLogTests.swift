@testable import ApusServer
import CLinux
import Testing

/// What the configurations of these tests are built into.
private final class Builder: LogFilesOwner {
    let logFiles: LogFiles
    let registry = VariableRegistry()
    let formats: LogFormats
    /// The server of the configuration.
    var served: Scope?

    init(_ files: LogFiles) throws {
        logFiles = files
        let registry = registry
        for (name, value) in [
            ("remote_addr", "127.0.0.1"), ("request", "GET /\u{1}\" HTTP/1.1"), ("status", "200"),
            ("body_bytes_sent", "612"), ("http_user_agent", "curl/8"), ("empty", ""), ("zero", "0"),
        ] {
            try registry.declare(ByteString(name)) { _, out in
                out.append(value)
                return true
            }
        }
        for name in ["remote_user", "http_referer"] {
            try registry.declare(ByteString(name)) { _, _ in false }
        }
        // A value that a test changes by what the request is.
        try registry.declare("host", .noCacheable) { scope, out in
            guard let request = scope as? Request else { return false }
            out.append(request.host)
            return true
        }
        formats = LogFormats(registry: registry, fields: PipeField(), combined: LogFormats.combined)
    }
}

private final class PipeField: LogFields, @unchecked Sendable {
    init() { super.init([Field(name: "pipe")]) }

    override func append(_ number: Int, of scope: VariableScope, to line: Buffer) -> Bool {
        line.append(".")
        return true
    }
}

private final class Request: VariableScope {
    var host = "example.org"
}

private enum Slots {
    static let access = Slot(index: 0, initial: AccessLogSettings())
    static let errors = Slot(index: 1, initial: ErrorLogSettings())
}

private func rowTable() -> RowTable {
    let access = AccessLogDirectives(slot: Slots.access, hasDefaultFormat: true) {
        ($0 as? Builder)?.formats
    }
    let block = Row.block("server", in: .main, .none, "A block.") {
        (invocation: inout Invocation) throws(ConfigurationError) in
        let scope = Scope(.server, in: invocation.scope)
        scope.whenSettled { (scope: Scope) throws(ConfigurationError) in
            try access.addDefault("default.log", to: scope)
            (scope.builder as? Builder)?.served = scope
        }
        return scope
    }
    return RowTable(
        access.rows(
            formatsIn: .main, logsIn: [.main, .server], cacheIn: [.main, .server])
            + [
                block, ErrorLogDirective.row(in: .main),
                ErrorLogDirective.row(in: .server, slot: Slots.errors),
            ])
}

/// A configuration made from text, and requests to log.
private final class Server {
    let workspace: Workspace
    let files: LogFiles
    let builder: Builder
    let settings: AccessLogSettings
    let errors: ErrorLogSettings
    let request: Request
    let complaints = MemoryLog(size: 8_192)
    lazy var errorLog = ErrorLog(
        environment: files.environment,
        targets: [ErrorLogTarget(sink: .memory(complaints), level: .debug)])

    /// `$DIR` in the text stands for the test's directory.
    init(_ text: String) throws {
        workspace = try Workspace()
        files = .quiet(workspace)
        builder = try Builder(files)
        let prefix = ByteString(workspace.path + "/")
        let source = ConfigurationSource(
            files: MemoryFiles(["/x.conf": text]), configurationPrefix: "/")
        let root = Scope(
            evaluation: Evaluation(prefix: prefix, configurationPrefix: prefix), builder: builder)
        try Evaluator(rowTable()).evaluate(source.read("/x.conf"), in: root)
        try builder.registry.freeze()
        let scope = builder.served ?? root
        settings = scope[Slots.access]
        errors = scope[Slots.errors]
        request = Request(registry: builder.registry)
        try files.open()
    }

    func log() {
        request.resetVariables()
        if settings.isEmpty { return }
        for log in settings.logs {
            log.write(request, cache: settings.cache, errors: errorLog)
        }
    }

    func read(_ name: String) -> String? { workspace.read(name) }
}

private func mistake(_ text: String) -> String? {
    do {
        _ = try Server(text)
        return nil
    } catch {
        return (error as? ConfigurationError)?.message
    }
}

@Suite(.serialized) struct AccessLogTests {
    @Test func combined() throws {
        let server = try Server("access_log a.log;")
        server.log()
        let time = cTime(server.files.environment.clock.seconds, "%d/%b/%Y:%H:%M:%S %z")
        #expect(
            server.read("a.log")
                == #"127.0.0.1 - - [\#(time)] "GET /\x01\x22 HTTP/1.1" 200 612 "-" "curl/8""# + "\n"
        )
    }

    @Test func formatsEscapeInThreeWays() throws {
        let server = try Server(
            """
            log_format d '$request' '|${empty}|$remote_user|$pipe';
            log_format j escape=json '{"r":"$request","u":"$remote_user"}';
            log_format n escape=none "$request|$remote_user";
            access_log d.log d; access_log j.log j; access_log n.log N;
            """)
        server.log()
        #expect(server.read("d.log") == #"GET /\x01\x22 HTTP/1.1||-|."# + "\n")
        #expect(server.read("j.log") == #"{"r":"GET /\u0001\" HTTP/1.1","u":""}"# + "\n")
        #expect(server.read("n.log") == "GET /\u{1}\" HTTP/1.1|\n")
    }

    @Test func aServerReplacesOuterLogs() throws {
        let server = try Server("access_log a.log; server { access_log b.log; }")
        server.log()
        #expect(server.read("a.log") == "" && server.read("b.log") != "")
    }

    @Test func aServerInheritsOuterLogs() throws {
        let server = try Server("access_log a.log; server { }")
        server.log()
        #expect(server.read("a.log") != "" && server.read("default.log") == nil)
    }

    @Test func aServerWithoutLogsHasTheDefault() throws {
        let server = try Server("server { }")
        server.log()
        #expect(server.read("default.log") != "")
        let silent = try Server("access_log off; server { }")
        silent.log()
        #expect(silent.read("default.log") == nil)
    }

    @Test func conditions() throws {
        let server = try Server(
            """
            log_format f '$status';
            access_log 0.log f if=$zero; access_log e.log f if=$empty; access_log y.log f if=$status;
            """)
        server.log()
        #expect(server.read("0.log") == "" && server.read("e.log") == "")
        #expect(server.read("y.log") == "200\n")
    }

    @Test func unbufferedLinesReachTheFileAtTheEndOfTheTurn() throws {
        let server = try Server("log_format f '$status'; access_log a.log f;")
        let loop = try EventLoop(kernel: StillKernel())
        server.files.attach(to: loop)
        server.log()
        server.log()
        #expect(server.read("a.log") == "")
        loop.turn(waitingAtMost: 0)
        #expect(server.read("a.log") == "200\n200\n")
        server.log()
        server.files.detach()
        #expect(server.read("a.log") == "200\n200\n200\n")
    }

    @Test func aBufferIsWrittenWhenALineDoesNotFit() throws {
        let server = try Server("log_format f '$status'; access_log a.log f buffer=10;")
        server.files.attach(to: try EventLoop(kernel: StillKernel()))
        server.log()
        server.log()
        #expect(server.read("a.log") == "")
        server.log()
        #expect(server.read("a.log") == "200\n200\n")
        server.files.flush()
        #expect(server.read("a.log") == "200\n200\n200\n")
    }

    @Test func aBufferIsWrittenAfterItsTime() throws {
        let server = try Server("log_format f '$status'; access_log a.log f buffer=1k flush=2s;")
        let kernel = StillKernel()
        let loop = try EventLoop(kernel: kernel)
        server.files.attach(to: loop)
        server.log()
        kernel.milliseconds += 1_000
        loop.turn(waitingAtMost: 0)
        #expect(server.read("a.log") == "")
        kernel.milliseconds += 1_100
        loop.turn(waitingAtMost: 0)
        #expect(server.read("a.log") == "200\n")
        server.log()
        kernel.milliseconds += 2_100
        loop.turn(waitingAtMost: 0)
        #expect(server.read("a.log") == "200\n200\n")
    }

    @Test func aLineLongerThanTheBufferIsWrittenAlone() throws {
        let server = try Server("log_format f '$status'; access_log a.log f buffer=2;")
        server.files.attach(to: try EventLoop(kernel: StillKernel()))
        server.log()
        #expect(server.read("a.log") == "200\n")
    }

    @Test func compressedLogsAreReadByZcat() throws {
        let server = try Server("log_format f '$status'; access_log a.gz f gzip=9 buffer=64;")
        server.files.attach(to: try EventLoop(kernel: StillKernel()))
        for _ in 0..<100 { server.log() }
        server.files.flush()
        let path = server.workspace.file("a.gz")
        #expect(unsafe system("zcat \(path) > \(path).txt") == 0)
        #expect(server.read("a.gz.txt") == String(repeating: "200\n", count: 100))
        #expect(server.workspace.bytes("a.gz")?.hasPrefix(ByteString([0x1F, 0x8B])) == true)
    }

    @Test func rotationWritesWhatIsBufferedToTheOldFile() throws {
        let server = try Server(
            "log_format f '$status'; access_log a.log f buffer=1k; error_log stderr emerg;")
        server.files.attach(to: try EventLoop(kernel: StillKernel()))
        server.log()
        server.workspace.rename("a.log", "a.log.1")
        server.files.reopen(owner: nil)
        server.log()
        server.files.flush()
        #expect(server.read("a.log.1") == "200\n" && server.read("a.log") == "200\n")
    }

    @Test func aFullDiskIsComplainedAboutOnce() throws {
        let server = try Server("access_log /dev/full;")
        server.files.errorLog.add(
            ErrorLogTarget(sink: .memory(server.complaints), level: .error))
        let kernel = StillKernel()
        let loop = try EventLoop(kernel: kernel)
        server.files.attach(to: loop)
        for _ in 0..<30 {
            server.log()
            loop.turn(waitingAtMost: 0)
            kernel.wall += 1_000
        }
        let complaints = server.complaints.contents.text.split(separator: "\n").filter {
            $0.contains("write() to \"/dev/full\" failed (28: No space left on device)")
        }
        #expect(complaints.count == 1)
    }

    @Test func pathsWithVariables() throws {
        let server = try Server(
            "log_format f '$status'; access_log $host.log f; open_log_file_cache max=2 valid=1;")
        server.log()
        server.request.host = "b"
        server.log()
        server.request.host = "c"
        server.log()
        server.log()
        #expect(server.read("example.org.log") == "200\n" && server.read("b.log") == "200\n")
        #expect(server.read("c.log") == "200\n200\n")
        #expect(server.settings.cache?.openCount == 2)
        server.request.host = "no/where"
        server.log()
        #expect(
            server.complaints.contents.text.contains(
                "[crit] \(getpid())#\(getpid()): open() \"\(server.workspace.file("no/where.log"))\""
                    + " failed (2: No such file or directory)\n"))
    }

    @Test func aCachedFileIsLeftWhenItIsRenamed() throws {
        let server = try Server(
            "log_format f '$status'; access_log $host.log f; open_log_file_cache max=9 valid=1;")
        let kernel = StillKernel()
        let loop = try EventLoop(kernel: kernel)
        server.files.attach(to: loop)
        server.log()
        server.workspace.rename("example.org.log", "old.log")
        server.log()
        kernel.wall += 1_000
        loop.readClocks()
        server.log()
        #expect(server.read("old.log") == "200\n200\n")
        #expect(server.read("example.org.log") == "200\n")
    }

    @Test(arguments: [
        ("access_log a.log nope;", "unknown log format \"nope\""),
        ("access_log off x;", "invalid parameter \"x\""),
        ("access_log a.log combined x=1;", "invalid parameter \"x=1\""),
        ("access_log a.log combined buffer=x;", "invalid buffer size \"x\""),
        ("access_log a.log combined buffer=1k flush=0;", "invalid flush time \"0\""),
        ("access_log a.log combined gzip=10;", "invalid compression level \"10\""),
        ("access_log a.log combined flush=1s;", "no buffer is defined for access_log \"a.log\""),
        ("access_log $host combined gzip;", "buffered logs cannot have variables in name"),
        (
            "access_log syslog:server=127.0.0.1 combined buffer=1k;",
            "logs to syslog cannot be buffered"
        ),
        (
            "access_log a.log combined gzip; access_log a.log combined buffer=1k;",
            "access_log \"a.log\" already defined with conflicting parameters"
        ),
        ("access_log a.log combined if=$nope;", "unknown \"nope\" variable"),
        ("log_format combined x;", "duplicate \"log_format\" name \"combined\""),
        ("log_format a x; log_format a y;", "duplicate \"log_format\" name \"a\""),
        ("log_format a escape=x y;", "unknown log format escaping \"x\""),
        ("log_format a 'b$';", "invalid parameter \"$\""),
        ("log_format a '$1';", "unknown \"1\" variable"),
        ("log_format a '${host';", "the closing bracket in \"host\" variable is missing"),
        ("open_log_file_cache min_uses=2;", "\"open_log_file_cache\" must have \"max\" parameter"),
        ("open_log_file_cache max=x;", "invalid \"open_log_file_cache\" parameter \"max=x\""),
        ("error_log e.log loud;", "invalid log level \"loud\""),
        ("error_log e.log warn info;", "duplicate log level \"info\""),
        ("error_log memory:1k;", "invalid buffer size \"1k\""),
        ("error_log syslog:server=127.0.0.1,facility=x;", "unknown syslog facility \"x\""),
    ])
    func mistakesAreNamedAsNginxDoes(text: String, message: String) {
        #expect(mistake(text) == message)
    }

    @Test func errorLogsReplaceAndAppend() throws {
        let server = try Server(
            "error_log main.log info; server { error_log a.log; error_log b.log debug; }")
        #expect(server.files.errorLog.targets.count == 1 && server.files.errorLog.isEnabled(.info))
        let log = try #require(server.errors.log)
        #expect(log.isEnabled(.debug))
        log.write(.error) { $0.append("both") }
        log.write(.info) { $0.append("one") }
        #expect(server.read("a.log")?.split(separator: "\n").count == 1)
        #expect(server.read("b.log")?.split(separator: "\n").count == 2)
        #expect(server.read("main.log") == "")
    }
}
