/// What the command line asks for besides serving.
extension Master {
    /// `-t` and `-T`: loads and opens everything as a start would, says how it went, and ends.
    func test() -> Int32 {
        let file = start.configurationFile
        let next: any Cycle
        do {
            next = try read()
            try openForTest(next)
        } catch {
            Supervisor.complain("\(identity.name): configuration file \(file) test failed\n")
            return 1
        }
        if !start.isQuiet {
            Supervisor.complain("\(identity.name): configuration file \(file) test is successful\n")
        }
        if start.dumps {
            let text = Buffer(capacity: 65_536)
            next.appendDump(to: text)
            try? File.write(Array(copying: text.span), to: 1)
        }
        return 0
    }

    /// `-s`: reads the configuration for the pid file's path and sends the running master a signal.
    func send(_ command: CommandLineOptions.Command) -> Int32 {
        guard let next = try? read() else { return 1 }
        log.write(.notice, "signal process started")
        guard let process = PidFile(path: next.core.pidFile).read(log: log) else { return 1 }
        let signal: Signal =
            switch command {
            case .stop: .terminate
            case .quit: .quit
            case .reopen: .user1
            case .reload: .hangup
            }
        do {
            try Process.send(signal, to: process)
        } catch {
            log.write(.alert, "kill(\(process), \(signal.number)) failed", error)
            return 1
        }
        return 0
    }
}
