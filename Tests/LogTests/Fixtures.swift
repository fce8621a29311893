@testable import ApusServer
import CLinux
import Testing

/// A directory of its own for a test, removed with it.
final class Workspace {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-log-XXXXXX".utf8CString)
        try #require(unsafe mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        _ = unsafe system("rm -rf \(path)")
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// The content of a file, or nil if there is none.
    func read(_ name: String) -> String? { bytes(name)?.text }

    func bytes(_ name: String) -> ByteString? {
        guard let stream = unsafe fopen(file(name), "r") else { return nil }
        defer { unsafe fclose(stream) }
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe fread(&part, 1, part.count, stream)
            if count == 0 { return ByteString(all) }
            all += part[0..<count]
        }
    }

    func rename(_ old: String, _ new: String) {
        _ = unsafe CLinux.rename(file(old), file(new))
    }
}

/// An environment that says nothing on the test's own standard error stream.
func quietEnvironment() -> LogEnvironment {
    let environment = LogEnvironment(program: "nginx")
    environment.echoesToStandardError = false
    return environment
}

extension LogFiles {
    static func quiet(_ workspace: Workspace) -> LogFiles {
        LogFiles(environment: quietEnvironment(), prefix: ByteString(workspace.path + "/"))
    }
}

/// What a request would tell about itself.
final class FakeContext: LogContext {
    let connectionNumber: UInt64
    let text: String
    var isDebugged = false

    init(_ number: UInt64, _ text: String = "") {
        connectionNumber = number
        self.text = text
    }

    func appendContext(to line: Buffer) {
        line.append(text)
    }
}

/// The time in a form of the C library, to compare with.
func cTime(_ seconds: Int, _ format: String) -> String {
    var moment = time_t(seconds)
    var fields = unsafe tm()
    unsafe localtime_r(&moment, &fields)
    var text = [CChar](repeating: 0, count: 64)
    unsafe strftime(&text, text.count, format, &fields)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A kernel whose clocks stand still until they are set.
final class StillKernel: Kernel {
    var milliseconds = 1_000
    var wall = 1_795_428_000_123

    override func monotonicMilliseconds() -> Int { milliseconds }
    override func wallMilliseconds() -> Int { wall }
}
