/// A worker's life: its loop, the sockets it accepts on, and its signals.
final class SiteWorker {
    private let loop: EventLoop
    private let engine: Engine
    private let context: WorkerContext
    private var listening: [ListenEndpoint] = []

    static func run(_ cycle: SiteCycle, _ context: WorkerContext) -> Int32 {
        do throws(Errno) {
            let worker = try SiteWorker(cycle, context)
            worker.loop.run()
            return 0
        } catch {
            cycle.logs.errorLog.write(.alert, connection: 0, errno: error) {
                $0.append("epoll_create() failed")
            }
            return 2
        }
    }

    private init(_ cycle: SiteCycle, _ context: WorkerContext) throws(Errno) {
        self.context = context
        loop = try EventLoop()
        let http = cycle.http
        engine = Engine(
            loop: loop, counters: cycle.counters, connectionLimit: cycle.core.workerConnections,
            shutdownTimeout: cycle.core.shutdownTimeout)
        cycle.logs.attach(to: loop)
        try loop.addListening(
            SignalEndpoint(loop: loop, descriptor: context.signalDescriptor) { [unowned self] in
                readSignals()
            }, exclusive: false)
        for listener in context.listeners {
            guard let address = http?.addresses.first(where: { $0.request.address == listener.address })
            else { continue }
            let endpoint = ListenEndpoint(
                engine: engine, descriptor: listener.number, binding: address.binding,
                specific: address.specific,
                acceptsAllAtOnce: cycle.core.acceptsAllAtOnce)
            try loop.addListening(endpoint, exclusive: cycle.core.workerProcesses > 1)
            listening.append(endpoint)
        }
    }

    private func readSignals() {
        while let command = context.nextCommand() {
            switch command {
            case .terminate:
                loop.shouldStop = true
            case .quit:
                for endpoint in listening { loop.withdraw(endpoint) }
                context.closeListeners()
                listening = []
                engine.shutDown()
            case .reopened, .reloaded:
                break
            }
        }
    }
}

/// The signal descriptor on the loop.
final class SignalEndpoint: Endpoint {
    private let act: () -> Void

    init(loop: EventLoop, descriptor: Int32, act: @escaping () -> Void) {
        self.act = act
        super.init(loop: loop, descriptor: descriptor)
    }

    override func becameReadable() { act() }
}
