/// A child on its way from the fork to its work: it gives up the master's rights and takes on the worker's limits.
struct WorkerStart {
    /// What a worker hears. All else that the master fetches stays blocked and is never fetched.
    static let signals = SignalSet([
        .terminate, .interrupt, .quit, .user1, .user2, .hangup, .windowChange,
    ])
    /// Ends a child that could not even start: it is not started again.
    static let fatalCode: Int32 = 2

    let number: Int
    let attendant: Attendant?
    let identity: Identity
    let listeners: [Listener]
    let user: WorkerUser?
    let isDaemon: Bool
    let master: Int32

    init(number: Int, attendant: Attendant?, master: Master) {
        self.number = number
        self.attendant = attendant
        identity = master.identity
        listeners = attendant == nil ? master.sockets.keep(forWorker: number) : []
        if attendant != nil { master.sockets.closeAll(removingFiles: false, log: master.log) }
        user = master.workerUser(master.core)
        isDaemon = master.isDaemon
        self.master = Process.parent
    }

    /// Does the child's work; returns its exit code.
    func run(_ cycle: any Cycle) -> Int32 {
        let log = cycle.logs.errorLog
        guard takeOn(cycle.core, log) else { return Self.fatalCode }
        let descriptor: SignalDescriptor
        do {
            try Self.signals.blockExactly()
            descriptor = try SignalDescriptor(Self.signals)
        } catch {
            log.write(.alert, "signalfd() failed", error)
            return Self.fatalCode
        }
        Process.setTitle("\(identity.name): \(attendant?.title ?? "worker process")")
        let context = WorkerContext(
            number: number, cycle: cycle, listeners: listeners, identity: identity,
            descriptor: descriptor, isAlone: false, isDaemon: isDaemon, master: master)
        if let attendant { return cycle.run(attendant, context) }
        let code = cycle.run(context)
        let last = context.cycle.logs.errorLog
        last.write(.notice, "exiting")
        last.write(.notice, "exit")
        return code
    }

    /// False after a failure that a worker must not outlive.
    private func takeOn(_ core: ProcessSettings, _ log: ErrorLog) -> Bool {
        Process.replaceEnvironment(WorkerEnvironment.entries(core.environment))
        if attendant == nil, core.priority != 0 {
            attempt("setpriority(\(core.priority))", log) { () throws(Errno) in
                try ProcessLimit.setPriority(core.priority)
            }
        }
        if let count = core.openFiles {
            attempt("setrlimit(RLIMIT_NOFILE, \(count))", log) { () throws(Errno) in
                try ProcessLimit.setOpenFiles(count)
            }
        }
        if let size = core.coreSize {
            attempt("setrlimit(RLIMIT_CORE, \(size))", log) { () throws(Errno) in
                try ProcessLimit.setCoreSize(size)
            }
        }
        if let user, !become(user, log) { return false }
        if attendant == nil, let set = core.affinity?.processors(forWorker: number) {
            confine(to: set, log)
        }
        attempt("prctl(PR_SET_DUMPABLE)", log) { () throws(Errno) in try Process.allowDumps() }
        attempt("prctl(PR_SET_NO_NEW_PRIVS)", log) { () throws(Errno) in
            try Process.forbidNewPrivileges()
        }
        if let directory = core.workingDirectory?.text {
            return attempt("chdir(\"\(directory)\")", log) { () throws(Errno) in
                try Process.changeDirectory(to: directory)
            }
        }
        return true
    }

    @discardableResult
    private func attempt(
        _ call: String, _ log: ErrorLog, level: LogLevel = .alert,
        _ body: () throws(Errno) -> Void
    ) -> Bool {
        do throws(Errno) {
            try body()
            return true
        } catch {
            log.write(level, "\(call) failed", error)
            return false
        }
    }

    private func become(_ user: WorkerUser, _ log: ErrorLog) -> Bool {
        guard Account.isSuperuser else { return true }
        let hasGroup = attempt("setgid(\(user.group))", log, level: .emerg) {
            () throws(Errno) in try Account.become(group: user.group)
        }
        guard hasGroup else { return false }
        attempt("initgroups(\(user.name), \(user.group))", log, level: .emerg) {
            () throws(Errno) in try Account.joinGroups(of: user.name, and: user.group)
        }
        return attempt("setuid(\(user.user))", log, level: .emerg) { () throws(Errno) in
            try Account.become(user: user.user)
        }
    }

    private func confine(to set: ProcessorSet, _ log: ErrorLog) {
        for member in set.members {
            log.write(.notice, "sched_setaffinity(): using cpu #\(member)")
        }
        attempt("sched_setaffinity()", log) { () throws(Errno) in try set.confineProcess() }
    }
}
