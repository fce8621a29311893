/// Reads configurations for the master.
final class SiteService: Service {
    private let identity: ServerIdentity
    private let table: RowTable
    private let files: any ConfigurationFiles
    /// Counted over all reloads.
    private var counters: ConnectionCounters?
    /// The certificates and keys of the configuration before, which the next one takes over where their files are the same.
    private var tlsObjects: TLSObjectCache?

    /// - Parameter files: where configurations are read from.
    init(identity: Identity, files: any ConfigurationFiles = SystemFiles()) {
        self.files = files
        let product = identity.product.split(separator: "/")
        self.identity = ServerIdentity(
            name: ByteString(identity.name), version: ByteString(String(product.last ?? "")))
        table = RowTable(
            CoreDirectives.rows(SiteCycle.coreSlot) + [ErrorLogDirective.row(in: .main)]
                + Roster.rows)
    }

    func load(
        _ options: StartOptions, previous: (any Cycle)?
    ) throws(StartFailure) -> any Cycle {
        let source = ConfigurationSource(
            files: files, configurationPrefix: options.configurationPrefix)
        let evaluation = Evaluation(
            prefix: options.prefix, configurationPrefix: options.configurationPrefix)
        let logs = LogFiles(environment: options.logEnvironment, prefix: options.prefix)
        let builder = ConfigurationBuilder(
            logFiles: logs, zones: SharedZones(), identity: identity,
            counters: try sharedCounters(options), evaluation: evaluation,
            tlsObjects: TLSObjectCache(previous: tlsObjects))
        defer { builder.http?.dissolve() }
        let root = Scope(evaluation: evaluation, builder: builder)
        let tree = source.read(options.configurationFile, parameters: options.directives)
        do throws(ConfigurationError) {
            try Evaluator(table).evaluate(tree, in: root)
            logs.addDefaultErrorLog(options.errorLogPath)
            try checkThreadPools(builder, root[SiteCycle.coreSlot].threadPools)
            let http = builder.http == nil ? nil : try HTTPFreezing(builder)
            for warning in evaluation.warnings { options.report(warning, in: source) }
            builder.tlsObjects.isInheritable = root[SiteCycle.coreSlot].inheritsTLSObjects
            tlsObjects = builder.tlsObjects.sealed()
            return SiteCycle(
                core: root[SiteCycle.coreSlot], logs: logs, zones: builder.zones, http: http,
                counters: builder.counters, source: source,
                workerFolders: evaluation.workerFolders, sharedFolders: evaluation.sharedFolders)
        } catch {
            for warning in evaluation.warnings { options.report(warning, in: source) }
            options.report(error, in: source)
            throw StartFailure()
        }
    }

    /// Pools may stand behind the places that name them.
    private func checkThreadPools(_ builder: ConfigurationBuilder, _ known: [ThreadPool]) throws(ConfigurationError) {
        for use in builder.threadPools where use.name != ThreadPool.standard.name && !known.contains(where: { $0.name == use.name }) {
            throw ConfigurationError(
                "unknown thread pool \"\(use.name)\"", position: use.position,
                advice: "at the top level, thread_pool makes one")
        }
    }

    private func sharedCounters(
        _ options: StartOptions
    ) throws(StartFailure) -> ConnectionCounters {
        if let counters { return counters }
        do throws(Errno) {
            let made = try ConnectionCounters()
            counters = made
            return made
        } catch {
            options.log.write(.emerg, connection: 0, errno: error) { $0.append("mmap() failed") }
            throw StartFailure()
        }
    }
}
