/// Workers and other children: how they are started, told and buried.
extension Master {
    var hasLiveChildren: Bool {
        children.contains { !$0.hasEnded && ($0.role != .newBinary || $0.isExiting) }
    }

    func startWorkers(isReload: Bool) {
        log.write(.notice, "start worker processes")
        for number in 0..<core.workerProcesses {
            _ = spawn(.worker(number), respawns: true, isNew: isReload)
        }
    }

    func startAttendants(isReload: Bool) {
        for attendant in cycle?.attendants ?? [] {
            _ = spawn(.attendant(attendant), respawns: attendant.isLasting, isNew: isReload)
        }
    }

    /// Starts a child for the cycle in effect. In the child this does not return.
    private func spawn(_ role: Child.Role, respawns: Bool, isNew: Bool) -> Bool {
        guard let cycle else { return false }
        let process: Int32?
        do {
            process = try Process.fork()
        } catch {
            log.write(.alert, "fork() failed while spawning \"\(role.title)\"", error)
            return false
        }
        guard let process else { become(role, cycle) }
        log.write(.notice, "start \(role.title) \(process)")
        children.append(Child(id: process, role: role, respawns: respawns, isNew: isNew))
        return true
    }

    private func become(_ role: Child.Role, _ cycle: any Cycle) -> Never {
        let worker: WorkerStart
        switch role {
        case .worker(let number): worker = WorkerStart(number: number, attendant: nil, master: self)
        case .attendant(let attendant):
            worker = WorkerStart(number: -1, attendant: attendant, master: self)
        case .newBinary: Process.exit(2)
        }
        children = []
        Process.exit(worker.run(cycle))
    }

    // MARK: - Signals to children

    func signalChildren(_ signal: Signal) {
        for index in children.indices {
            let child = children[index]
            if child.role == .newBinary || child.hasEnded { continue }
            if child.isNew {
                children[index].isNew = false
                continue
            }
            if child.isExiting, signal == .quit { continue }
            do {
                try Process.send(signal, to: child.id)
            } catch {
                log.write(.alert, "kill(\(child.id), \(signal.number)) failed", error)
                if error == .noSuchProcess {
                    children[index].hasEnded = true
                    children[index].isExiting = false
                    wishes.reap = true
                }
                continue
            }
            if signal != .user1 { children[index].isExiting = true }
        }
    }

    // MARK: - Their ends

    /// Takes note of all children that have ended, and starts those again that should not have.
    func reap() {
        do {
            while let end = try Process.nextEnded() { note(end) }
        } catch {
            log.write(.alert, "waitpid() failed", error)
        }
        let ended = children.filter(\.hasEnded)
        children.removeAll(where: \.hasEnded)
        for child in ended {
            if child.role == .newBinary {
                returnFromUpgrade()
            } else if child.respawns, !child.isExiting, !wishes.terminate, !wishes.quit {
                if !spawn(child.role, respawns: true, isNew: false) {
                    log.write(.alert, "could not respawn \(child.role.title)")
                }
            }
        }
    }

    private func note(_ end: Process.End) {
        let index = children.firstIndex { $0.id == end.id }
        let title = index.map { children[$0].role.title } ?? "unknown process"
        if end.signal != 0 {
            let core = end.dumpedCore ? " (core dumped)" : ""
            log.write(.alert, "\(title) \(end.id) exited on signal \(end.signal)\(core)")
        } else {
            log.write(.notice, "\(title) \(end.id) exited with code \(end.code)")
        }
        guard let index else { return }
        children[index].hasEnded = true
        // It could not even start; another one could not either.
        if end.code == 2, children[index].respawns {
            log.write(
                .alert,
                "\(title) \(end.id) exited with fatal code \(end.code) and cannot be respawned")
            children[index].respawns = false
        }
        cycle?.childEnded(end.id)
    }
}
