extension StartOptions {
    /// Reports a mistake, or something worth saying, in the configuration: nginx's line to the log, and to the terminal while
    /// there is one, there with our advice below.
    func report(_ error: ConfigurationError, in source: ConfigurationSource) {
        let diagnostic = source.diagnostic(for: error)
        let level = LogLevel(named: ByteString(diagnostic.level)) ?? .emerg
        log.write(level, diagnostic.message)
        guard logEnvironment.echoesToStandardError, level <= .warn else { return }
        for line in diagnostic.advice { Supervisor.complain("    \(line)\n") }
    }
}
