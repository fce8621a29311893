/// The program from its command line on: does what the options ask and, if that is to serve, becomes the master.
enum Supervisor {
    /// Runs the program and returns its exit code.
    ///
    /// - Parameters:
    ///   - arguments: with the program's name first.
    ///   - service: made once the command line is known to be right; it lives in the master.
    static func run(
        _ arguments: [String], build: BuildDescription,
        service makeService: (Identity) -> any Service
    ) -> Int32 {
        let identity = Identity(program: arguments.first ?? "apus", build: build)
        let options: CommandLineOptions
        do {
            options = try CommandLineOptions(Array(arguments.dropFirst()))
        } catch {
            complain("\(identity.name): \(error.message)\n")
            return 1
        }
        if options.showsVersion {
            complain(identity.versionLine)
            if options.showsHelp { complain(identity.helpText) }
            if options.showsBuild { complain(identity.buildText) }
            if !options.tests { return 0 }
        }
        let master = makeMaster(options, identity, arguments, service: makeService)
        if options.tests { return master.test() }
        if let command = options.command { return master.send(command) }
        return master.serve()
    }

    /// A function of its own, so that nothing holds on to the built-in log when a cycle's log has taken its place.
    private static func makeMaster(
        _ options: CommandLineOptions, _ identity: Identity, _ arguments: [String],
        service makeService: (Identity) -> any Service
    ) -> Master {
        let environment = LogEnvironment(program: ByteString(identity.name))
        let start = StartOptions(
            options, identity: identity, logEnvironment: environment,
            log: startLog(options, environment))
        return Master(start: start, service: makeService(identity), arguments: arguments)
    }

    /// The built-in log, until a configuration names another.
    private static func startLog(
        _ options: CommandLineOptions, _ environment: LogEnvironment
    ) -> ErrorLog {
        let prefix = options.prefix ?? DefaultPath.prefix
        let files = LogFiles(
            environment: environment, prefix: prefix.hasSuffix("/") ? prefix : prefix + "/")
        let path = options.errorLog ?? DefaultPath.errorLog
        let level: LogLevel = options.tests ? .info : .notice
        if !path.isEmpty {
            let file = files.file(path)
            do {
                try file.open()
                files.errorLog.add(ErrorLogTarget(sink: .file(file), level: level))
                return files.errorLog
            } catch {
                environment.writeToStandardError(
                    .alert,
                    ByteString(
                        "could not open error log file: \(error.message)"))
            }
        }
        files.errorLog.add(ErrorLogTarget(sink: .file(files.standardError()), level: level))
        return files.errorLog
    }

    /// Writes to the standard error stream, where nginx writes all it says on the command line.
    static func complain(_ text: String) {
        Process.complain(text)
    }
}
