extension ListenOptions {
    /// Reads one parameter of a `listen` directive if it is about the socket; false if it is not (`ssl`, `default_server`).
    ///
    /// Throws nginx's text for a wrong value. All of these parameters demand a socket of their own: `isBound`.
    mutating func read(_ word: ByteString) throws(AddressError) -> Bool {
        var isKnown = try readSwitch(word)
        if !isKnown { isKnown = try readNumber(word) }
        if !isKnown { isKnown = try readKeepalive(word) }
        if isKnown { isBound = true }
        return isKnown
    }

    private mutating func readSwitch(_ word: ByteString) throws(AddressError) -> Bool {
        switch word {
        case "bind": break
        case "deferred": isDeferred = true
        case "reuseport": reusePort = true
        case "multipath": isMultipath = true
        case "ipv6only=on": isIPv6Only = true
        case "ipv6only=off": isIPv6Only = false
        default:
            if let value = word.value(after: "ipv6only="), value.hasPrefix("o") {
                throw AddressError("invalid ipv6only flags \"\(value)\"")
            }
            if word.hasPrefix("accept_filter=") {
                throw AddressError("accept filters \"\(word)\" are not supported on this platform")
            }
            if word.hasPrefix("setfib=") {
                throw AddressError("\"\(word)\" is not supported on this platform")
            }
            return false
        }
        return true
    }

    private mutating func readNumber(_ word: ByteString) throws(AddressError) -> Bool {
        if let value = word.value(after: "backlog=") {
            guard let number = Units.number(value), number > 0 else {
                throw AddressError("invalid backlog \"\(word)\"")
            }
            backlog = number
        } else if let value = word.value(after: "fastopen=") {
            guard let number = Units.number(value) else {
                throw AddressError("invalid fastopen \"\(word)\"")
            }
            fastOpen = number
        } else if let value = word.value(after: "rcvbuf=") {
            guard let size = Units.size(value) else {
                throw AddressError("invalid rcvbuf \"\(word)\"")
            }
            receiveBuffer = size
        } else if let value = word.value(after: "sndbuf=") {
            guard let size = Units.size(value) else {
                throw AddressError("invalid sndbuf \"\(word)\"")
            }
            sendBuffer = size
        } else {
            return false
        }
        return true
    }

    /// `so_keepalive=on|off|[idle]:[interval]:[probes]`.
    private mutating func readKeepalive(_ word: ByteString) throws(AddressError) -> Bool {
        guard let value = word.value(after: "so_keepalive=") else { return false }
        switch value {
        case "on": keepalive = Keepalive(isOn: true)
        case "off": keepalive = Keepalive(isOn: false)
        default:
            let parts = value.bytes.split(
                separator: ASCII.colon, maxSplits: 2, omittingEmptySubsequences: false
            ).map { ByteString(Array($0)) }
            guard let idle = Self.number(parts, 0, Units.seconds),
                let interval = Self.number(parts, 1, Units.seconds),
                let probes = Self.number(parts, 2, Units.number),
                idle > 0 || interval > 0 || probes > 0
            else { throw AddressError("invalid so_keepalive value: \"\(value)\"") }
            keepalive = Keepalive(isOn: true, idle: idle, interval: interval, probes: probes)
        }
        return true
    }

    /// A part's value, 0 where it is empty or missing, nil where it is wrong.
    private static func number(
        _ parts: [ByteString], _ index: Int, _ read: (ByteString) -> Int?
    ) -> Int? {
        guard index < parts.count, !parts[index].isEmpty else { return 0 }
        return read(parts[index])
    }
}

extension ByteString {
    /// What follows `name` at the start.
    fileprivate func value(after name: ByteString) -> ByteString? {
        hasPrefix(name) ? slice(name.count..<count) : nil
    }
}
