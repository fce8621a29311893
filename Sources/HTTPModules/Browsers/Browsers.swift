/// ngx_http_browser_module: variables that tell modern browsers from ancient ones by their `User-Agent`.
enum Browsers {
    static let slot = Slot(.browsers, initial: BrowsersSettings())

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("msie", .changeable) { request, out in
            if request.isFrom(.explorer) { out.append("1") }
            return true
        }
        try registry.declareValue("modern_browser", .changeable) { request, out in
            let settings = request.location.settings(slot)
            if isModern(request, settings) { out.append(settings.value.modernValue) }
            return true
        }
        try registry.declareValue("ancient_browser", .changeable) { request, out in
            let settings = request.location.settings(slot)
            if !isModern(request, settings) { out.append(settings.value.ancientValue) }
            return true
        }
    }

    private static func isModern(_ request: Request, _ settings: Box<BrowsersSettings>) -> Bool {
        guard let range = request.header(.userAgent) else { return settings.value.unlistedAreModern }
        let head = request.head.bytes
        return settings.value.isModern(head.span(range))
    }
}

/// What the directives of the module set.
struct BrowsersSettings: Sendable {
    /// A browser that is modern from a version on.
    struct Modern: Sendable {
        let family: BrowserFamily
        /// The version's parts, the first one weighing a million, each further one a hundredth of the one before.
        let version: Int
    }

    var modern: [Modern] = []
    var unlistedAreModern = false
    /// Texts in the `User-Agent` of ancient browsers.
    var ancient: [ByteString] = []
    /// Netscape 4 and before is ancient.
    var netscape4IsAncient = false
    var modernValue: ByteString = "1"
    var ancientValue: ByteString = "1"
    /// The block that named the browsers of a kind: what is outside of it does not count.
    var modernOwner: ObjectIdentifier?
    var ancientOwner: ObjectIdentifier?

    func isModern(_ agent: Span<UInt8>) -> Bool {
        if !modern.isEmpty {
            for index in modern.indices {
                guard let start = modern[index].family.version(in: agent) else { continue }
                return BrowserFamily.reaches(modern[index].version, agent, from: start)
            }
            if !unlistedAreModern { return false }
        }
        if netscape4IsAncient, agent.count > 13, agent.hasPrefix("Mozilla/"),
            agent[8] > ASCII.zero, agent[8] < UInt8(ascii: "5")
        {
            return false
        }
        for text in ancient {
            let text = text
            if agent.firstIndex(of: text.span) != nil { return false }
        }
        return unlistedAreModern
    }
}

/// The browsers that can be named, in the order in which they are looked for: Opera also says that it is another one.
enum BrowserFamily: Int, Sendable, CaseIterable {
    case opera, explorer, gecko, safari, konqueror

    /// The name in the configuration.
    var name: StaticString {
        switch self {
        case .opera: "opera"
        case .explorer: "msie"
        case .gecko: "gecko"
        case .safari: "safari"
        case .konqueror: "konqueror"
        }
    }

    /// Where the mark may begin, the mark, and the bytes from its beginning to the version.
    private var mark: (from: Int, text: StaticString, length: Int) {
        switch self {
        case .opera: (0, "Opera", 6)
        case .explorer: (25, "MSIE ", 5)
        case .gecko: (13, "rv:", 3)
        case .safari: (13, "Safari/", 7)
        case .konqueror: (25, "Konqueror/", 10)
        }
    }

    /// Where the version begins; nil if the browser is another one.
    func version(in agent: Span<UInt8>) -> Int? {
        let mark = mark
        guard mark.from < agent.count,
            let found = agent.firstIndex(of: mark.text.bytes, from: mark.from),
            found + mark.length < agent.count
        else { return nil }
        return found + mark.length
    }

    /// Whether the version that begins at a place is at least this one.
    static func reaches(_ version: Int, _ agent: Span<UInt8>, from start: Int) -> Bool {
        var sum = 0
        var part = 0
        var scale = 1_000_000
        for index in start..<agent.count {
            if agent[index].isASCIIDigit {
                part = min(part * 10 + Int(agent[index] - ASCII.zero), 1_000_000_000)
                continue
            }
            guard agent[index] == ASCII.dot else { break }
            sum += part * scale
            if sum > version { return true }
            part = 0
            scale /= 100
        }
        return sum + part * scale >= version
    }

    /// A version of the configuration; nil if it is none.
    static func version(_ text: ByteString) -> Int? {
        var sum = 0
        var part = 0
        var scale = 1_000_000
        for byte in text.bytes {
            if byte.isASCIIDigit {
                part = min(part * 10 + Int(byte - ASCII.zero), 1_000_000_000)
            } else if byte == ASCII.dot {
                sum += part * scale
                part = 0
                scale /= 100
            } else {
                return nil
            }
        }
        return sum + part * scale
    }

    /// More than any version.
    static let unreachable = Int.max
}
