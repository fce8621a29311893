public import Bytes
public import Configuration
public import Expression
public import Log

/// A `location` block, or the part of a `server` or `if` block that answers like one. Frozen when the configuration is.
public final class Location {
    public enum Kind {
        /// The server itself: what no location matches.
        case server
        case exact, prefix, prefixWithoutRegex, named
        case regex(Regex)
        /// `if` in a location, `limit_except`: matched by their own rules.
        case nested
    }

    public let kind: Kind
    /// The path or name as configured; for regular expressions the pattern.
    public let name: ByteString
    public let settings: SettingsTable
    /// The core's settings, fetched once.
    public let core: Box<CoreSettings>
    public let errorLog: ErrorLog
    /// Locations within this one.
    public var children = LocationTree()
    /// The parent; nil for a server's root.
    public unowned let parent: Location?
    /// The steps of each phase that this location needs: codes of the roster's handlers.
    public var plan = Plan()
    /// The roster's code of the handler that answers instead of the content phase, 0 for none.
    public var contentHandler: UInt8 = 0
    /// A redirect to the path with a slash is due when it is asked for without (`location /a/ { proxy_pass … }`).
    public var redirectsToSlash = false
    /// The methods that `limit_except` lets pass, and what holds for the others.
    public var limitExcept: (methods: UInt32, location: Location)?
    /// `root` or `alias` was set in this very block.
    public var setsAlias = false

    public init(
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
    public func settings<S>(_ slot: Slot<S>) -> Box<S> {
        settings.box(slot)
    }

    public var isNamed: Bool { if case .named = kind { true } else { false } }
    public var isRegex: Bool { if case .regex = kind { true } else { false } }
    public var isExact: Bool { if case .exact = kind { true } else { false } }
}

/// The flat list of steps that a location's requests really go through; codes are the roster's.
public struct Plan: Sendable {
    public var postRead: [UInt8] = []
    public var serverRewrite: [UInt8] = []
    public var rewrite: [UInt8] = []
    public var preaccess: [UInt8] = []
    public var access: [UInt8] = []
    public var precontent: [UInt8] = []
    public var content: [UInt8] = []
    public var log: [UInt8] = []
    public var headerFilters: [UInt8] = []

    public init() {}
}

/// The locations of a server or of a location, ready to be searched.
///
/// Prefixes are sorted, so that one binary search finds the longest: each entry knows the longest entry that is a proper
/// prefix of it.
public struct LocationTree {
    private var prefixes: [Entry] = []
    private var exact: [Entry] = []
    public private(set) var regexes: [Location] = []
    public private(set) var named: [Location] = []

    private struct Entry {
        let name: ByteString
        let location: Location
        /// Index of the longest shorter prefix, or -1.
        var enclosing = -1
    }

    public init() {}

    /// Sorts locations into what `find` searches; two of the same kind and name were refused before.
    public init(_ locations: [Location]) {
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

    public var isEmpty: Bool {
        prefixes.isEmpty && exact.isEmpty && regexes.isEmpty && named.isEmpty
    }

    public var all: [Location] {
        exact.map(\.location) + prefixes.map(\.location) + regexes + named
    }

    /// The location with exactly this path (`location = path`).
    public func exactMatch(_ path: Span<UInt8>) -> Location? {
        guard let index = Self.lastNotAfter(path, in: exact), exact[index].name.equals(path)
        else { return nil }
        return exact[index].location
    }

    /// The location with the longest prefix of this path.
    public func longestPrefix(of path: Span<UInt8>) -> Location? {
        guard var index = Self.lastNotAfter(path, in: prefixes) else { return nil }
        while index >= 0 {
            if prefixes[index].name.isPrefix(of: path) { return prefixes[index].location }
            index = prefixes[index].enclosing
        }
        return nil
    }

    /// A location whose name is this path and a slash, and that asks for a redirect there.
    public func slashRedirect(for path: Span<UInt8>) -> Location? {
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            if prefixes[middle].name.compare(path) <= 0 { low = middle + 1 } else { high = middle }
        }
        while low < prefixes.count, prefixes[low].name.hasPrefix(path) {
            let entry = prefixes[low]
            if entry.name.count == path.count + 1, entry.name[path.count] == ASCII.slash {
                return entry.location.redirectsToSlash ? entry.location : nil
            }
            // Names between `path` and `path/` sort before the slash; there are few.
            if entry.name[path.count] > ASCII.slash { return nil }
            low += 1
        }
        return nil
    }

    public func named(_ name: Span<UInt8>) -> Location? {
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
