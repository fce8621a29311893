import Testing

@testable import ApusServer
@testable import Simulation

/// A server as one worker runs it, made from the text of an nginx.conf, on a kernel within the test.
///
/// Only the master is missing: the configuration is read, evaluated and frozen as the master does it, and the worker is the
/// real one. What a test sees of it is what came over the wire, what stands in the logs, and what was left open.
final class SimulatedSite {
    let kernel: SimulatedKernel
    let cycle: SiteCycle
    let worker: SiteWorker
    /// Descriptors that stay open for as long as the server runs.
    private let standing: Set<Int32>
    private let standingEndpoints: Int
    private var clients: [ScriptedPeer] = []
    /// What plays a part in this site and nobody else holds.
    private var players: [AnyObject] = []

    static let prefix = "/site/"

    /// - Parameters:
    ///   - http: what stands in the `http` block, behind the test's own log format.
    ///   - main: directives of the main context.
    ///   - events: those of the `events` block.
    init(
        http: String, main: String = "", events: String = "", seed: UInt64 = 1,
        prepare: (SimulatedKernel) -> Void = { _ in }
    ) throws {
        kernel = SimulatedKernel(seed: seed)
        for folder in ["logs", "temp"] { kernel.disk.put(Self.prefix + folder + "/.keep", [], at: 0) }
        prepare(kernel)
        cycle = try Self.load(Self.configuration(main: main, events: events, http: http), on: kernel)
        try cycle.logs.open()
        try cycle.openZones(previous: nil)
        worker = try SiteWorker(cycle)
        for listener in cycle.listeners {
            let descriptor = kernel.listen(on: listener.address)
            try worker.accept(on: descriptor, at: listener.address)
        }
        standing = Set(kernel.descriptors.keys)
        standingEndpoints = worker.loop.endpointCount
        kernel.failures.forget()
    }

    /// What the master makes of a configuration, with the folders that it names.
    static func load(_ text: String, prefix: String = prefix, on kernel: SimulatedKernel) throws -> SiteCycle {
        let environment = LogEnvironment(program: "nginx", kernel: kernel)
        environment.echoesToStandardError = false
        let said = MemoryLog(size: 4_096)
        let log = ErrorLog(
            environment: environment, targets: [ErrorLogTarget(sink: .memory(said), level: .warn)])
        var options = CommandLineOptions()
        options.prefix = ByteString(prefix)
        let identity = Identity(
            persona: .nginx,
            build: BuildDescription(nginxVersion: "1.31.5", apusVersion: "0", compiler: "Swift"))
        let files = MemoryFiles([prefix + "nginx.conf": text])
        let loaded = try? SiteService(identity: identity, files: files).load(
            StartOptions(options, identity: identity, logEnvironment: environment, log: log),
            previous: nil)
        let cycle = try #require(loaded as? SiteCycle, "\(said.contents.text)")
        try cycle.createDirectories(for: nil, log: log)
        return cycle
    }

    deinit {
        // A process's end would take it all; here the loop and what it serves hold each other.
        cycle.logs.detach()
        var endpoints: [Endpoint] = []
        worker.loop.forEachEndpoint { endpoints.append($0) }
        for endpoint in endpoints { worker.loop.close(endpoint) }
    }

    private static func configuration(main: String, events: String, http: String) -> String {
        """
        error_log logs/error.log info;
        \(main)
        events { worker_connections 256; \(events) }
        http {
            log_format test '$request|$status|$body_bytes_sent|$request_length|$upstream_addr|$upstream_status';
            access_log logs/access.log test;
            client_body_temp_path temp/body;
            proxy_temp_path temp/proxy;
            \(http)
        }
        """
    }

    // MARK: - The world around it

    static func loopback(_ port: UInt16) -> SocketAddress {
        SocketAddress(ipv4: 0x7F00_0001, port: port)
    }

    /// Puts a file where `root files;` finds it, old enough to be trusted.
    func put(_ name: String, _ bytes: [UInt8]) {
        kernel.disk.put(Self.prefix + "files/" + name, bytes, at: kernel.wallMilliseconds() - 100_000_000)
    }

    /// A client that connects now and plays its script.
    @discardableResult
    func client(
        port: UInt16 = 8080, capacity: Int? = nil, _ steps: [ScriptedPeer.Step]
    ) -> ScriptedPeer {
        let protection = securePorts.contains(port) ? makeProtection(port) : PeerProtection()
        guard
            let peer = ScriptedPeer(
                kernel, to: Self.loopback(port), capacity: capacity, protection: protection, steps)
        else { preconditionFailure("nobody listens on port \(port)") }
        clients.append(peer)
        return peer
    }

    /// A client that sends a text and waits until so many answers are complete.
    func client(
        sends text: String, answers: Int = 1, port: UInt16 = 8080
    ) -> ScriptedPeer {
        client(port: port, [.send(text), .wait(answers: answers)])
    }

    func upstream(
        port: UInt16 = 9000, _ script: @escaping (Int) -> [ScriptedPeer.Step]
    ) -> SimulatedUpstream {
        let upstream = SimulatedUpstream(kernel, at: Self.loopback(port), script)
        keep(upstream)
        return upstream
    }

    func keep(_ player: AnyObject) { players.append(player) }

    /// An upstream that gives the same answer to each request of a connection.
    func upstream(port: UInt16 = 9000, answers text: String) -> SimulatedUpstream {
        upstream(port: port) { _ in ScriptedPeer.Step.answerEach(with: [.send(text)]) }
    }

    /// Clients of these ports speak TLS.
    var securePorts: Set<UInt16> = []
    /// Clients of these ports ask for HTTP/2 in their handshake.
    var framedPorts: Set<UInt16> = []
    private lazy var clientContext = try? SiteCertificate.client()

    private func makeProtection(_ port: UInt16) -> PeerProtection {
        let protocols: StaticString? = framedPorts.contains(port) ? "\u{2}h2" : nil
        guard let clientContext, let tls = PeerTLS(clientContext, .client, on: worker.loop, protocols: protocols) else {
            preconditionFailure("a client needs no more than memory")
        }
        return tls
    }

    // MARK: - Running

    /// Runs the worker until the condition holds. False: it never did, or the loop span.
    @discardableResult
    func run(atMost milliseconds: Int = 1_000_000, until condition: () -> Bool) -> Bool {
        kernel.run(worker.loop, atMost: milliseconds, until: condition)
    }

    func run(milliseconds: Int) {
        kernel.run(worker.loop, atMost: milliseconds)
    }

    /// Runs until a client has played its script, and gives what it received.
    @discardableResult
    func finish(_ client: ScriptedPeer, sourceLocation: SourceLocation = #_sourceLocation) -> [UInt8] {
        if !run(until: { client.isDone }) {
            Issue.record(
                "the client waits for ever; it has received \(client.text.debugDescription)",
                sourceLocation: sourceLocation)
        }
        return client.received
    }

    /// Sends a text over a connection of its own, and gives the answers.
    func ask(
        _ text: String, answers: Int = 1, port: UInt16 = 8080,
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> [Answer] {
        let client = client(sends: text, answers: answers, port: port)
        finish(client, sourceLocation: sourceLocation)
        client.quit()
        return Answer.all(in: client.received)
    }

    /// What SIGQUIT has a worker do.
    func quit() {
        worker.quit { [self] in
            for (number, handle) in kernel.descriptors {
                if case .socket(let socket) = handle, socket.state == .listening { kernel.close(number) }
            }
        }
    }

    /// After the worker has ended: what a process would take with it, though nobody closed it.
    var remains: [String] {
        let kinds = ["datagram", "poll", "pipe"]
        return kernel.mistakes + kernel.leaks().filter { leak in
            !leak.contains("/site/logs/") && !kinds.contains { leak.hasPrefix($0) }
        }
    }

    // MARK: - What came of it

    private func text(of log: String) -> String {
        guard let node = try? kernel.disk.find(Self.prefix + "logs/" + log) else { return "" }
        return String(decoding: node.bytes, as: UTF8.self)
    }

    func lines(of log: String) -> [String] {
        text(of: log).split(separator: "\n").map(String.init)
    }

    var accessLog: [String] { lines(of: "access.log") }
    /// How many lines that has.
    var accessCount: Int {
        (try? kernel.disk.find(Self.prefix + "logs/access.log"))?.bytes.count { $0 == 10 } ?? 0
    }
    /// The messages, without the time, the process and the connection: `[error] upstream timed out (110: …) while …`.
    var errorLog: [String] {
        lines(of: "error.log").map { line in
            let parts = line.split(separator: " ", maxSplits: 4)
            guard parts.count == 5 else { return line }
            var message = parts[4]
            if message.first == "*" { message = message[(message.firstIndex(of: " ") ?? message.startIndex)...].dropFirst() }
            return "\(parts[2]) \(message)"
        }
    }

    func forgetLogs() {
        for log in ["access.log", "error.log"] {
            (try? kernel.disk.find(Self.prefix + "logs/" + log))?.bytes = []
        }
    }

    /// What is open besides what always is. Log files with variables in their names are kept open, and syslog's socket.
    private var leaks: [String] {
        kernel.leaks(besides: standing).filter { !$0.contains("/site/logs/") && !$0.hasPrefix("datagram") }
    }

    /// Endpoints of the loop; timers that lie in a pool are none.
    private var endpointCount: Int {
        let streams = worker.engine.idleHTTP2Streams
        let timers = streams.indices.count { streams[$0].timer != nil }
        return worker.loop.endpointCount - worker.engine.idlePauses.count - timers
    }

    /// Lets every client go and all time-outs pass, then tells what should not be: descriptors, endpoints and counts that are
    /// left over, mistakes with descriptors, bytes that MSG_MORE held back, a loop that turned for nothing.
    func problems() -> [String] {
        for client in clients where !client.isOver { client.quit() }
        clients = []
        kernel.failures.forget()
        kernel.interruptions = 0
        let isSettled = run(atMost: 400_000) {
            worker.loop.pipes.trim()
            return kernel.descriptors.count <= standing.count + 3 && leaks.isEmpty
                && endpointCount == standingEndpoints
        }
        var found = kernel.mistakes
        if !isSettled {
            found += leaks
            found.append(
                "\(endpointCount) endpoints, \(standingEndpoints) at the beginning")
        }
        if kernel.stalls > 0 { found.append("\(kernel.stalls) stalls by MSG_MORE") }
        if worker.engine.connectionCount != 0 {
            found.append("\(worker.engine.connectionCount) connections are still counted")
        }
        for name in [ConnectionCounters.Name.active, .reading, .writing, .waiting] {
            let value = cycle.counters[name]
            if value != 0 { found.append("the counter \(name) is \(value)") }
        }
        kernel.forgetMistakes()
        return found
    }
}
