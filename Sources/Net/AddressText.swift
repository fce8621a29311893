/// Why an address in the configuration is refused, in nginx's words; the caller adds ` in "x" of the "listen" directive`.
struct AddressError: Error, Equatable, Sendable {
    let message: String

    init(_ message: String) {
        self.message = message
    }
}

/// An address as configurations write it: `host:port`, `*:80`, `80`, `[::]:80`, `unix:/path`, with a URI after it where
/// one may follow; and the socket addresses that it stands for.
struct AddressText: Sendable {
    /// What the place allows.
    struct Rules: Sendable {
        /// The place is a `listen`: a port alone, a port range and `*` may stand here.
        var isListen = false
        /// A URI may follow.
        var allowsURI = false
        /// Host names are resolved now, through the system.
        var resolves = true
        var defaultPort: UInt16 = 0

        init(
            isListen: Bool = false, allowsURI: Bool = false, resolves: Bool = true,
            defaultPort: UInt16 = 0
        ) {
            self.isListen = isListen
            self.allowsURI = allowsURI
            self.resolves = resolves
            self.defaultPort = defaultPort
        }

        static func listen(defaultPort: UInt16) -> Rules {
            Rules(isListen: true, defaultPort: defaultPort)
        }
    }

    /// The host as written, with an IPv6 address's brackets; a Unix socket's path.
    fileprivate(set) var host = ByteString.empty
    /// The port as written, empty if there is none.
    fileprivate(set) var portText = ByteString.empty
    fileprivate(set) var port: UInt16
    /// The end of a port range, or `port`.
    fileprivate(set) var lastPort: UInt16
    /// No port was written; `port` is the default.
    fileprivate(set) var hasNoPort = false
    /// What follows, from `/` or `?`; for a Unix socket what follows the second colon.
    fileprivate(set) var uri = ByteString.empty
    /// For each address every port of the range. Empty if host names are not resolved and this is one.
    fileprivate(set) var addresses: [SocketAddress] = []

    var isWildcard: Bool { addresses.first?.isWildcard ?? false }

    init(_ text: ByteString, _ rules: Rules) throws(AddressError) {
        port = rules.defaultPort
        lastPort = rules.defaultPort
        let bytes = text.span
        if bytes.count >= 5, bytes.extracting(0..<5).equalsIgnoringCase("unix:") {
            try readUnix(text, rules)
        } else if bytes.count > 0, bytes[0] == ASCII.openBracket {
            try readIPv6(text, rules)
        } else {
            try readHost(text, rules)
        }
    }

    private mutating func readUnix(_ text: ByteString, _ rules: Rules) throws(AddressError) {
        var end = text.count
        if rules.allowsURI, let colon = text.span.firstIndex(of: ASCII.colon, from: 5) {
            uri = text.slice(colon + 1..<text.count)
            end = colon
        }
        host = text.slice(5..<end)
        if host.isEmpty { throw AddressError("no path in the unix domain socket") }
        if host.count > SocketAddress.longestPath {
            throw AddressError("too long path in the unix domain socket")
        }
        addresses = [SocketAddress(unix: host)]
    }

    private mutating func readIPv6(_ text: ByteString, _ rules: Rules) throws(AddressError) {
        let bytes = text.span
        guard let bracket = bytes.firstIndex(of: ASCII.closeBracket) else {
            throw AddressError("invalid host")
        }
        var end = bytes.count
        if let slash = bytes.firstIndex(of: ASCII.slash, from: bracket) {
            guard rules.allowsURI, !rules.isListen else { throw AddressError("invalid host") }
            uri = text.slice(slash..<end)
            end = slash
        }
        if bracket + 1 < end {
            guard bytes[bracket + 1] == ASCII.colon else { throw AddressError("invalid host") }
            try readPort(text.slice(bracket + 2..<end), rules)
        } else {
            hasNoPort = true
        }
        if bracket == 1 { throw AddressError("no host") }
        host = text.slice(0..<bracket + 1)
        guard let address = SocketAddress.ipv6(bytes.extracting(1..<bracket)) else {
            throw AddressError("invalid IPv6 address")
        }
        add([address])
    }

    private mutating func readHost(_ text: ByteString, _ rules: Rules) throws(AddressError) {
        let bytes = text.span
        var end = bytes.count
        var colon = bytes.firstIndex(of: ASCII.colon)
        if let start = Self.uriStart(bytes) {
            guard rules.allowsURI, !rules.isListen else { throw AddressError("invalid host") }
            uri = text.slice(start..<end)
            end = start
            if let position = colon, position > start { colon = nil }
        }
        if let colon {
            try readPort(text.slice(colon + 1..<end), rules)
            end = colon
        } else {
            if uri.isEmpty, rules.isListen, try readPortAlone(text) { return }
            hasNoPort = true
        }
        if end == 0 { throw AddressError("no host") }
        host = text.slice(0..<end)
        if rules.isListen, host == "*" {
            add([SocketAddress(ipv4: 0, port: 0)])
        } else if let address = SocketAddress.ipv4(host.span) {
            add([address])
        } else if rules.resolves {
            guard let found = HostLookup.addresses(of: host) else {
                throw AddressError("host not found")
            }
            add(found)
        }
    }

    private static func uriStart(_ bytes: Span<UInt8>) -> Int? {
        let slash = bytes.firstIndex(of: ASCII.slash)
        guard let question = bytes.firstIndex(of: ASCII.question) else { return slash }
        return min(slash ?? question, question)
    }

    /// `80`, and for a `listen` also `8000-8010`.
    private mutating func readPort(_ text: ByteString, _ rules: Rules) throws(AddressError) {
        portText = text
        let dash = rules.isListen ? text.span.firstIndex(of: ASCII.minus) : nil
        if let dash {
            guard let last = Self.validPort(text.span.extracting(dash + 1..<text.count)) else {
                throw AddressError("invalid port")
            }
            lastPort = last
        }
        guard let first = Self.validPort(text.span.extracting(0..<(dash ?? text.count))) else {
            throw AddressError("invalid port")
        }
        port = first
        if dash == nil { lastPort = first }
        if port > lastPort { throw AddressError("invalid port range") }
    }

    /// A `listen` of digits only, or of a range: any IPv4 address. False: it is a host.
    private mutating func readPortAlone(_ text: ByteString) throws(AddressError) -> Bool {
        let dash = text.span.firstIndex(of: ASCII.minus)
        guard text.span.extracting(0..<(dash ?? text.count)).decimalValue != nil else {
            return false
        }
        if let dash, text.span.extracting(dash + 1..<text.count).decimalValue == nil {
            return false
        }
        try readPort(text, .listen(defaultPort: port))
        add([SocketAddress(ipv4: 0, port: 0)])
        return true
    }

    private static func validPort(_ text: Span<UInt8>) -> UInt16? {
        guard let value = text.decimalValue, (1...65_535).contains(value) else { return nil }
        return UInt16(value)
    }

    private mutating func add(_ found: [SocketAddress]) {
        for address in found {
            // With no port at all the default may be 0: the port is given later.
            for port in port...max(port, lastPort) { addresses.append(address.with(port: port)) }
        }
    }
}
