@testable import ApusServer
import CLinux
import Testing

/// A datagram socket that plays the syslog server.
final class FakeSyslog {
    let number: Int32

    /// On a Unix socket.
    init(path: String) throws {
        number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) {
            unsafe $0.copyBytes(from: path.utf8)
        }
        try bind(&address, MemoryLayout<sockaddr_un>.size)
    }

    /// On a UDP port of the loopback.
    init(port: UInt16) throws {
        number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try bind(&address, MemoryLayout<sockaddr_in>.size)
    }

    private func bind<A>(_ address: inout A, _ size: Int) throws {
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe CLinux.bind(
                    number, __CONST_SOCKADDR_ARG(__sockaddr__: $0), socklen_t(size))
            }
        }
        try #require(result == 0)
    }

    deinit { _ = close(number) }

    func receive() -> String? {
        var space = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe recv(number, &space, space.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : String(decoding: space[0..<count], as: UTF8.self)
    }
}

@Suite struct SyslogTests {
    let workspace: Workspace
    let environment = quietEnvironment()

    init() throws { workspace = try Workspace() }

    private func peer(_ parameters: String) throws -> Syslog {
        Syslog(try SyslogParameters(ByteString(parameters)), environment: environment)
    }

    private var time: String { cTime(environment.clock.seconds, "%b %e %H:%M:%S") }

    @Test func aLineGoesToAUnixSocket() throws {
        let server = try FakeSyslog(path: workspace.file("log"))
        let peer = try peer(
            "server=unix:\(workspace.file("log")),facility=user,tag=web_1,nohostname")
        let log = ErrorLog(
            environment: environment, targets: [ErrorLogTarget(sink: .syslog(peer), level: .warn)])
        log.write(.warn) { $0.append("careful") }
        let process = getpid()
        let errorTime = cTime(environment.clock.seconds, "%Y/%m/%d %H:%M:%S")
        // user is 1, warning is 4.
        #expect(
            server.receive()
                == "<12>\(time) web_1: \(errorTime) [warn] \(process)#\(process): careful")
        #expect(server.receive() == nil)
    }

    @Test func aLineGoesOverUDP() throws {
        let server = try FakeSyslog(port: 18_201)
        let peer = try peer("server=127.0.0.1:18201")
        let line = Buffer()
        line.append("GET /")
        peer.send(line.span, level: nil, complaints: nil)
        // local7 is 23, info is 6.
        #expect(server.receive() == "<190>\(time) \(ThisProcess.hostName) nginx: GET /")
    }

    @Test func aServerThatComesBackIsFoundAgain() throws {
        let path = workspace.file("log")
        let peer = try peer("server=unix:\(path),nohostname")
        let line = Buffer()
        line.append("x")
        let complaints = MemoryLog(size: 4_096)
        let log = ErrorLog(
            environment: environment,
            targets: [ErrorLogTarget(sink: .memory(complaints), level: .error)])
        peer.send(line.span, level: nil, complaints: log)
        #expect(
            complaints.contents.text.contains(
                "connect() failed (2: No such file or directory) while logging to syslog, "
                    + "server: unix:\(path)\n"))
        var server = try FakeSyslog(path: path)
        peer.send(line.span, level: nil, complaints: log)
        #expect(server.receive() != nil)
        _ = unsafe unlink(path)
        server = try FakeSyslog(path: path)
        peer.send(line.span, level: nil, complaints: log)
        peer.send(line.span, level: nil, complaints: log)
        #expect(server.receive() != nil)
    }

    @Test(arguments: [
        ("", "unknown syslog parameter \"\""),
        ("tag=x", "no syslog server specified"),
        ("server=127.0.0.1,server=127.0.0.1", "duplicate syslog \"server\""),
        ("facility=x", "unknown syslog facility \"x\""),
        ("facility=user,facility=user", "duplicate syslog \"facility\""),
        ("severity=err", "unknown syslog severity \"err\""),
        ("tag=a-b", "syslog \"tag\" only allows alphanumeric characters and underscore"),
        ("tag=123456789012345678901234567890123", "syslog tag length exceeds 32"),
        ("port=1", "unknown syslog parameter \"port=1\""),
        ("server=127.0.0.1:0", "invalid port in syslog server \"127.0.0.1:0\""),
        ("server=:514", "no host in syslog server \":514\""),
        ("server=unix:", "no path in the unix domain socket in syslog server \"unix:\""),
    ])
    func mistakesAreNamedAsNginxDoes(text: String, message: String) {
        let error = #expect(throws: LogParameterError.self) {
            try SyslogParameters(ByteString(text))
        }
        #expect(error?.message == message)
    }
}
