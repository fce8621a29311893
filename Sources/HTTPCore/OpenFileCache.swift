/// Open files, folders and failures by path, kept for requests to come: `open_file_cache`. Each directive has a cache of its own,
/// and each worker its own copy of it.
///
/// nginx's rules: what was found holds for `open_file_cache_valid` without another look at the path. Then the path is looked at
/// again, and what is unchanged goes on.
final class OpenFileCache: @unchecked Sendable {
    struct Limits: Equatable, Sendable {
        /// Paths that are known at once; beyond, the one unused for longest goes.
        var max: Int
        /// Seconds without a use after which a path is forgotten.
        var inactive = 60
    }

    /// What the location says about how the cache is used.
    struct Rules: Equatable, Sendable {
        /// Seconds for which what was found holds.
        var valid = 60
        /// Uses from which on a file stays open.
        var minUses = 1
        /// Failures are kept, too.
        var keepsErrors = false
    }

    enum Found {
        case file(OpenFile)
        case folder(FileStatus)
        /// Neither of them, such as a named pipe.
        case other(FileStatus)
        case failed(OpenFailure)
    }

    private final class Entry {
        /// Nil: a file that was not used often enough to stay open.
        var found: Found?
        /// The rule that it was looked for by.
        var links = LinkRule()
        var uses = 1
        /// Seconds of the last look and of the last use.
        var checked = 0
        var used = 0
    }

    private let limits: Limits
    private let entries = RecentTable<Entry>()

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// What is at a path, which ends with a NUL.
    func open(
        _ path: Buffer, _ rules: Rules, _ links: LinkRule, kernel: Kernel, second: Int, readAhead: Int
    ) -> Found {
        let key = path.span(0..<path.count - 1)
        expire(at: second)
        let entry: Entry
        if let known = entries.find(key) {
            known.uses += 1
            known.used = second
            if let found = known.found, known.links == links, holds(known, found, path, rules, kernel, second) { return found }
            entry = known
        } else {
            if entries.count >= limits.max { entries.removeOldest() }
            entry = Entry()
            entry.used = second
            entries.insert(entry, for: key)
        }
        let found = OpenFile.look(at: path, links, kernel: kernel, readAhead: readAhead)
        entry.checked = second
        entry.links = links
        switch found {
        case .failed where !rules.keepsErrors: entries.remove(key)
        case .file where entry.uses < rules.minUses: entry.found = nil
        default: entry.found = found
        }
        return found
    }

    /// Whether what was found still holds; a file that is unchanged goes on with the descriptor it has.
    private func holds(
        _ entry: Entry, _ found: Found, _ path: Buffer, _ rules: Rules, _ kernel: Kernel, _ second: Int
    ) -> Bool {
        if second - entry.checked < rules.valid { return true }
        guard case .file(let file) = found else { return false }
        var status = FileStatus()
        guard entry.links.look(at: path, kernel: kernel, &status) == nil, status == file.status else { return false }
        entry.checked = second
        return true
    }

    /// As in nginx, each use forgets at most two paths that nobody has used for long.
    private func expire(at second: Int) {
        for _ in 0..<2 {
            guard let oldest = entries.oldestValue, second - oldest.used > limits.inactive else { return }
            entries.removeOldest()
        }
    }
}

extension OpenFile {
    /// Larger files are read ahead where that is asked for, as in nginx.
    private static let leastReadAhead = 128 * 1_024

    /// Opens what is at a path, which ends with a NUL.
    static func look(
        at path: Buffer, _ links: LinkRule = LinkRule(), kernel: Kernel, readAhead: Int
    ) -> OpenFileCache.Found {
        let descriptor: Int32
        switch links.open(path, kernel: kernel) {
        case .opened(let number): descriptor = number
        case .failed(let failure): return .failed(failure)
        }
        var status = FileStatus()
        let statusCode = kernel.status(of: descriptor, &status)
        if statusCode >= 0, status.isRegular {
            if readAhead > 0, status.size > leastReadAhead { _ = kernel.readAhead(descriptor) }
            return .file(OpenFile(descriptor: descriptor, status: status, kernel: kernel))
        }
        kernel.close(descriptor)
        if statusCode < 0 { return .failed(OpenFailure("fstat()", statusCode)) }
        return status.isDirectory ? .folder(status) : .other(status)
    }
}
