/// The server as one process (`master_process off`), for development: the master does a worker's work itself.
extension Master {
    func serveAlone() -> Int32 {
        guard let cycle else { return WorkerStart.fatalCode }
        Process.replaceEnvironment(WorkerEnvironment.entries(core.environment))
        let descriptor: SignalDescriptor
        do {
            descriptor = try SignalDescriptor(WorkerStart.signals)
        } catch {
            log.write(.alert, "signalfd() failed", error)
            return WorkerStart.fatalCode
        }
        let context = WorkerContext(
            number: 0, cycle: cycle, listeners: sockets.listeners, identity: identity,
            descriptor: descriptor, isAlone: true, isDaemon: isDaemon, master: 0)
        context.reload = { [unowned self, unowned context] in
            guard (try? loadCycle()) != nil, let next = self.cycle else { return false }
            context.cycle = next
            context.listeners = sockets.listeners
            return true
        }
        let code = cycle.run(context)
        removePidFile()
        log.write(.notice, "exit")
        closeSockets()
        return code
    }
}
