/// `ssl_certificate_cache`: certificates and keys that were loaded while serving, because variables name them. Each worker has its
/// own.
final class TLSCertificateCache: @unchecked Sendable {
    /// What is kept at most.
    let limit: Int
    /// Seconds for which a file is not looked at again.
    let validity: Int
    /// Seconds after which what is not used is dropped.
    let inactivity: Int

    private enum Key: Hashable {
        case certificates(TLSSource), key(TLSSource)

        var source: TLSSource {
            switch self {
            case .certificates(let source), .key(let source): source
            }
        }
    }

    private final class Entry {
        let key: Key
        var object: AnyObject
        var version: FileVersion?
        var created: Int
        var accessed: Int
        /// Neighbours in the order of use.
        var newer: Entry?
        weak var older: Entry?

        init(key: Key, object: AnyObject, version: FileVersion?, now: Int) {
            self.key = key
            self.object = object
            self.version = version
            created = now
            accessed = now
        }
    }

    private var entries: [Key: Entry] = [:]
    private var oldest: Entry?
    private var newest: Entry?

    init(limit: Int, validity: Int, inactivity: Int) {
        self.limit = limit
        self.validity = validity
        self.inactivity = inactivity
    }

    deinit {
        // One after the other: a chain of owners would end as deep as it is long.
        while let entry = oldest {
            oldest = entry.newer
            entry.newer = nil
        }
    }

    var count: Int { entries.count }

    func certificates(
        _ source: TLSSource, now: Int, isFresh: Bool
    ) throws(TLSObjectError) -> TLSCertificates {
        try fetch(.certificates(source), now: now, isFresh: isFresh) { () throws(TLSObjectError) in
            try TLSCertificates.read(source, areAuthorities: false)
        }
    }

    func key(
        _ source: TLSSource, passwords: TLSPasswords, now: Int, isFresh: Bool
    ) throws(TLSObjectError) -> TLSKey {
        try fetch(.key(source), now: now, isFresh: isFresh) { () throws(TLSObjectError) in
            try TLSKey.read(source, passwords: passwords)
        }
    }

    private func fetch<T: AnyObject>(
        _ key: Key, now: Int, isFresh: Bool, _ read: () throws(TLSObjectError) -> T
    ) throws(TLSObjectError) -> T {
        if let known = entries[key], let object = known.object as? T {
            unlink(known)
            let current = FileVersion(of: key.source)
            let isData = if case .data = key.source { true } else { false }
            let isValid = !isFresh && now - known.created <= validity
            if !isData, !isValid {
                if isFresh || current == nil || current != known.version {
                    entries[key] = nil
                    return keep(try read(), for: key, version: current, now: now)
                }
                known.created = now
            }
            known.accessed = now
            linkAsNewest(known)
            return object
        }
        return keep(try read(), for: key, version: FileVersion(of: key.source), now: now)
    }

    private func keep<T: AnyObject>(_ object: T, for key: Key, version: FileVersion?, now: Int) -> T {
        // A key that a password protects is not kept without it.
        if (object as? TLSKey)?.wasEncrypted == true { return object }
        for _ in 0..<2 {
            guard let oldest, now - oldest.accessed > inactivity else { break }
            drop(oldest)
        }
        if entries.count >= limit, let oldest { drop(oldest) }
        let entry = Entry(key: key, object: object, version: version, now: now)
        entries[key] = entry
        linkAsNewest(entry)
        return object
    }

    private func drop(_ entry: Entry) {
        unlink(entry)
        entries[entry.key] = nil
    }

    private func linkAsNewest(_ entry: Entry) {
        entry.older = newest
        newest?.newer = entry
        newest = entry
        if oldest == nil { oldest = entry }
    }

    private func unlink(_ entry: Entry) {
        if entry.older == nil { oldest = entry.newer } else { entry.older?.newer = entry.newer }
        if entry.newer == nil { newest = entry.older } else { entry.newer?.older = entry.older }
        entry.newer = nil
        entry.older = nil
    }
}

extension Invocation {
    /// `off | max=N [inactive=time] [valid=time]`.
    func certificateCache() throws(ConfigurationError) -> TLSCertificateCache? {
        var limit = 0
        var inactivity = 10
        var validity = 60
        var isOff = false
        for word in arguments {
            let text = word.value
            if text.hasPrefix("max="), let count = Units.number(text.slice(4..<text.count)), count > 0 {
                limit = count
            } else if text.hasPrefix("inactive="), let time = Units.seconds(text.slice(9..<text.count)) {
                inactivity = time
            } else if text.hasPrefix("valid="), let time = Units.seconds(text.slice(6..<text.count)) {
                validity = time
            } else if text == "off" {
                isOff = true
            } else {
                throw invalidParameter(word)
            }
        }
        if isOff { return nil }
        guard limit > 0 else { throw fail("\"\(name)\" must have the \"max\" parameter") }
        return TLSCertificateCache(limit: limit, validity: validity, inactivity: inactivity)
    }
}
