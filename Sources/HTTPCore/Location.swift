/// A `location` block, or the part of a `server` or `if` block that answers like one. Frozen when the configuration is.
final class Location {
    enum Kind {
        /// The server itself: what no location matches.
        case server
        case exact, prefix, prefixWithoutRegex, named
        case regex(Regex)
        /// `if` in a location, `limit_except`: matched by their own rules.
        case nested

        /// How a location is found by its name.
        enum Way: Hashable {
            case exact, prefix, named
        }

        /// Nil for those that may be there twice.
        var way: Way? {
            switch self {
            case .exact: .exact
            case .prefix, .prefixWithoutRegex: .prefix
            case .named: .named
            case .server, .regex, .nested: nil
            }
        }
    }

    let kind: Kind
    /// The path or name as configured; for regular expressions the pattern.
    let name: ByteString
    let settings: SettingsTable
    /// The core's settings, fetched once.
    let core: Box<CoreSettings>
    let errorLog: ErrorLog
    /// Locations within this one, if there are any.
    let children = LentIfAny<LocationTree>()
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
    var postRead = Steps()
    var serverRewrite = Steps()
    var rewrite = Steps()
    var preaccess = Steps()
    var access = Steps()
    var precontent = Steps()
    var content = Steps()
    var log = Steps()
    var headerFilters = Steps()
    /// Some filter wants to know the file that a body is.
    var wantsSources = false

    init() {}
}

/// The codes of the handlers that a phase asks one after the other: 32 at most, packed into words, so that walking them
/// counts no references.
struct Steps: Sendable {
    private var words = SIMD4<UInt64>()
    private(set) var count = 0

    init() {}

    init(_ codes: [UInt8]) {
        for code in codes { append(code) }
    }

    subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return UInt8(truncatingIfNeeded: words[index >> 3] >> UInt64((index & 7) * 8))
    }

    var indices: Range<Int> { 0..<count }

    mutating func append(_ code: UInt8) {
        precondition(count < 32, "a phase asks up to 32 handlers")
        words[count >> 3] |= UInt64(code) << UInt64((count & 7) * 8)
        count += 1
    }
}

/// The locations of a server or of a location, ready to be searched.
///
/// Prefixes are sorted, so that one binary search finds the longest: each entry knows the longest entry that is a proper
/// prefix of it.
final class LocationTree {
    private let prefixes: [Entry]
    /// Those of the prefixes, in their order.
    let prefixLocations: [Location]
    private let exact: [Entry]
    let regexes: [Location]
    let named: [Location]
    /// Some location wants the slash that a path lacks.
    private let redirectsToSlash: Bool

    private struct Entry {
        let name: ByteString
        let location: Location
        /// Index of the longest shorter prefix, or -1.
        var enclosing = -1
    }

    /// Sorts locations into what `find` searches; two of the same kind and name were refused before.
    init(_ locations: [Location]) {
        var exact: [Entry] = []
        var prefixes: [Entry] = []
        var regexes: [Location] = []
        var named: [Location] = []
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
        self.exact = exact
        self.prefixes = prefixes
        prefixLocations = prefixes.map(\.location)
        self.regexes = regexes
        self.named = named
        redirectsToSlash = locations.contains { $0.redirectsToSlash }
    }

    var all: [Location] {
        exact.map(\.location) + prefixes.map(\.location) + regexes + named
    }

    /// The location with exactly this path (`location = path`).
    func exactMatch(_ path: Span<UInt8>) -> Location? {
        guard !exact.isEmpty, let index = Self.lastNotAfter(path, in: exact), exact[index].name.equals(path)
        else { return nil }
        return exact[index].location
    }

    /// The index, among `prefixLocations`, of the location with the longest prefix of this path.
    func longestPrefix(of path: Span<UInt8>) -> Int? {
        guard !prefixes.isEmpty, var index = Self.lastNotAfter(path, in: prefixes) else { return nil }
        while index >= 0 {
            if prefixes[index].name.isPrefix(of: path) { return index }
            index = prefixes[index].enclosing
        }
        return nil
    }

    /// A location whose name is this path and a slash, and that asks for a redirect there.
    func slashRedirect(for path: Span<UInt8>) -> Location? {
        guard redirectsToSlash else { return nil }
        return Self.slashRedirect(for: path, in: prefixes) ?? Self.slashRedirect(for: path, in: exact)
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
