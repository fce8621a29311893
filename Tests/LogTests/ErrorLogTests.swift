@testable import ApusServer
import CLinux
import Testing

@Suite struct ErrorLogTests {
    let workspace: Workspace
    let files: LogFiles

    init() throws {
        workspace = try Workspace()
        files = .quiet(workspace)
    }

    private func log(_ level: LogLevel, _ name: ByteString = "error.log") throws -> ErrorLog {
        let target = ErrorLogTarget(sink: .file(files.file(name)), level: level)
        let log = ErrorLog(environment: files.environment, targets: [target])
        try files.open()
        return log
    }

    @Test func aLineHasNginxsForm() throws {
        let log = try log(.error)
        let context = FakeContext(34, ", client: 127.0.0.1, server: x, request: \"GET / HTTP/1.1\"")
        log.write(.error, errno: .notFound, context) { line in
            line.append("open() \"/srv/x\" failed")
        }
        let second = files.environment.clock.seconds
        let process = getpid()
        #expect(
            workspace.read("error.log")
                == cTime(second, "%Y/%m/%d %H:%M:%S")
                + " [error] \(process)#\(process): *34 open() \"/srv/x\" failed "
                + "(2: No such file or directory), client: 127.0.0.1, server: x, "
                + "request: \"GET / HTTP/1.1\"\n")
    }

    @Test func levelsBelowTheThresholdAreNotComposed() throws {
        let log = try log(.warn)
        #expect(log.isEnabled(.emerg) && log.isEnabled(.warn) && !log.isEnabled(.notice))
        log.write(.info) { _ in Issue.record("composed") }
        log.write(.warn) { $0.append("yes") }
        #expect(workspace.read("error.log")?.hasSuffix(": yes\n") == true)
    }

    @Test func aDebuggedConnectionLogsEverything() throws {
        let log = try log(.error)
        let context = FakeContext(1, ", client: x")
        context.isDebugged = true
        log.write(.debug, context) { $0.append("fine") }
        // nginx adds no context to debug messages.
        #expect(workspace.read("error.log")?.hasSuffix(" *1 fine\n") == true)
    }

    @Test func controlBytesAreEscaped() throws {
        let log = try log(.error)
        log.write(.error, FakeContext(1, ", request: \"a\nb\"")) {
            $0.append("x\u{1B}[2J\r\u{7F}é")
        }
        let text = try #require(workspace.read("error.log"))
        #expect(text.hasSuffix(#" *1 x\x1B[2J\x0D\x7Fé, request: "a\x0Ab""# + "\n"))
    }

    @Test func aLineIsCutAt2048Bytes() throws {
        let log = try log(.error)
        log.write(.error, errno: .accessDenied) {
            $0.append(repeating: UInt8(ascii: "x"), count: 5_000)
        }
        let text = try #require(workspace.read("error.log"))
        #expect(text.hasSuffix("xxx... (13: Permission denied)\n"))
        log.write(.error) { $0.append(repeating: UInt8(ascii: "y"), count: 5_000) }
        #expect(workspace.read("error.log")?.utf8.count == text.utf8.count + 2_048)
    }

    @Test func eachTargetHasItsLevel() throws {
        let log = try log(.error).adding(
            ErrorLogTarget(sink: .file(files.file("all.log")), level: .debug))
        try files.open()
        log.write(.debug) { $0.append("detail") }
        log.write(.crit) { $0.append("trouble") }
        #expect(workspace.read("error.log")?.split(separator: "\n").count == 1)
        #expect(workspace.read("all.log")?.split(separator: "\n").count == 2)
    }

    @Test func onePathIsOneFile() {
        #expect(files.file("a.log") === files.file(ByteString(workspace.file("a.log"))))
    }

    @Test func rotationOpensANewFile() throws {
        let log = try log(.error)
        log.write(.error) { $0.append("before") }
        workspace.rename("error.log", "old.log")
        log.write(.error) { $0.append("between") }
        files.errorLog.add(ErrorLogTarget(sink: .file(files.standardError()), level: .emerg))
        files.reopen(owner: getuid())
        log.write(.error) { $0.append("after") }
        #expect(workspace.read("old.log")?.split(separator: "\n").count == 2)
        #expect(workspace.read("error.log")?.hasSuffix(" after\n") == true)
    }

    @Test func aFileThatCannotBeOpenedIsReported() throws {
        let file = files.file("none/x.log")
        let failure = #expect(throws: LogFileFailure.self) { try files.open() }
        #expect(
            failure?.message
                == "open() \"\(file.path)\" failed (2: No such file or directory)")
    }

    @Test func aFullDiskHarmsNobody() throws {
        let full = files.file("/dev/full")
        let log = ErrorLog(
            environment: files.environment,
            targets: [ErrorLogTarget(sink: .file(full), level: .debug)])
        try files.open()
        for _ in 0..<10 { log.write(.error) { $0.append("lost") } }
    }

    @Test func loggingWhileComposingKeepsBothLines() throws {
        let log = try log(.error)
        log.write(.error) { line in
            line.append("outer ")
            log.write(.error) { $0.append("inner") }
            line.append("whole")
        }
        let lines = try #require(workspace.read("error.log")).split(separator: "\n")
        #expect(lines[0].hasSuffix(": inner") && lines[1].hasSuffix(": outer whole"))
    }

    @Test func theMemoryLogKeepsTheLatest() throws {
        let ring = MemoryLog(size: 100)
        let log = ErrorLog(
            environment: files.environment,
            targets: [ErrorLogTarget(sink: .memory(ring), level: .debug)])
        log.write(.info) { $0.append("first") }
        #expect(ring.contents.text.contains(": first\n"))
        for _ in 0..<5 { log.write(.info) { $0.append("later") } }
        #expect(!ring.contents.text.contains("first"))
        #expect(ring.contents.count == 100)
    }

    @Test func theDefaultLogIsOnlyForThoseWithoutAFile() throws {
        files.addDefaultErrorLog("default.log")
        #expect(files.errorLog.file?.path.text == workspace.file("default.log"))
        files.addDefaultErrorLog("other.log")
        #expect(files.errorLog.targets.count == 1)
    }
}

@Suite struct WallClockTests {
    @Test(arguments: [1_795_428_000, 1_700_000_000, 1_752_000_000])
    func theFormsAreThoseOfTheCLibrary(second: Int) throws {
        let kernel = StillKernel()
        kernel.wall = second * 1_000 + 7
        let clock = WallClock()
        clock.follow(try EventLoop(kernel: kernel))
        let text = Buffer()
        clock.appendErrorTime(to: text)
        text.append("|")
        clock.appendLocalTime(to: text)
        text.append("|")
        clock.appendSyslogTime(to: text)
        text.append("|")
        clock.appendMilliseconds(to: text)
        #expect(
            text.span.text
                == cTime(second, "%Y/%m/%d %H:%M:%S|%d/%b/%Y:%H:%M:%S %z|%b %e %H:%M:%S|")
                + "\(second).007")
        text.removeAll()
        clock.appendISO8601(to: text)
        let zone = cTime(second, "%z")
        #expect(
            text.span.text
                == cTime(second, "%Y-%m-%dT%H:%M:%S") + zone.prefix(3) + ":" + zone.suffix(2))
    }

    @Test func theTextFollowsTheSecond() throws {
        let kernel = StillKernel()
        let loop = try EventLoop(kernel: kernel)
        let clock = WallClock()
        clock.follow(loop)
        let text = Buffer()
        clock.appendISO8601(to: text)
        let before = text.span.text
        kernel.wall += 1_000
        loop.readClocks()
        clock.refresh()
        text.removeAll()
        clock.appendISO8601(to: text)
        #expect(text.span.text != before)
    }
}

@Suite struct EscapeTests {
    private func escaped(_ bytes: [UInt8], _ escape: LogEscape) -> String {
        let buffer = Buffer()
        buffer.append("\"\n")
        buffer.append(ByteString(bytes))
        buffer.escape(from: 2, escape)
        #expect(buffer[0] == ASCII.quote && buffer[1] == ASCII.lf)
        return buffer.span(2..<buffer.count).text
    }

    @Test func defaultEscapesAllButPlainASCII() {
        #expect(escaped(Array("GET /a%20b HTTP/1.1 ~".utf8), .default) == "GET /a%20b HTTP/1.1 ~")
        #expect(escaped(Array("\"\\é\n\u{7F}x".utf8), .default) == #"\x22\x5C\xC3\xA9\x0A\x7Fx"#)
        #expect(escaped([0xFF, 0], .default) == #"\xFF\x00"#)
        #expect(escaped([], .default) == "")
    }

    @Test func jsonEscapes() {
        #expect(
            escaped(Array("a\"b\\c\n\r\t\u{8}\u{C}\u{1}\u{1F}é".utf8), .json)
                == #"a\"b\\c\n\r\t\b\f\u0001\u001Fé"#)
    }

    @Test func noneLeavesAllAsItIs() {
        #expect(escaped(Array("\"\\\n".utf8), .none) == "\"\\\n")
    }
}
