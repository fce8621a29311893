/// A syslog server that log lines go to as datagrams (RFC 3164): over UDP or a Unix socket, without waiting.
///
/// Lines are lost while the server is away. After a failure the socket is made anew with the next line.
final class Syslog: @unchecked Sendable {
    private let environment: LogEnvironment
    private let parameters: SyslogParameters
    private let hostName: ByteString
    /// -1 while there is none.
    private var socket: Int32 = -1
    private let datagram = Buffer(capacity: 512)
    /// Keeps a complaint about this server from being sent to it.
    private var isBusy = false
    /// At most one complaint a second: where each request logs, each would complain.
    private var complaintSecond = Int.min

    init(_ parameters: SyslogParameters, environment: LogEnvironment) {
        self.parameters = parameters
        self.environment = environment
        hostName = parameters.showsHostName ? ByteString(ThisProcess.hostName) : .empty
    }

    deinit { close() }

    /// Sends one line without its line feed. The severity is the message's level, or, with nil, the configured one.
    func send(_ line: Span<UInt8>, level: LogLevel?, complaints: ErrorLog?) {
        if isBusy { return }
        isBusy = true
        compose(line, severity: level.map { Int($0.rawValue) - 1 } ?? parameters.severity)
        if let failure = transmit() {
            complain(failure, to: complaints)
        }
        isBusy = false
    }

    /// `<190>Nov 23 10:00:00 host nginx: line`
    private func compose(_ line: Span<UInt8>, severity: Int) {
        datagram.removeAll()
        datagram.append(ASCII.less)
        datagram.append(decimal: parameters.facility * 8 + severity)
        datagram.append(ASCII.greater)
        environment.clock.appendSyslogTime(to: datagram)
        datagram.append(ASCII.space)
        if parameters.showsHostName {
            datagram.append(hostName)
            datagram.append(ASCII.space)
        }
        datagram.append(parameters.tag)
        datagram.append(": ")
        datagram.append(line)
    }

    private func transmit() -> CallFailure? {
        let kernel = environment.kernel
        if socket < 0 {
            do { socket = try DatagramSocket.connected(to: parameters.address, kernel: kernel) } catch {
                return error
            }
        }
        let datagram = datagram
        do { try DatagramSocket.send(datagram.span, on: socket, kernel: kernel) } catch {
            // A full queue is not a broken socket: only this line is lost.
            if error != .again { close() }
            return CallFailure(call: .send, errno: error)
        }
        return nil
    }

    private func close() {
        if socket >= 0 { environment.kernel.close(socket) }
        socket = -1
    }

    private func complain(_ failure: CallFailure, to complaints: ErrorLog?) {
        let second = environment.clock.seconds
        if second == complaintSecond { return }
        complaintSecond = second
        complaints?.write(.alert, errno: failure.errno, SyslogContext(parameters.server)) { line in
            line.append(failure.call.rawValue)
            line.append("() failed")
        }
    }
}

/// What the complaint about a syslog server says of it.
private final class SyslogContext: LogContext {
    let server: ByteString
    var connectionNumber: UInt64 { 0 }

    init(_ server: ByteString) {
        self.server = server
    }

    func appendContext(to line: Buffer) {
        line.append(" while logging to syslog, server: ")
        line.append(server)
    }
}

/// The parameters of a `syslog:` target.
struct SyslogParameters: Equatable, Sendable {
    let server: ByteString
    let address: DatagramAddress
    let facility: Int
    let severity: Int
    let tag: ByteString
    let showsHostName: Bool

    private static let facilities: [StaticString] = [
        "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock",
        "authpriv", "ftp", "ntp", "audit", "alert", "cron", "local0", "local1", "local2", "local3",
        "local4", "local5", "local6", "local7",
    ]

    /// Reads `server=address[,facility=…][,severity=…][,tag=…][,nohostname]`: what follows `syslog:`.
    init(_ text: ByteString) throws(LogParameterError) {
        var server: (name: ByteString, address: DatagramAddress)?
        var facility: Int?
        var severity: Int?
        var tag: ByteString?
        var showsHostName = true
        for part in text.split(at: ASCII.comma) {
            if let value = part.value(of: "server=") {
                if server != nil { throw .duplicate("server") }
                server = (value, try Self.address(value))
            } else if let value = part.value(of: "facility=") {
                if facility != nil { throw .duplicate("facility") }
                facility = Self.facilities.firstIndex { value.span.equals($0) }
                if facility == nil { throw .init("unknown syslog facility \"\(value)\"") }
            } else if let value = part.value(of: "severity=") {
                if severity != nil { throw .duplicate("severity") }
                severity = LogLevel(named: value).map { Int($0.rawValue) - 1 }
                if severity == nil { throw .init("unknown syslog severity \"\(value)\"") }
            } else if let value = part.value(of: "tag=") {
                if tag != nil { throw .duplicate("tag") }
                tag = try Self.checkedTag(value)
            } else if part == "nohostname" {
                showsHostName = false
            } else {
                throw .init("unknown syslog parameter \"\(part)\"")
            }
        }
        guard let server else { throw .init("no syslog server specified") }
        self.server = server.name
        self.address = server.address
        // The defaults are local7 and info.
        self.facility = facility ?? 23
        self.severity = severity ?? 6
        self.tag = tag ?? "nginx"
        self.showsHostName = showsHostName
    }

    /// RFC 3164: a tag has at most 32 letters and digits.
    private static func checkedTag(_ tag: ByteString) throws(LogParameterError) -> ByteString {
        if tag.count > 32 { throw .init("syslog tag length exceeds 32") }
        for byte in tag.bytes
        where !byte.isASCIIDigit && !byte.isASCIILetter && byte != ASCII.underscore {
            throw .init("syslog \"tag\" only allows alphanumeric characters and underscore")
        }
        return tag
    }

    private static func address(_ text: ByteString) throws(LogParameterError) -> DatagramAddress {
        func failure(_ reason: String) -> LogParameterError {
            .init("\(reason) in syslog server \"\(text)\"")
        }
        if let path = text.value(of: "unix:") {
            if path.isEmpty { throw failure("no path in the unix domain socket") }
            guard let address = DatagramAddress(unixPath: path.span) else {
                throw failure("too long path in the unix domain socket")
            }
            return address
        }
        var host = text
        var port: ByteString?
        if text.hasPrefix("[") {
            guard let end = text.span.firstIndex(of: ASCII.closeBracket) else {
                throw failure("invalid host")
            }
            host = text.slice(1..<end)
            if end + 1 < text.count {
                if text[end + 1] != ASCII.colon { throw failure("invalid port") }
                port = text.slice(end + 2..<text.count)
            }
        } else if let colon = text.span.firstIndex(of: ASCII.colon) {
            host = text.slice(0..<colon)
            port = text.slice(colon + 1..<text.count)
        }
        var number: UInt16 = 514
        if let port {
            guard let value = port.span.decimalValue, let exact = UInt16(exactly: value), exact > 0
            else { throw failure("invalid port") }
            number = exact
        }
        if host.isEmpty { throw failure("no host") }
        guard let address = DatagramAddress(host: host.text, port: number) else {
            throw failure("host not found")
        }
        return address
    }
}

/// A wrong parameter of a log directive, in nginx's words.
struct LogParameterError: Error, Equatable, Sendable {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    fileprivate static func duplicate(_ name: String) -> LogParameterError {
        LogParameterError("duplicate syslog \"\(name)\"")
    }
}

extension ByteString {
    /// The rest after `prefix`, or nil.
    func value(of prefix: ByteString) -> ByteString? {
        hasPrefix(prefix) ? slice(prefix.count..<count) : nil
    }

    /// The parts between the separators, empty ones included.
    fileprivate func split(at separator: UInt8) -> [ByteString] {
        bytes.split(separator: separator, omittingEmptySubsequences: false)
            .map { ByteString(Array($0)) }
    }
}
