/// The directives about processes, at the top level and in `events`.
enum CoreDirectives {
    /// All rows. The caller owns the slot, whose settings are those of the outermost scope.
    static func rows(_ slot: Slot<ProcessSettings>) -> [Row] {
        processRows(slot) + workerRows(slot) + limitRows(slot) + otherRows(slot)
            + eventRows(slot)
    }

    private static func processRows(_ slot: Slot<ProcessSettings>) -> [Row] {
        [
            .flag(
                "daemon", in: .main, slot, \.runsInBackground,
                "Whether the server leaves the terminal and runs in the background."),
            .flag(
                "master_process", in: .main, slot, \.hasMaster,
                "Whether workers are processes of their own. Off is for development."),
            .value(
                "pid", in: .main, .one, slot, \.pidFile,
                "The file that holds the master's process number.", syntax: "file"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation[0].isEmpty ? DefaultPath.processNumber : invocation.path(invocation[0])
            },
            .value(
                "worker_processes", in: .main, .one, slot, \.workerProcesses,
                "How many workers serve clients; `auto`: as many as the processors that this process "
                    + "may use, by its affinity and its control group's quota.",
                syntax: "number | auto"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                if invocation[0] == "auto" { return Processors.usable() }
                guard let count = Units.number(invocation[0]) else {
                    throw invocation.refuse("invalid value")
                }
                return count
            },
            .milliseconds(
                "worker_shutdown_timeout", in: .main, slot, \.shutdownTimeout,
                "How long a worker that is to end waits for its connections before it closes them."),
            .milliseconds(
                "timer_resolution", in: .main, slot, \.timerResolution,
                "How often the time is read; by default at each turn of the event loop."),
            .ignored(
                "lock_file", in: .main, .one,
                "The file for locks on systems without atomic operations.",
                reason: "Linux has atomic operations: no file is needed"),
        ]
    }

    private static func workerRows(_ slot: Slot<ProcessSettings>) -> [Row] {
        [
            .custom(
                "user", in: .main, .between(1, 2),
                "The user, and the group if it is not named like the user, that workers become.",
                mayRepeat: false, syntax: "user [group]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                guard Account.isSuperuser else {
                    invocation.warn(
                        "the \"user\" directive makes sense only if the master process runs "
                            + "with super-user privileges, ignored")
                    return
                }
                let user = try workerUser(&invocation)
                invocation.write(slot) { $0.user = user }
            },
            .value(
                "worker_priority", in: .main, .one, slot, \.priority,
                "The nice value of workers: a negative number is more priority.",
                syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let text = invocation[0]
                let isNegative = text.hasPrefix("-")
                let digits = isNegative || text.hasPrefix("+") ? text.slice(1..<text.count) : text
                guard let number = Units.number(digits) else {
                    throw invocation.refuse("invalid number")
                }
                return isNegative ? -number : number
            },
            .value(
                "worker_cpu_affinity", in: .main, .atLeast(1), slot, \.affinity,
                "The processors that workers are confined to: a binary mask for each worker, or `auto`.",
                syntax: "cpumask ... | auto [cpumask]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try affinity(&invocation)
            },
            .value(
                "working_directory", in: .main, .one, slot, \.workingDirectory,
                "Where workers change to: core files are written there.", syntax: "directory"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in invocation[0] },
            .custom(
                "env", in: .main, .one,
                "A variable of the environment to keep for workers, or with a value to set.",
                syntax: "variable[=value]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let entry = invocation[0]
                invocation.write(slot) { $0.environment.append(entry) }
            },
        ]
    }

    private static func limitRows(_ slot: Slot<ProcessSettings>) -> [Row] {
        [
            .value(
                "worker_rlimit_nofile", in: .main, .one, slot, \.openFiles,
                "The most files a worker may have open.", syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.number()
            },
            .value(
                "worker_rlimit_core", in: .main, .one, slot, \.coreSize,
                "The largest core file a worker may leave.", syntax: "size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try invocation.offset()
            },
        ]
    }

    private static func otherRows(_ slot: Slot<ProcessSettings>) -> [Row] {
        [
            .ignored(
                "debug_points", in: .main, .one, "What a process does that finds itself in a state that should not be.",
                reason: "a process in a state that should not be always ends, with a core file where the system writes one",
                syntax: "stop | abort"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                _ = try invocation.choice(of: ["stop", "abort"], invocation.arguments[0])
            },
            .ignoredFlag(
                "pcre_jit", in: .main, "Whether regular expressions are compiled to machine code.",
                reason: "all of a configuration are"),
            .flag(
                "ssl_object_cache_inheritable", in: .main, slot, \.inheritsTLSObjects,
                "Whether certificates and keys are kept over a reload."),
            .unsupported(
                "ssl_engine", in: .main, "The hardware accelerator for TLS.",
                advice: "remove the directive: OpenSSL 3 configures providers in its own file"),
            .custom(
                "load_module", in: .main, .one,
                "Loads a module. Apus has none to load: its modules are built in.", syntax: "file"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                // Debian's modules-enabled files have such lines; they must not keep the server from starting.
                var notice = invocation.fail(
                    "the module \"\(invocation[0])\" is not loaded: Apus comes with its modules; load_module is ignored"
                )
                notice.level = .notice
                invocation.scope.evaluation.warn(notice)
            },
            .custom(
                "thread_pool", in: .main, .between(2, 3), "A pool of threads for reading files (`aio`), and writing temporary ones (`aio_write`).",
                syntax: "name threads=number [max_queue=number]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let pool = try threadPool(&invocation, known: invocation[slot].threadPools)
                invocation.write(slot) { $0.threadPools.append(pool) }
            },
        ]
    }
}
