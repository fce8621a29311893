/// The master's days: it waits for signals and does what they ask.
extension Master {
    /// Starts the workers and supervises them until the server ends; returns the exit code.
    func supervise() -> Int32 {
        Process.setTitle("\(identity.name): master process \(arguments.joined(separator: " "))")
        startWorkers(isReload: false)
        startAttendants(isReload: false)
        var ending = Ending()
        while true {
            let now = Process.monotonicMilliseconds
            let wait = wishes.terminate ? max(0, ending.due - now) : nil
            if let received = Self.signals.wait(milliseconds: wait) {
                note(received)
                while let more = Self.signals.wait(milliseconds: 0) { note(more) }
            }
            if wishes.reap {
                wishes.reap = false
                reap()
            }
            if wishes.terminate || wishes.quit, !hasLiveChildren { return finish() }
            if wishes.terminate {
                ending.insist(self)
                continue
            }
            if wishes.quit {
                signalChildren(.quit)
                closeSockets()
                continue
            }
            fulfil()
        }
    }

    /// The fast end: workers that do not go are told again after ever longer pauses, and killed after a second.
    private struct Ending {
        /// When the workers are told (again), on the monotonic clock.
        var due = 0
        private var pause = 0

        mutating func insist(_ master: Master) {
            let now = Process.monotonicMilliseconds
            guard now >= due else { return }
            pause = pause == 0 ? 50 : pause * 2
            due = now + pause
            master.signalChildren(pause > 1_000 ? .kill : .terminate)
        }
    }

    /// Does what was asked for, in nginx's order.
    private func fulfil() {
        if wishes.reload {
            wishes.reload = false
            reload()
        }
        if wishes.restart {
            wishes.restart = false
            startWorkers(isReload: false)
            startAttendants(isReload: false)
        }
        if wishes.reopen {
            wishes.reopen = false
            log.write(.notice, "reopening logs")
            cycle?.logs.reopen(owner: workerUser(core)?.user)
            signalChildren(.user1)
        }
        if wishes.upgrade {
            wishes.upgrade = false
            log.write(.notice, "changing binary")
            startNewBinary()
        }
        if wishes.stopAccepting {
            wishes.stopAccepting = false
            isNotAccepting = true
            signalChildren(.quit)
        }
    }

    /// Puts the configuration as it is now into effect: new workers first, then the old ones are told to end. A mistake in it
    /// leaves everything as it is.
    private func reload() {
        if newBinary != nil {
            // The way back: the old binary serves again.
            startWorkers(isReload: false)
            startAttendants(isReload: false)
            isNotAccepting = false
            return
        }
        log.write(.notice, "reconfiguring")
        guard (try? loadCycle()) != nil else { return }
        startWorkers(isReload: true)
        startAttendants(isReload: true)
        // Time for the new workers to be ready before the old ones stop accepting.
        Process.sleep(milliseconds: 100)
        signalChildren(.quit)
    }

    /// Logs a signal and notes what it asks for.
    func note(_ received: ReceivedSignal) {
        var action = ""
        var isIgnored = false
        switch received.signal {
        case .quit:
            wishes.quit = true
            action = ", shutting down"
        case .terminate, .interrupt:
            wishes.terminate = true
            action = ", exiting"
        case .windowChange where isDaemon:
            wishes.stopAccepting = true
            action = ", stop accepting connections"
        case .hangup:
            wishes.reload = true
            action = ", reconfiguring"
        case .user1:
            wishes.reopen = true
            action = ", reopening logs"
        case .user2:
            isIgnored = Process.parent == parent || newBinary != nil
            wishes.upgrade = !isIgnored
            action = isIgnored ? ", ignoring" : ", changing binary"
        case .child: wishes.reap = true
        default: break
        }
        log.note(received, action)
        if isIgnored {
            log.write(
                .crit,
                "the changing binary signal is ignored: you should shutdown or terminate "
                    + "before either old or new binary's process")
        }
    }

    // MARK: - The end

    private func finish() -> Int32 {
        removePidFile()
        log.write(.notice, "exit")
        closeSockets()
        return 0
    }

    func removePidFile() {
        let file = PidFile(path: core.pidFile)
        (newBinary == nil ? file : file.old).remove(log: log)
    }

    /// Files of Unix sockets stay if another binary listens on them.
    func closeSockets() {
        let isShared = newBinary != nil || (isSuccessor && Process.parent == parent)
        sockets.closeAll(removingFiles: !isShared, log: log)
    }
}
