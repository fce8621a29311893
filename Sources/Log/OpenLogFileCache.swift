/// Keeps the files of logs with variables in their paths open: `open_log_file_cache`.
final class OpenLogFileCache: @unchecked Sendable {
    /// The directive's parameters; times are in seconds.
    struct Limits: Equatable, Sendable {
        /// Files open at once; beyond, the one unused for longest is closed.
        var max = 0
        /// A file that was not used for so long is closed.
        var inactive = 10
        /// Uses within that time from which on a file stays open.
        var minUses = 1
        /// How often to check that the path still leads to the open file.
        var valid = 60

        init() {}
    }

    private final class Entry {
        var file: LogFile
        var uses = 0
        var lastUse = 0
        var checked = 0

        init(_ file: LogFile) {
            self.file = file
        }
    }

    private let limits: Limits
    private let kernel: Kernel
    private let entries = RecentTable<Entry>()

    init(_ limits: Limits, kernel: Kernel) {
        self.limits = limits
        self.kernel = kernel
    }

    /// Files that are open now.
    var openCount: Int { entries.values.count { $0.file.number >= 0 } }

    /// The file for `path`, open.
    func file(_ path: ByteString, _ links: LinkRule, at second: Int) throws(LogFileFailure) -> LogFile {
        while let oldest = entries.oldestValue, second - oldest.lastUse > limits.inactive { entries.removeOldest() }
        let entry: Entry
        if let known = entries.find(path.span) {
            entry = known
            if entry.file.links != links { entry.file = LogFile(path: path, kernel: kernel, links: links) }
        } else {
            if entries.count >= limits.max { entries.removeOldest() }
            entry = Entry(LogFile(path: path, kernel: kernel, links: links))
            entries.insert(entry, for: path.span)
        }
        entry.uses += 1
        entry.lastUse = second
        if entry.file.number >= 0, second - entry.checked >= limits.valid {
            entry.checked = second
            if !entry.file.isStillAtPath { entry.file = LogFile(path: path, kernel: kernel, links: links) }
        }
        if entry.file.number >= 0 { return entry.file }
        let file = LogFile(path: path, kernel: kernel, links: links)
        do { try file.open() } catch {
            entries.remove(path.span)
            throw error
        }
        entry.checked = second
        // Below that number of uses the file is closed when the caller lets go of it.
        if entry.uses >= limits.minUses { entry.file = file }
        return file
    }

    /// Closes all: after a rotation, so that new lines go to new files at once.
    func removeAll() {
        entries.removeAll()
    }
}
