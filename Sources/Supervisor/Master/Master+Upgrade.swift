/// The exchange of the binary without losing a connection (USR2).
extension Master {
    /// Starts this program's file, which may be a newer one by now, with the listening sockets. Both binaries serve until one is
    /// told to end.
    func startNewBinary() {
        let path = arguments.first ?? ""
        let file = PidFile(path: core.pidFile)
        do {
            try File.rename(file.name, to: file.old.name)
        } catch {
            log.write(
                .alert,
                "rename() \(file.name) to \(file.old.name) failed before executing new binary "
                    + "process \"\(path)\"", error)
            return
        }
        let environment =
            WorkerEnvironment.entries(core.environment) + [
                "NGINX=" + sockets.descriptorList,
                // Room for the process title, which is written over arguments and environment.
                "SPARE=" + String(repeating: "X", count: 300),
            ]
        let process: Int32?
        do {
            process = try Process.fork()
        } catch {
            log.write(.alert, "fork() failed while spawning \"new binary process\"", error)
            restorePidFile("after an attempt to execute new binary process \"\(path)\"")
            return
        }
        guard let process else { execute(path, environment) }
        log.write(.notice, "start new binary process \(process)")
        newBinary = process
        children.append(Child(id: process, role: .newBinary, respawns: false, isNew: false))
    }

    private func execute(_ path: String, _ environment: [String]) -> Never {
        try? SignalSet([]).blockExactly()
        let error = Process.executeAgain(environment: environment)
        log.write(
            .alert, "execve() failed while executing new binary process \"\(path)\"", error)
        Process.exit(1)
    }

    /// The new binary has ended: this one is the server again.
    func returnFromUpgrade() {
        newBinary = nil
        restorePidFile("after the new binary process \"\(arguments.first ?? "")\" exited")
        if isNotAccepting {
            isNotAccepting = false
            wishes.restart = true
        }
    }

    private func restorePidFile(_ occasion: String) {
        let file = PidFile(path: core.pidFile)
        do {
            try File.rename(file.old.name, to: file.name)
        } catch {
            log.write(
                .alert, "rename() \(file.old.name) back to \(file.name) failed \(occasion)", error)
        }
    }
}
