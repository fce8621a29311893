/// The way from the command line to a running server.
extension Master {
    /// The signals that the master fetches; blocked, and so kept, from the start on.
    static let signals = SignalSet([
        .child, .alarm, .interrupt, .hangup, .user1, .windowChange, .terminate, .quit, .user2,
    ])

    /// Starts the server; returns when it has ended, or in the parent that it left in the background.
    func serve() -> Int32 {
        adoptSockets()
        do {
            try loadCycle()
        } catch {
            return 1
        }
        noteSystem()
        Self.dispose()
        if core.runsInBackground, !isSuccessor {
            switch leaveTerminal() {
            case .parent(let code): return code
            case .failed: return 1
            case .child(let word): return goOn { word.give() }
            }
        }
        return goOn {}
    }

    /// Goes on in the process that stays. `ready` is called when the server may be called started.
    private func goOn(ready: () -> Void) -> Int32 {
        isDaemon = core.runsInBackground || isSuccessor
        do {
            try PidFile(path: core.pidFile).write(Process.id, log: log)
        } catch {
            return 1
        }
        ready()
        cycle?.logs.redirectStandardError()
        start.logEnvironment.echoesToStandardError = false
        Process.setName(identity.name)
        return core.hasMaster ? supervise() : serveAlone()
    }

    /// A binary that is exchanged hands its sockets to the next one in the environment.
    private func adoptSockets() {
        guard let list = Process.environmentValue("NGINX") else { return }
        sockets.inherit(list, log: log)
        isSuccessor = true
    }

    /// Sets what becomes of signals, whatever the starting process had set.
    private static func dispose() {
        Signal.pipe.ignore()
        Signal.badSystemCall.ignore()
        Signal.child.restoreDefault()
        try? signals.block()
    }

    private enum Fork {
        /// The exit code of the process that was started from outside.
        case parent(Int32)
        case child(ParentsWait)
        case failed
    }

    /// Goes on in a child. The parent ends only when the child has written the pid file: systemd looks for it then, and with
    /// nginx it sometimes is too early.
    private func leaveTerminal() -> Fork {
        let outer = Process.id
        let wait: ParentsWait
        do {
            wait = try ParentsWait()
        } catch {
            log.write(.emerg, "pipe() failed", error)
            return .failed
        }
        do {
            guard try Process.fork() == nil else { return .parent(wait.wasGiven() ? 0 : 1) }
        } catch {
            log.write(.emerg, "fork() failed", error)
            return .failed
        }
        wait.isChild()
        do {
            try Process.startSession()
        } catch {
            log.write(.emerg, "setsid() failed", error)
            return .failed
        }
        parent = outer
        Process.clearFileMask()
        if let (call, error) = Process.detachStandardStreams() {
            log.write(.emerg, "\(call) failed", error)
            return .failed
        }
        return .child(wait)
    }

    private func noteSystem() {
        log.write(.notice, identity.product)
        log.write(.notice, "built by \(identity.build.compiler)")
        log.write(.notice, "OS: \(OperatingSystem.description)")
        if let limit = try? ProcessLimit.openFiles() {
            log.write(.notice, "getrlimit(RLIMIT_NOFILE): \(limit.soft):\(limit.hard)")
        }
    }
}
