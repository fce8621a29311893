/// What a configuration is loaded with: the same at the start and at every reload.
final class StartOptions {
    let identity: Identity
    /// Ends with a slash: relative paths of most directives start here.
    let prefix: ByteString
    /// Ends with a slash: the main file's directory, where `include` starts.
    let configurationPrefix: ByteString
    /// The main file's full path.
    let configurationFile: ByteString
    /// Directives from `-g`.
    let directives: ByteString?
    /// Where errors go if the configuration names no file; empty: the standard error stream.
    let errorLogPath: ByteString
    /// `-t`: nothing may be changed that a running server would notice.
    let isTesting: Bool
    /// Only the path of the running master's pid file is wanted (`-s`).
    let isSignalling: Bool
    let isQuiet: Bool
    let dumps: Bool
    let logEnvironment: LogEnvironment
    /// Where to report while there is no cycle: the built-in log, later the present cycle's.
     var log: ErrorLog

    init(
        _ options: CommandLineOptions, identity: Identity, logEnvironment: LogEnvironment,
        log: ErrorLog
    ) {
        self.identity = identity
        var prefix = options.prefix ?? DefaultPath.prefix
        if !prefix.isEmpty, !prefix.hasSuffix("/") { prefix = prefix + "/" }
        self.prefix = prefix
        var file = options.configuration ?? DefaultPath.configuration
        // Like nginx: a prefix moves the default configuration too, since its path is relative to the prefix.
        if options.configuration == nil, options.prefix != nil { file = "nginx.conf" }
        if !file.hasPrefix("/") { file = prefix + file }
        configurationFile = file
        let slash = file.span.lastIndex(of: ASCII.slash)
        configurationPrefix = slash.map { file.slice(0..<$0 + 1) } ?? prefix
        directives = options.directives
        errorLogPath = options.errorLog ?? DefaultPath.errorLog
        isTesting = options.tests
        isSignalling = options.command != nil
        isQuiet = options.isQuiet
        dumps = options.dumps
        self.logEnvironment = logEnvironment
        self.log = log
    }
}
