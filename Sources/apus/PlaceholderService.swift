import Bytes
import Configuration
import Log
import Net
import Platform
import Supervisor

/// Stands in for the server until it is built: it reads a configuration's processes, logs and sockets, and its workers accept
/// and close.
final class PlaceholderService: Service {
    func load(
        _ options: StartOptions, previous: (any Cycle)?
    ) throws(StartFailure) -> any Cycle {
        let cycle = PlaceholderCycle(options)
        let source = cycle.source
        let scope = Scope(
            evaluation: Evaluation(
                prefix: options.prefix, configurationPrefix: options.configurationPrefix),
            builder: cycle)
        let tree = source.read(options.configurationFile, parameters: options.directives)
        do throws(ConfigurationError) {
            try Evaluator(RowTable(PlaceholderCycle.rows)).evaluate(tree, in: scope)
        } catch {
            options.report(error, in: source)
            throw StartFailure()
        }
        for warning in scope.evaluation.warnings { options.report(warning, in: source) }
        cycle.core = scope[PlaceholderCycle.slot]
        return cycle
    }
}

/// The configuration that `PlaceholderService` makes.
final class PlaceholderCycle: Cycle, LogFilesOwner {
    static let slot = Slot<CoreSettings>(index: 0, initial: CoreSettings())
    static let rows =
        CoreDirectives.rows(slot) + [
            ErrorLogDirective.row(in: .main),
            .block("http", in: .main, .none, "HTTP.") { (invocation) in
                Scope(.http, in: invocation.scope)
            },
            .block("server", in: .http, .none, "A server.") { (invocation) in
                Scope(.server, in: invocation.scope)
            },
            .custom("listen", in: .server, .atLeast(1), "A socket.") {
                (invocation: inout Invocation) throws(ConfigurationError) in
                let text = invocation[0]
                let address: AddressText
                do throws(AddressError) {
                    address = try AddressText(text, .listen(defaultPort: 80))
                } catch {
                    throw invocation.fail(
                        "\(error.message) in \"\(text)\" of the \"listen\" directive")
                }
                guard let cycle = invocation.builder as? PlaceholderCycle else { return }
                var options = ListenOptions()
                for word in invocation.arguments.dropFirst() {
                    _ = try? options.read(word.value)
                }
                cycle.listeners += address.addresses.map {
                    ListenerRequest(address: $0, options: options)
                }
            },
        ]

    let source: ConfigurationSource
    let logs: LogFiles
    var core = CoreSettings()
    var listeners: [ListenerRequest] = []
    var logFiles: LogFiles { logs }

    init(_ options: StartOptions) {
        source = ConfigurationSource(configurationPrefix: options.configurationPrefix)
        logs = LogFiles(environment: options.logEnvironment, prefix: options.prefix)
    }

    func appendDump(to buffer: Buffer) {
        source.appendDump(to: buffer)
    }

    func run(_ worker: WorkerContext) -> Int32 {
        let kernel = Kernel()
        while true {
            while let command = worker.nextCommand() {
                if command == .terminate || command == .quit { return 0 }
            }
            for listener in worker.listeners {
                var peer = RawAddress()
                let connection = kernel.accept(listener.number, address: &peer)
                if connection >= 0 { kernel.close(Int32(connection)) }
            }
            Process.sleep(milliseconds: 10)
        }
    }
}
