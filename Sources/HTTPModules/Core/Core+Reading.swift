/// Directives about how files are read.
extension Core {
    private static let slot = CoreSettings.slot

    static var readingRows: [Row] {
        [
            .value(
                "aio", in: .request, .one, slot, \.readers,
                "Who reads what is not in the page cache of large files, so that the worker does not wait for a disk.",
                syntax: "off | on | threads[=pool]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try readReaders(invocation)
            },
            .flag(
                "aio_write", in: .request, slot, \.threadsWrite,
                "Whether threads, where they read files, too, write answers of upstreams to temporary files."),
            .value(
                "directio", in: .request, .one, slot, \.directSize,
                "The size from which on files do not stay in the page cache when they are sent.", syntax: "size | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                invocation[0] == "off" ? nil : try invocation.offset()
            },
            .offset(
                "directio_alignment", in: .request, slot, \.directAlignment,
                "What the parts begin and end at that are read of such files."),
        ]
    }

    /// `on` is the kernel's own asynchronous reads. Those that nginx means by it wait all the same, so that threads read where there is
    /// no ring.
    private static func readReaders(_ invocation: Invocation) throws(ConfigurationError) -> FileReaders? {
        switch invocation[0] {
        case "off": return nil
        case "on": return FileReaders(pool: Template(constant: ThreadPool.standard.name), prefersKernel: true)
        case "threads": return FileReaders(pool: Template(constant: ThreadPool.standard.name))
        default: break
        }
        guard let name = invocation[0].value(of: "threads=") else { throw invocation.refuse("invalid value") }
        let pool = try Template(
            compiling: name, registry: try invocation.http().registry, at: invocation.arguments[0].position)
        if let known = pool.constant, let builder = invocation.builder as? ConfigurationBuilder {
            builder.threadPools.append((known, invocation.directive.terminator))
        }
        return FileReaders(pool: pool)
    }
}
