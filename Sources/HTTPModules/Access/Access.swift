/// ngx_http_access_module: lets requests in or refuses them by the client's address.
///
/// The first rule that holds for an address decides. Each family has a list of its own, so that a client is compared with the
/// rules of its family only.
enum Access {
    static let slot = Slot(.access, initial: AccessSettings())

    /// Whether requests of a block have to be asked about at all.
    static func isUsed(_ settings: SettingsTable) -> Bool { !settings[slot].isEmpty }

    static func handle(_ request: Request) -> Verdict {
        let settings = request.location.settings(slot)
        guard let denies = settings.value.decision(for: request.address) else { return .decline }
        guard denies else { return .allow }
        if !request.core.value.satisfiesAny {
            request.log(.error) { $0.append("access forbidden by rule") }
        }
        return .answer(.forbidden)
    }
}

/// The rules of a block.
struct AccessSettings: Sendable {
    /// Addresses from one to another, as numbers.
    struct Rule<Number: FixedWidthInteger & Sendable>: Sendable {
        let first: Number
        let last: Number
        let denies: Bool
    }

    private(set) var ipv4: [Rule<UInt32>] = []
    private(set) var ipv6: [Rule<UInt128>] = []
    /// What the first rule for Unix domain sockets says: the others are never reached.
    private(set) var deniesUnix: Bool?

    var isEmpty: Bool { ipv4.isEmpty && ipv6.isEmpty && deniesUnix == nil }

    mutating func add(_ network: Network, denies: Bool) {
        if network.isIPv4 {
            ipv4.append(
                Rule(
                    first: UInt32(truncatingIfNeeded: network.first),
                    last: UInt32(truncatingIfNeeded: network.last), denies: denies))
        } else {
            ipv6.append(Rule(first: network.first, last: network.last, denies: denies))
        }
    }

    mutating func addUnix(denies: Bool) {
        if deniesUnix == nil { deniesUnix = denies }
    }

    /// Whether the address is refused; nil if no rule holds for it.
    func decision(for address: SocketAddress) -> Bool? {
        switch address.family {
        case .ipv4: return decision(in: ipv4, UInt32(truncatingIfNeeded: address.low))
        case .ipv6:
            // An IPv4 client of an IPv6 socket is compared with the rules for IPv4, if there are any.
            if !ipv4.isEmpty, address.isMappedIPv4 {
                return decision(in: ipv4, UInt32(truncatingIfNeeded: address.low))
            }
            return decision(in: ipv6, address.number)
        case .unix: return deniesUnix
        }
    }

    private func decision<Number>(in rules: [Rule<Number>], _ address: Number) -> Bool? {
        for index in rules.indices where rules[index].first <= address {
            if address <= rules[index].last { return rules[index].denies }
        }
        return nil
    }
}
