@testable import ApusServer
import Testing

@Suite struct CoreDirectivesTests {
    private static let slot = Slot<ProcessSettings>(index: 0, initial: ProcessSettings())

    private final class Nothing {}

    private func core(_ text: String) throws(ConfigurationError) -> ProcessSettings {
        let source = ConfigurationSource(
            files: MemoryFiles(["/main": Array(text.utf8)]), configurationPrefix: "/")
        let scope = Scope(
            evaluation: Evaluation(prefix: "/p/", configurationPrefix: "/"), builder: Nothing())
        try Evaluator(RowTable(CoreDirectives.rows(Self.slot)))
            .evaluate(source.read("/main"), in: scope)
        return scope[Self.slot]
    }

    private func message(_ text: String) -> String? {
        do throws(ConfigurationError) {
            _ = try core(text)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func settingsAroundAndInEventsAreKept() throws {
        let core = try core(
            """
            daemon off; worker_processes 4; pid logs/x.pid; env A; env B=c;
            events { worker_connections 99; multi_accept on; debug_connection 10.0.0.0/8; use epoll; }
            worker_shutdown_timeout 5s; worker_priority -5; worker_rlimit_nofile 1000;
            thread_pool default threads=4; load_module modules/x.so; lock_file x;
            """)
        #expect(!core.runsInBackground && core.hasEvents && core.acceptsAllAtOnce)
        #expect(core.workerProcesses == 4)
        #expect(core.workerConnections == 99)
        #expect(core.pidFile == "/p/logs/x.pid")
        #expect(core.environment == ["A", "B=c"])
        #expect(core.shutdownTimeout == 5_000)
        #expect(core.priority == -5)
        #expect(core.openFiles == 1_000)
        #expect(core.debuggedClients.networks.count == 1)
        #expect(core.threadPools.first?.threads == 4)
    }

    @Test func eventMethodsAreKnown() throws {
        #expect(try core("events { }").eventMethod == .epoll)
        #expect(try core("events { use epoll; }").eventMethod == .epoll)
        #expect(try core("events { use io_uring; }").eventMethod == .ring)
    }

    @Test(arguments: [
        ("daemon off; daemon on;", "\"daemon\" directive is duplicate"),
        ("worker_processes many;", "\"worker_processes\" directive invalid value"),
        ("events { use kqueue; }", "invalid event type \"kqueue\""),
        ("events { use epoll; use io_uring; }", "\"use\" directive is duplicate"),
        ("events { worker_connections x; }", "invalid number \"x\""),
        ("worker_cpu_affinity 012;", "invalid character \"2\" in \"worker_cpu_affinity\""),
        (
            "worker_cpu_affinity auto 1 1;",
            "invalid number of arguments in \"worker_cpu_affinity\" directive"
        ),
        ("worker_priority x;", "\"worker_priority\" directive invalid number"),
        ("events {} events {}", "\"events\" directive is duplicate"),
        ("user no-such-user-here;", "getpwnam(\"no-such-user-here\") failed"),
    ])
    func mistakesAreReportedInNginxsWords(text: String, expected: String) {
        // Only the super-user's configuration is held to its users.
        if text.hasPrefix("user"), !Account.isSuperuser { return }
        #expect(message(text) == expected)
    }

    @Test func masksNameProcessorsFromTheRight() throws {
        let core = try core("worker_cpu_affinity 0001 1010;")
        #expect(core.affinity?.processors(forWorker: 0)?.members == [0])
        #expect(core.affinity?.processors(forWorker: 1)?.members == [1, 3])
        #expect(core.affinity?.processors(forWorker: 7)?.members == [1, 3])
        let turns = try self.core("worker_cpu_affinity auto 0110;").affinity
        #expect((0..<3).map { turns?.processors(forWorker: $0)?.members } == [[1], [2], [1]])
        #expect(
            try self.core("worker_cpu_affinity auto 0;").affinity?.processors(forWorker: 0) == nil)
    }
}
