/// Fills a `GeoTable` from the entries of its block.
struct GeoBuilder {
    /// Whether `proxy` is an entry: in http, not in stream.
    private let hasProxies: Bool
    private let warn: (String) -> Void
    private var values: [ByteString] = [.empty]
    private var numbers: [ByteString: Int] = [.empty: 0]
    private var networks: [Network: Int] = [:]
    private var hasNetworks = false
    private var ranges = GeoRanges()
    private var areRanges = false
    private var rangeDefault: Int?
    /// Trusted proxies, whose forwarded addresses are taken.
    private(set) var proxies: [Network] = []
    private(set) var isRecursive = false
    private(set) var isVolatile = false

    init(hasProxies: Bool, warn: @escaping (String) -> Void) {
        self.hasProxies = hasProxies
        self.warn = warn
    }

    /// Adds an entry: a word of settings, `default VALUE`, `delete NETWORK`, `proxy NETWORK` or `NETWORK VALUE`.
    mutating func add(_ words: [Word]) throws(ConfigurationError) {
        if words.count == 1, try addSetting(words[0]) { return }
        guard words.count == 2 else {
            throw ConfigurationError(
                "invalid number of the geo parameters", focus: words.first?.position,
                advice: "an entry is a network and a value, such as: 10.0.0.0/8 internal;")
        }
        if hasProxies, words[0].equals("proxy") {
            proxies.append(try network(words[1]))
        } else if areRanges {
            try addRange(words)
        } else {
            try addNetwork(words)
        }
    }

    private mutating func addSetting(_ word: Word) throws(ConfigurationError) -> Bool {
        if word.equals("ranges") {
            if hasNetworks {
                throw ConfigurationError(
                    "the \"ranges\" directive must be the first directive inside \"geo\" block",
                    focus: word.position)
            }
            areRanges = true
        } else if hasProxies, word.equals("proxy_recursive") {
            isRecursive = true
        } else if word.equals("volatile") {
            isVolatile = true
        } else {
            return false
        }
        return true
    }

    private mutating func number(of value: ByteString) -> Int {
        if let known = numbers[value] { return known }
        numbers[value] = values.count
        values.append(value)
        return values.count - 1
    }

    // MARK: - Networks

    private mutating func addNetwork(_ words: [Word]) throws(ConfigurationError) {
        hasNetworks = true
        if words[0].equals("default") {
            set(.all(isIPv4: true), words[1].value, text: words[0].text)
            set(.all(isIPv4: false), words[1].value, text: words[0].text)
        } else if words[0].equals("delete") {
            let network = try network(words[1])
            if networks.removeValue(forKey: network) == nil {
                warn("no network \"\(words[1].text)\" to delete")
            }
        } else {
            set(try network(words[0]), words[1].value, text: words[0].text)
        }
    }

    private mutating func set(_ network: Network, _ value: ByteString, text: String) {
        if let old = networks[network] {
            warn(
                "duplicate network \"\(text)\", value: \"\(value.text)\", "
                    + "old value: \"\(values[old].text)\"")
        }
        networks[network] = number(of: value)
    }

    private func network(_ word: Word) throws(ConfigurationError) -> Network {
        // No address to nginx, but here it stands for clients whose address is unknown.
        if word.equals("255.255.255.255") {
            return Network(isIPv4: true, UInt128(UInt32.max), prefixLength: 32)
        }
        guard let (network, isExact) = Network.read(word.span) else {
            throw ConfigurationError(
                "invalid network \"\(word.text)\"", focus: word.position,
                advice: "a network is an address with or without a prefix length, such as "
                    + "192.168.0.0/16 or 2001:db8::/32")
        }
        if !isExact { warn("low address bits of \(word.text) are meaningless") }
        return network
    }

    // MARK: - Ranges

    private mutating func addRange(_ words: [Word]) throws(ConfigurationError) {
        if words[0].equals("default") {
            if let rangeDefault {
                warn(
                    "duplicate default geo range value: \"\(words[1].text)\", "
                        + "old value: \"\(values[rangeDefault].text)\"")
            }
            rangeDefault = number(of: words[1].value)
            return
        }
        if words[0].equals("delete") {
            if !ranges.remove(try range(words[1], value: 0)) {
                warn("no address range \"\(words[1].text)\" to delete")
            }
            return
        }
        let range = try range(words[0], value: number(of: words[1].value))
        switch ranges.insert(range) {
        case .inserted: return
        case .replaced(let old):
            warn(
                "duplicate range \"\(words[0].text)\", value: \"\(words[1].text)\", "
                    + "old value: \"\(values[old].text)\"")
        case .overlaps(let other):
            let first = SocketAddress(ipv4: other.start, port: 0)
            let last = SocketAddress(ipv4: other.end, port: 0)
            let text = Buffer(capacity: 64)
            first.appendText(to: text, withPort: false)
            text.append(ASCII.minus)
            last.appendText(to: text, withPort: false)
            throw ConfigurationError(
                "range \"\(words[0].text)\" overlaps \"\(text.span.text)\"",
                focus: words[0].position)
        }
    }

    private func range(
        _ word: Word, value: Int
    ) throws(ConfigurationError) -> GeoRanges.Range {
        let text = word.span
        if let minus = text.firstIndex(of: ASCII.minus),
            let first = SocketAddress.ipv4(text.extracting(0..<minus)),
            let last = SocketAddress.ipv4(text.extracting(minus + 1..<text.count)),
            first.low <= last.low
        {
            return GeoRanges.Range(
                start: UInt32(truncatingIfNeeded: first.low),
                end: UInt32(truncatingIfNeeded: last.low), value: value)
        }
        throw ConfigurationError(
            "invalid range \"\(word.text)\"", focus: word.position,
            advice: "a range is two IPv4 addresses, such as 10.0.0.1-10.0.0.20")
    }

    // MARK: - The result

    var table: GeoTable {
        areRanges ? rangeTable : networkTable
    }

    private var networkTable: GeoTable {
        let all = networks.map { (network: $0.key, value: $0.value) }
        return GeoTable(
            ipv4: GeoTable.flatten(all.filter { $0.network.isIPv4 }, to: UInt32.self),
            ipv6: GeoTable.flatten(all.filter { !$0.network.isIPv4 }, to: UInt128.self),
            values: values)
    }

    private var rangeTable: GeoTable {
        let fallback = rangeDefault ?? 0
        var ipv4 = GeoTable.Segments<UInt32>()
        ipv4.append(fallback, from: 0)
        for range in ranges.all {
            ipv4.append(range.value, from: range.start)
            if range.end < .max { ipv4.append(fallback, from: range.end + 1) }
        }
        // Ranges are of IPv4 addresses only; nginx looks for any other as if it were unknown.
        var ipv6 = GeoTable.Segments<UInt128>()
        ipv6.append(ipv4.find(.max), from: 0)
        return GeoTable(ipv4: ipv4, ipv6: ipv6, values: values)
    }
}
