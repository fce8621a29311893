/// A worker's life: its loop, the sockets it accepts on, and its signals.
final class SiteWorker {
    let loop: EventLoop
    let engine: Engine
    private let cycle: SiteCycle
    private var listening: [ListenEndpoint] = []

    static func run(_ cycle: SiteCycle, _ context: WorkerContext) -> Int32 {
        var call: StaticString = "epoll_create()"
        do throws(Errno) {
            let worker = try SiteWorker(cycle, number: context.number)
            call = "epoll_ctl()"
            try worker.heed(context)
            for listener in context.listeners {
                try worker.accept(on: listener.number, at: listener.address)
            }
            if cycle.core.timerResolution > 0 { try worker.loop.readClocks(every: cycle.core.timerResolution) }
            worker.loop.run()
            worker.stopListening()
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
    init(_ cycle: SiteCycle, number: Int = 0) throws(Errno) {
        self.cycle = cycle
        loop = try Self.makeLoop(cycle, number)
        engine = Engine(
            loop: loop, counters: cycle.counters, connectionLimit: cycle.core.workerConnections,
            shutdownTimeout: cycle.core.shutdownTimeout, debuggedClients: cycle.core.debuggedClients)
        let reads = FileReads(loop: loop, pools: cycle.core.threadPools, kernelLimit: cycle.core.kernelReads)
        reads.complain = { [logs = cycle.logs] pool, posting in logs.errorLog.complain(of: pool, posting) }
        reads.tellOfLate = { [logs = cycle.logs] read, endpoint in logs.errorLog.tell(of: read, endpoint) }
        loop.fileReads = reads
        cycle.logs.attach(to: loop)
    }

    /// The loop that the configuration asks for, or one over epoll where the kernel refuses that.
    private static func makeLoop(_ cycle: SiteCycle, _ number: Int) throws(Errno) -> EventLoop {
        let kernel = cycle.logs.environment.kernel
        guard cycle.core.eventMethod == .ring else { return try EventLoop(kernel: kernel) }
        do throws(RingRefusal) { return EventLoop(kernel: kernel, source: try RingSource(kernel: kernel)) } catch {
            // One worker says it for all.
            if number == 0 {
                cycle.logs.errorLog.write(
                    .warn, "epoll is used instead of io_uring\(reason(error.error)): \(error.call) failed", error.error)
            }
            return try EventLoop(kernel: kernel)
        }
    }

    private static func reason(_ error: Errno) -> String {
        switch error {
        case .notPermitted, .accessDenied: ", which a seccomp profile or the setting kernel.io_uring_disabled forbids"
        case .noSystemCall: ", which this kernel is built without, or a seccomp profile forbids"
        case .invalid: ", which takes Linux 6.1 or later"
        default: ""
        }
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
        stopListening()
        close()
        engine.shutDown()
    }

    /// What io_uring was asked for may outlive the process for a moment: nothing may hold the sockets then.
    private func stopListening() {
        for endpoint in listening {
            endpoint.endRush()
            loop.withdraw(endpoint)
        }
        listening = []
    }

    // MARK: - Signals

    private func heed(_ context: WorkerContext) throws(Errno) {
        let endpoint = SignalEndpoint(loop: loop, descriptor: context.signalDescriptor) {
            [unowned self] in obey(context)
        }
        try loop.addReadable(endpoint)
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

extension ErrorLog {
    /// A thread pool can take no more.
    fileprivate func complain(of pool: ThreadPool, _ posting: DiskThreads.Posting) {
        switch posting {
        case .accepted: break
        case .overflow(let waiting):
            write(.error, connection: 0) {
                $0.append("thread pool \"")
                $0.append(pool.name)
                $0.append("\" queue overflow: ")
                $0.append(decimal: waiting)
                $0.append(" tasks waiting")
            }
        case .noThread(let error):
            write(.alert, connection: 0, errno: error) { $0.append("pthread_create() failed") }
        }
    }

    /// A read or a write of a file does not come back.
    fileprivate func tell(of late: LateOperation, _ endpoint: Endpoint?) {
        write(.alert, endpoint as? any LogContext) {
            $0.append(late.isKernels ? "aio operation took too long: " : "thread operation took too long: ")
            $0.append(decimal: late.range.count)
            $0.append(" bytes at ")
            $0.append(decimal: late.range.lowerBound)
            $0.append(" of descriptor ")
            $0.append(decimal: Int(late.file))
        }
    }
}
