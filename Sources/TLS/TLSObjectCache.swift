/// The certificates and keys that a configuration has loaded, each once however many servers name it. A reload takes over from the
/// configuration before what has not changed.
final class TLSObjectCache {
    private enum Key: Hashable {
        case certificates(TLSSource), key(TLSSource), authorities(TLSSource), revocations(TLSSource)

        var source: TLSSource {
            switch self {
            case .certificates(let source), .key(let source), .authorities(let source),
                .revocations(let source):
                source
            }
        }
    }

    private struct Entry {
        let object: AnyObject
        /// Of a file when it was read; nil for others.
        let version: FileVersion?
    }

    private var entries: [Key: Entry] = [:]
    private let previous: TLSObjectCache?
    /// `ssl_object_cache_inheritable`, as the configuration after this one sees it.
    var isInheritable = true

    /// - Parameter previous: that of the configuration before, which must not hold a third one for ever.
    init(previous: TLSObjectCache? = nil) {
        self.previous = previous
    }

    private func fetch<T: AnyObject>(
        _ key: Key, isFresh: Bool = false, _ read: () throws(TLSObjectError) -> T
    ) throws(TLSObjectError) -> T {
        let isFresh = if case .data = key.source { false } else { isFresh }
        if !isFresh, let known = entries[key]?.object as? T { return known }
        let version = FileVersion(of: key.source)
        if !isFresh, let previous, previous.isInheritable, let old = previous.entries[key],
            let object = old.object as? T, isSame(key.source, version, old.version)
        {
            entries[key] = Entry(object: object, version: version)
            return object
        }
        let object = try read()
        if (object as? TLSKey)?.wasEncrypted != true {
            entries[key] = Entry(object: object, version: version)
        }
        return object
    }

    private func isSame(_ source: TLSSource, _ new: FileVersion?, _ old: FileVersion?) -> Bool {
        if case .data = source { return true }
        guard let new else { return false }
        return new == old
    }

    /// A server's certificate with its chain. `isFresh`: not one that was read before.
    func certificates(_ source: TLSSource, isFresh: Bool = false) throws(TLSObjectError) -> TLSCertificates {
        try fetch(.certificates(source), isFresh: isFresh) { () throws(TLSObjectError) in
            try TLSCertificates.read(source, areAuthorities: false)
        }
    }

    func key(
        _ source: TLSSource, passwords: TLSPasswords?, isFresh: Bool = false
    ) throws(TLSObjectError) -> TLSKey {
        try fetch(.key(source), isFresh: isFresh) { () throws(TLSObjectError) in
            try TLSKey.read(source, passwords: passwords)
        }
    }

    func authorities(_ source: TLSSource) throws(TLSObjectError) -> TLSCertificates {
        try fetch(.authorities(source)) { () throws(TLSObjectError) in
            try TLSCertificates.read(source, areAuthorities: true)
        }
    }

    func revocations(_ source: TLSSource) throws(TLSObjectError) -> TLSRevocations {
        try fetch(.revocations(source)) { () throws(TLSObjectError) in
            try TLSRevocations.read(source)
        }
    }

    /// The cache without its predecessor: to be kept for the next configuration.
    func sealed() -> TLSObjectCache {
        let kept = TLSObjectCache()
        kept.entries = entries
        kept.isInheritable = isInheritable
        return kept
    }
}

/// What tells a file from another, or from an older one.
struct FileVersion: Equatable, Sendable {
    private let number: UInt64
    private let modified: Int
    private let modifiedNanoseconds: Int

    /// Nil for what is no file, or not there.
    init?(of source: TLSSource) {
        guard case .file(let path) = source else { return nil }
        let name = Buffer(capacity: path.count + 1)
        name.append(path)
        name.append(0)
        var status = FileStatus()
        guard Kernel().status(at: name, &status) >= 0 else { return nil }
        number = status.inode
        modified = status.modified
        modifiedNanoseconds = status.modifiedNanoseconds
    }
}
