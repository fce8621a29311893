/// ngx_http_referer_module: the variable `$invalid_referer`, which tells requests that come from pages of other sites.
///
/// Whoever wants to can send any `Referer`: it keeps honest browsers from using files in foreign pages.
enum Referer {
    static let slot = Slot(.referer, initial: RefererSettings())

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("invalid_referer", .changeable) { request, out in
            if isInvalid(request) { out.append("1") }
            return true
        }
    }

    static func isInvalid(_ request: Request) -> Bool {
        let settings = request.location.settings(slot)
        if settings.value.isEmpty { return false }
        guard let range = request.header(.referer) else { return !settings.value.allowsNone }
        let head = request.head.bytes
        let scratch = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(scratch) }
        return !settings.value.allows(head.span(range), scratch: scratch)
    }
}

/// The referers that are valid for a location; all of them if none is named.
struct RefererSettings: Sendable {
    /// Hosts, each with the place of its URI in `uris`.
    var hosts = WildcardTable<Int>()
    /// How the part behind a host has to begin; the first entry stands for any.
    var uris: [ByteString] = [.empty]
    /// Matched with all behind the scheme.
    var regexes: [Regex] = []
    /// The server's own names that are expressions, matched with the host.
    var serverNames: [Regex] = []
    /// No `Referer` at all is valid.
    var allowsNone = false
    /// One without `http://` or `https://`, as proxies leave it, is valid.
    var allowsBlocked = false
    /// The server's names are to be added when they are known.
    var wantsServerNames = false
    /// This block has an expression of its own, so that the outer block's do not count.
    var hasOwnRegexes = false

    var isEmpty: Bool { hosts.isEmpty && regexes.isEmpty && serverNames.isEmpty }

    /// The shortest that nginx takes for a URI: `http://i.ru`.
    private static let shortest = 11
    private static let longestHost = 256

    /// Whether a `Referer` is valid. `scratch` is empty.
    func allows(_ referer: Span<UInt8>, scratch: Buffer) -> Bool {
        guard referer.count >= Self.shortest, let start = Self.schemeEnd(referer) else {
            return allowsBlocked
        }
        let text = referer.extracting(start..<referer.count)
        var end = 0
        while end < text.count, text[end] != ASCII.slash, text[end] != ASCII.colon {
            if end == Self.longestHost { return false }
            scratch.append(text[end].asciiLowercased)
            end += 1
        }
        if let index = hosts.find(scratch.span) { return fits(text, behind: end, uris[index]) }
        for regex in serverNames where regex.match(scratch.span) == .matched { return true }
        for regex in regexes where regex.match(text) == .matched { return true }
        return false
    }

    private static func schemeEnd(_ text: Span<UInt8>) -> Int? {
        if text.extracting(0..<7).equalsIgnoringCase("http://") { return 7 }
        return text.extracting(0..<8).equalsIgnoringCase("https://") ? 8 : nil
    }

    /// Whether what follows the host and its port begins as it has to.
    private func fits(_ text: Span<UInt8>, behind end: Int, _ uri: ByteString) -> Bool {
        let slash = text.firstIndex(of: ASCII.slash, from: end) ?? text.count
        return uri.isPrefix(of: text.extracting(slash..<text.count))
    }
}
