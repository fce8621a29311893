/// Where a directive may stand. The context of a block is one of them.
struct Contexts: OptionSet, Hashable, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    static let main = Contexts(rawValue: 1 << 0)
    static let events = Contexts(rawValue: 1 << 1)
    static let http = Contexts(rawValue: 1 << 2)
    static let server = Contexts(rawValue: 1 << 3)
    static let location = Contexts(rawValue: 1 << 4)
    static let upstream = Contexts(rawValue: 1 << 5)
    static let ifInServer = Contexts(rawValue: 1 << 6)
    static let ifInLocation = Contexts(rawValue: 1 << 7)
    static let limitExcept = Contexts(rawValue: 1 << 8)
    static let stream = Contexts(rawValue: 1 << 9)
    static let streamServer = Contexts(rawValue: 1 << 10)
    static let streamUpstream = Contexts(rawValue: 1 << 11)
    static let mail = Contexts(rawValue: 1 << 12)
    static let mailServer = Contexts(rawValue: 1 << 13)

    /// http, server and location: where most settings of a request may stand.
    static let request: Contexts = [.http, .server, .location]

    /// The contexts by name, in the order of the documentation.
    static let names: [(context: Contexts, name: String)] = [
        (.main, "main"), (.events, "events"), (.http, "http"), (.server, "server"),
        (.location, "location"), (.ifInServer, "if in server"), (.ifInLocation, "if in location"),
        (.limitExcept, "limit_except"), (.upstream, "upstream"), (.stream, "stream"),
        (.streamServer, "server in stream"), (.streamUpstream, "upstream in stream"),
        (.mail, "mail"), (.mailServer, "server in mail"),
    ]

    /// The names of the contexts in this set.
    var texts: [String] {
        Contexts.names.filter { contains($0.context) }.map(\.name)
    }
}

/// How many arguments a directive takes.
struct Arity: Hashable, Sendable {
    /// Bit n: n arguments are right.
    private let counts: UInt16
    /// So many or more are right.
    private let openFrom: UInt16?

    private init(counts: UInt16, openFrom: UInt16? = nil) {
        self.counts = counts
        self.openFrom = openFrom
    }

    static let none = Arity.exactly(0)
    static let one = Arity.exactly(1)
    static let two = Arity.exactly(2)
    static let three = Arity.exactly(3)
    static let any = Arity.atLeast(0)
    /// One argument, `on` or `off`.
    static let flag = Arity.exactly(1)

    static func exactly(_ count: Int) -> Arity { oneOf(count) }

    static func oneOf(_ counts: Int...) -> Arity {
        Arity(counts: counts.reduce(0) { $0 | 1 << UInt16($1) })
    }

    static func between(_ lowest: Int, _ highest: Int) -> Arity {
        Arity(counts: (lowest...highest).reduce(0) { $0 | 1 << UInt16($1) })
    }

    static func atLeast(_ count: Int) -> Arity {
        Arity(counts: 0, openFrom: UInt16(count))
    }

    func allows(_ count: Int) -> Bool {
        if let openFrom { return count >= Int(openFrom) }
        return count < 16 && counts & 1 << UInt16(count) != 0
    }

    /// For the reference: `1`, `1 to 3`, `1 or 3`, `2 or more`.
    var text: String {
        if let openFrom { return openFrom == 0 ? "any number" : "\(openFrom) or more" }
        let allowed = (0..<16).filter { counts & 1 << UInt16($0) != 0 }
        guard let first = allowed.first, let last = allowed.last else { return "0" }
        if allowed.count > 2, last - first + 1 == allowed.count { return "\(first) to \(last)" }
        return allowed.map(String.init).joined(separator: " or ")
    }
}
