/// How configurations come into effect, at the start and at a reload.
extension Master {
    /// Loads the configuration, opens all it needs and puts it into effect. On failure everything is as before.
    func loadCycle() throws(StartFailure) {
        let next = try read()
        try open(next)
    }

    /// Opens everything as a start would, without putting it into effect.
    func openForTest(_ next: any Cycle) throws(StartFailure) {
        precondition(start.isTesting)
        try open(next)
    }

    /// Reads the configuration and checks what it says about processes.
    func read() throws(StartFailure) -> any Cycle {
        let next = try service.load(start, previous: cycle)
        if start.isTesting, !start.isQuiet {
            Supervisor.complain(
                "\(identity.name): the configuration file \(start.configurationFile) syntax is ok\n"
            )
        }
        let core = next.core
        if !core.hasEvents {
            log.write(.emerg, "no \"events\" section in configuration")
            throw StartFailure()
        }
        if core.workerConnections < next.listeners.count + 1 {
            log.write(
                .emerg,
                "\(core.workerConnections) worker_connections are not enough "
                    + "for \(next.listeners.count) listening sockets")
            throw StartFailure()
        }
        if case .masks(let masks) = core.affinity, masks.count > 1,
            masks.count != core.workerProcesses
        {
            log.write(
                .warn,
                "the number of \"worker_processes\" is not equal to the number of "
                    + "\"worker_cpu_affinity\" masks, using last mask for remaining worker processes"
            )
        }
        return next
    }

    private func open(_ next: any Cycle) throws(StartFailure) {
        let core = next.core
        let previous = cycle
        do throws(StartFailure) {
            try preparePidFile(core)
            try next.createDirectories(for: workerUser(core), log: log)
            next.logs.addDefaultErrorLog(start.errorLogPath)
            try openLogs(of: next)
            try next.openZones(previous: previous)
            let change: ListenerSet.Change
            do {
                change = try sockets.prepare(
                    next.listeners, workers: core.hasMaster ? core.workerProcesses : 1,
                    testing: start.isTesting, log: next.logs.errorLog)
            } catch {
                throw StartFailure()
            }
            if start.isTesting { return noteLimits(core) }
            sockets.commit(change, log: next.logs.errorLog)
        } catch {
            next.abandon()
            throw error
        }
        if let previous, previous.core.pidFile != core.pidFile {
            PidFile(path: previous.core.pidFile).remove(log: log)
        }
        next.commit()
        cycle = next
        // Until the first cycle is in effect, `log` is the built-in log.
        start.log = next.logs.errorLog
        if !start.logEnvironment.echoesToStandardError { next.logs.redirectStandardError() }
        log.write(.notice, "using the \"\(core.eventMethod.rawValue)\" event method")
        noteLimits(core)
    }

    private func openLogs(of next: any Cycle) throws(StartFailure) {
        do {
            try next.logs.open()
        } catch {
            log.write(.emerg, error.message)
            throw StartFailure()
        }
    }

    /// At the start the pid file waits for the process that will stay; a reload may move it.
    private func preparePidFile(_ core: ProcessSettings) throws(StartFailure) {
        let file = PidFile(path: core.pidFile)
        if start.isTesting {
            try file.test(log: log)
        } else if let cycle, cycle.core.pidFile != core.pidFile {
            try file.write(Process.id, log: log)
        }
    }

    /// The user that workers become: nil if this process may not change it.
    func workerUser(_ core: ProcessSettings) -> WorkerUser? {
        guard Account.isSuperuser else { return nil }
        return core.user ?? Self.defaultUser
    }

    /// `nginx`, as in its packages, and where there is no such user `nobody`.
    private static var defaultUser: WorkerUser? {
        for (user, groups) in [("nginx", ["nginx"]), ("nobody", ["nobody", "nogroup"])] {
            guard let id = try? Account.user(named: user) else { continue }
            for group in groups {
                if let groupID = try? Account.group(named: group) {
                    return WorkerUser(name: user, user: id, group: groupID)
                }
            }
        }
        return nil
    }

    private func noteLimits(_ core: ProcessSettings) {
        guard let limit = try? ProcessLimit.openFiles().soft else { return }
        if core.workerConnections > limit, core.workerConnections > core.openFiles ?? 0 {
            log.write(
                .warn,
                "\(core.workerConnections) worker_connections exceed open file resource limit: "
                    + "\(core.openFiles ?? limit)")
        }
    }
}
