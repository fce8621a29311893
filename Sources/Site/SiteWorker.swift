/// A worker's life: its loop, the sockets it accepts on, and its signals.
final class SiteWorker {
    let loop: EventLoop
    let engine: Engine
    private let cycle: SiteCycle
    private var listening: [ListenEndpoint] = []

    static func run(_ cycle: SiteCycle, _ context: WorkerContext) -> Int32 {
        var call: StaticString = "epoll_create()"
        do throws(Errno) {
            let worker = try SiteWorker(cycle)
            call = "epoll_ctl()"
            try worker.heed(context)
            for listener in context.listeners {
                try worker.accept(on: listener.number, at: listener.address)
            }
            if cycle.core.timerResolution > 0 { try worker.loop.readClocks(every: cycle.core.timerResolution) }
            worker.loop.run()
            worker.engine.withdrawFigures()
            // What is gathered in the logs' buffers would be lost.
            cycle.logs.detach()
            return 0
        } catch {
            cycle.logs.errorLog.write(.alert, connection: 0, errno: error) {
                $0.append(call)
                $0.append(" failed")
            }
            return 2
        }
    }

    /// A worker that accepts nothing yet.
    init(_ cycle: SiteCycle) throws(Errno) {
        self.cycle = cycle
        loop = try EventLoop(kernel: cycle.logs.environment.kernel)
        engine = Engine(
            loop: loop, counters: cycle.counters, connectionLimit: cycle.core.workerConnections,
            shutdownTimeout: cycle.core.shutdownTimeout, debuggedClients: cycle.core.debuggedClients)
        cycle.logs.attach(to: loop)
    }

    /// Accepts connections on a listening socket, if the configuration has servers at its address.
    func accept(on descriptor: Int32, at address: SocketAddress) throws(Errno) {
        guard let known = cycle.http?.addresses.first(where: { $0.request.address == address })
        else { return }
        let isExclusive = cycle.core.workerProcesses > 1
        let endpoint = ListenEndpoint(
            engine: engine, descriptor: descriptor, binding: known.binding,
            specific: known.specific, isExclusive: isExclusive,
            acceptsAllAtOnce: cycle.core.acceptsAllAtOnce)
        try loop.addListening(endpoint, exclusive: isExclusive)
        listening.append(endpoint)
    }

    /// Accepts no more, and ends when the requests under way are served. The sockets are the caller's to close, by `close`.
    func quit(closing close: () -> Void) {
        for endpoint in listening { loop.withdraw(endpoint) }
        listening = []
        close()
        engine.shutDown()
    }

    // MARK: - Signals

    private func heed(_ context: WorkerContext) throws(Errno) {
        let endpoint = SignalEndpoint(loop: loop, descriptor: context.signalDescriptor) {
            [unowned self] in obey(context)
        }
        try loop.addListening(endpoint, exclusive: false)
    }

    private func obey(_ context: WorkerContext) {
        while let command = context.nextCommand() {
            switch command {
            case .terminate: loop.shouldStop = true
            case .quit: quit { context.closeListeners() }
            case .reopened, .reloaded: break
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
