/// What a `split_clients` splits: shares of all hash values, each with a text.
struct SplitTable: Sendable {
    /// A share ends before this hash value; nil for what takes all the rest.
    struct Share: Sendable {
        let end: UInt32?
        let value: ByteString
    }

    private(set) var shares: [Share] = []

    /// The text for the bytes, or nil if they fall into no share.
    func find(_ bytes: Span<UInt8>) -> ByteString? {
        let hash = bytes.murmur2
        for index in shares.indices {
            guard let end = shares[index].end else { return shares[index].value }
            if hash < end { return shares[index].value }
        }
        return nil
    }

    /// Reads a `split_clients SOURCE $VARIABLE { ... }` block and declares its variable.
    static func declare(
        _ invocation: Invocation, registry: VariableRegistry
    ) throws(ConfigurationError) {
        let source = try Template(
            compiling: invocation[0], registry: registry, at: invocation.arguments[0].position)
        let name = try registry.declaredName(invocation.arguments[1])
        try registry.checkDeclarable(name)
        var entries: [(hundredths: Int?, value: ByteString)] = []
        try invocation.forEachEntry { entry throws(ConfigurationError) in
            entries.append(try Self.read([entry.name] + entry.arguments))
        }
        let table = try SplitTable(entries)
        try registry.declare(name, .changeable) { scope, out in
            let mark = out.count
            source.append(to: out, scope: scope)
            let value = table.find(out.span(mark..<out.count))
            out.truncate(to: mark)
            if let value { out.append(value.span) }
            return true
        }
    }

    /// Reads `PERCENT% VALUE` or `* VALUE`; the percentage comes in hundredths, nil for `*`.
    static func read(
        _ words: [Word]
    ) throws(ConfigurationError) -> (hundredths: Int?, value: ByteString) {
        guard words.count == 2 else {
            throw ConfigurationError(
                "invalid number of the split_clients parameters", focus: words.first?.position,
                advice: "an entry is a percentage or \"*\", and a value")
        }
        if words[0].equals("*") { return (nil, words[1].value) }
        let text = words[0].value
        guard text.span.hasSuffix("%"),
            let hundredths = Self.hundredths(text.slice(0..<text.count - 1)), hundredths > 0
        else {
            throw ConfigurationError(
                "invalid percent value \"\(text.text)\"", focus: words[0].position,
                advice: "write a percentage with at most two decimals, such as 0.5%, or \"*\"")
        }
        return (hundredths, words[1].value)
    }

    init(
        _ entries: [(hundredths: Int?, value: ByteString)]
    ) throws(ConfigurationError) {
        var sum = 0
        var end: UInt32 = 0
        for entry in entries {
            sum = entry.hundredths.map { sum + $0 } ?? 10_000
            if sum > 10_000 {
                throw ConfigurationError("percent total is greater than 100%")
            }
            if let hundredths = entry.hundredths, sum < 10_000 {
                end += UInt32(hundredths * 0xFFFF_FFFF / 10_000)
                shares.append(Share(end: end, value: entry.value))
            } else {
                shares.append(Share(end: nil, value: entry.value))
            }
        }
    }

    /// A decimal number with at most two decimals, times 100.
    private static func hundredths(_ text: ByteString) -> Int? {
        let parts = text.bytes.split(
            separator: ASCII.dot, maxSplits: 1, omittingEmptySubsequences: false)
        guard !text.isEmpty, let whole = parts.first, whole.count <= 9 else { return nil }
        let decimals = parts.count > 1 ? Array(parts[1]) : []
        guard decimals.count <= 2 else { return nil }
        let padded = decimals + [UInt8](repeating: ASCII.zero, count: 2 - decimals.count)
        return (Array(whole) + padded).span.decimalValue
    }
}

extension Span where Element == UInt8 {
    /// MurmurHash2 with a seed of 0: nginx's choice for splitting, so that clients keep their group.
    var murmur2: UInt32 {
        let factor: UInt32 = 0x5BD1_E995
        var hash = UInt32(truncatingIfNeeded: count)
        var index = 0
        while index + 4 <= count {
            var word = UInt32(self[index]) | UInt32(self[index + 1]) << 8
            word |= UInt32(self[index + 2]) << 16 | UInt32(self[index + 3]) << 24
            word &*= factor
            word ^= word >> 24
            word &*= factor
            hash = (hash &* factor) ^ word
            index += 4
        }
        if index < count {
            var shift: UInt32 = 0
            while index < count {
                hash ^= UInt32(self[index]) << shift
                shift += 8
                index += 1
            }
            hash &*= factor
        }
        hash ^= hash >> 13
        hash &*= factor
        return hash ^ (hash >> 15)
    }
}
