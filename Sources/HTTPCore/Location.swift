/// A `location` block, or the part of a `server` or `if` block that answers like one. Frozen when the configuration is.
final class Location {
    enum Kind {
        /// The server itself: what no location matches.
        case server
        case exact, prefix, prefixWithoutRegex, named
        case regex(Regex)
        /// `if` in a location, `limit_except`: matched by their own rules.
        case nested
    }

    let kind: Kind
    /// The path or name as configured; for regular expressions the pattern.
    let name: ByteString
    let settings: SettingsTable
    /// The core's settings, fetched once.
    let core: Box<CoreSettings>
    let errorLog: ErrorLog
    /// Locations within this one.
    var children = LocationTree()
    /// The parent; nil for a server's root.
    unowned let parent: Location?
    /// The steps of each phase that this location needs: codes of the roster's handlers.
    var plan = Plan()
    /// The roster's code of the handler that answers instead of the content phase, 0 for none.
    var contentHandler: UInt8 = 0
    /// A redirect to the path with a slash is due when it is asked for without (`location /a/ { proxy_pass … }`).
    var redirectsToSlash = false
    /// The methods that `limit_except` lets pass, and what holds for the others.
    var limitExcept: (methods: UInt32, location: Location)?
    /// What the rewriting directives of this very block do; nil if it has none.
    var program: RewriteProgram?
    /// `try_files` of this very block.
    var tryFiles: TryFiles?
    /// `root` or `alias` was set in this very block.
    var setsAlias = false

    init(
        kind: Kind, name: ByteString, settings: SettingsTable, errorLog: ErrorLog,
        parent: Location?
    ) {
        self.kind = kind
        self.name = name
        self.settings = settings
        self.core = settings.box(CoreSettings.slot)
        self.errorLog = errorLog
        self.parent = parent
    }

    /// The settings of a module in this location.
    func settings<S>(_ slot: Slot<S>) -> Box<S> {
        settings.box(slot)
    }

    var isNamed: Bool { if case .named = kind { true } else { false } }
    var isRegex: Bool { if case .regex = kind { true } else { false } }
    var isExact: Bool { if case .exact = kind { true } else { false } }
}

/// The flat list of steps that a location's requests really go through; codes are the roster's.
struct Plan: Sendable {
    var postRead: [UInt8] = []
    var serverRewrite: [UInt8] = []
    var rewrite: [UInt8] = []
    var preaccess: [UInt8] = []
    var access: [UInt8] = []
    var precontent: [UInt8] = []
    var content: [UInt8] = []
    var log: [UInt8] = []
    var headerFilters: [UInt8] = []

    init() {}
}

/// The locations of a server or of a location, ready to be searched.
///
/// Prefixes are sorted, so that one binary search finds the longest: each entry knows the longest entry that is a proper
/// prefix of it.
struct LocationTree {
    private var prefixes: [Entry] = []
    private var exact: [Entry] = []
    private(set) var regexes: [Location] = []
    private(set) var named: [Location] = []

    private struct Entry {
        let name: ByteString
        let location: Location
        /// Index of the longest shorter prefix, or -1.
        var enclosing = -1
    }

    init() {}

    /// Sorts locations into what `find` searches; two of the same kind and name were refused before.
    init(_ locations: [Location]) {
        for location in locations {
            switch location.kind {
            case .exact: exact.append(Entry(name: location.name, location: location))
            case .prefix, .prefixWithoutRegex:
                prefixes.append(Entry(name: location.name, location: location))
            case .regex: regexes.append(location)
            case .named: named.append(location)
            case .server, .nested: break
            }
        }
        exact.sort { $0.name < $1.name }
        prefixes.sort { $0.name < $1.name }
        var stack: [Int] = []
        for index in prefixes.indices {
            while let top = stack.last, !prefixes[index].name.hasPrefix(prefixes[top].name) {
                stack.removeLast()
            }
            prefixes[index].enclosing = stack.last ?? -1
            stack.append(index)
        }
    }

    var isEmpty: Bool {
        prefixes.isEmpty && exact.isEmpty && regexes.isEmpty && named.isEmpty
    }

    var all: [Location] {
        exact.map(\.location) + prefixes.map(\.location) + regexes + named
    }

    /// The location with exactly this path (`location = path`).
    func exactMatch(_ path: Span<UInt8>) -> Location? {
        guard let index = Self.lastNotAfter(path, in: exact), exact[index].name.equals(path)
        else { return nil }
        return exact[index].location
    }

    /// The location with the longest prefix of this path.
    func longestPrefix(of path: Span<UInt8>) -> Location? {
        guard var index = Self.lastNotAfter(path, in: prefixes) else { return nil }
        while index >= 0 {
            if prefixes[index].name.isPrefix(of: path) { return prefixes[index].location }
            index = prefixes[index].enclosing
        }
        return nil
    }

    /// A location whose name is this path and a slash, and that asks for a redirect there.
    func slashRedirect(for path: Span<UInt8>) -> Location? {
        Self.slashRedirect(for: path, in: prefixes) ?? Self.slashRedirect(for: path, in: exact)
    }

    private static func slashRedirect(for path: Span<UInt8>, in entries: [Entry]) -> Location? {
        if entries.isEmpty { return nil }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].name.compare(path) <= 0 { low = middle + 1 } else { high = middle }
        }
        while low < entries.count, entries[low].name.hasPrefix(path) {
            let entry = entries[low]
            if entry.name.count == path.count + 1, entry.name[path.count] == ASCII.slash {
                return entry.location.redirectsToSlash ? entry.location : nil
            }
            // Names between `path` and `path/` sort before the slash; there are few.
            if entry.name[path.count] > ASCII.slash { return nil }
            low += 1
        }
        return nil
    }

    func named(_ name: Span<UInt8>) -> Location? {
        for location in named where location.name.equals(name) { return location }
        return nil
    }

    /// The last entry whose name is not after `path` in order, or nil.
    private static func lastNotAfter(_ path: Span<UInt8>, in entries: [Entry]) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].name.compare(path) <= 0 { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }
}
