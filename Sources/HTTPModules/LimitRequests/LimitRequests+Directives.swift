extension LimitRequests {
    static var rows: [Row] {
        [
            .custom(
                "limit_req_zone", in: .http, .three,
                "A zone that keeps the rates of requests for each value of a key.",
                syntax: "key zone=name:size rate=rate"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try defineZone(invocation)
            },
            .list(
                "limit_req", in: .request, .between(1, 3), slot, \.limits,
                "Holds requests to the rate of a zone; those over it are delayed up to a burst, then refused.",
                syntax: "zone=name [burst=number] [nodelay | delay=number]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                [try limit(invocation)]
            },
            .choice(
                "limit_req_log_level", in: .request, slot, \.level, LimitZones.levels,
                "How grave a refused request is to the error log; a delayed one is less by one level."),
            .number(
                "limit_req_status", in: .request, slot, \.status, atLeast: 400, atMost: 599,
                "The status that refused requests are answered with."),
            .flag(
                "limit_req_dry_run", in: .request, slot, \.isDryRun,
                "Whether requests over the rate are only logged."),
        ]
    }

    private static func defineZone(_ invocation: Invocation) throws(ConfigurationError) {
        let key = try invocation.template(invocation.arguments[0])
        var rate = 1_000
        var place: LimitZones.Place?
        for word in invocation.arguments.dropFirst() {
            if let text = word.value.value(of: "zone=") {
                place = try LimitZones.place(invocation, word, text)
            } else if let text = word.value.value(of: "rate=") {
                guard let number = Self.rate(text) else {
                    throw invocation.fail(
                        "invalid rate \"\(word.text)\"", advice: "write rate=10r/s or rate=30r/m",
                        at: word)
                }
                rate = number
            } else {
                throw invocation.invalidParameter(word)
            }
        }
        let zone = try LimitZones.define(invocation, place, kind: kind, key: key)
        let rates = rates(of: zone)
        if let known = rates.key { throw LimitZones.alreadyBound(invocation, zone, known) }
        rates.define(key: key, rate: rate)
    }

    private static let kind = "limit_req"

    /// Thousandths of requests a second.
    private static func rate(_ text: ByteString) -> Int? {
        var digits = text
        var scale = 1
        if text.hasSuffix("r/s") || text.hasSuffix("r/m") {
            scale = text.hasSuffix("r/m") ? 60 : 1
            digits = text.slice(0..<text.count - 3)
        }
        guard let number = Units.number(digits), number > 0, number <= Int.max / 1_000 else {
            return nil
        }
        return number * 1_000 / scale
    }

    private static func rates(of zone: Zone) -> RequestRates {
        if let known = zone.attachment as? RequestRates { return known }
        let made = RequestRates(zone: zone)
        zone.attachment = made
        return made
    }

    private static func limit(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> RequestLimit {
        var zone: Zone?
        var burst = 0
        var undelayed = 0
        for word in invocation.arguments {
            if let name = word.value.value(of: "zone=") {
                zone = try LimitZones.refer(invocation, to: name, kind: kind)
            } else if let text = word.value.value(of: "burst=") {
                guard let number = Units.number(text), number > 0 else {
                    throw invocation.fail("invalid burst value \"\(word.text)\"", at: word)
                }
                burst = number
            } else if let text = word.value.value(of: "delay=") {
                guard let number = Units.number(text), number > 0 else {
                    throw invocation.fail("invalid delay value \"\(word.text)\"", at: word)
                }
                undelayed = number
            } else if word.value == "nodelay" {
                undelayed = Int.max / 1_000
            } else {
                throw invocation.invalidParameter(word)
            }
        }
        guard let zone else {
            throw invocation.fail("\"\(invocation.name)\" must have \"zone\" parameter")
        }
        let rates = rates(of: zone)
        if !invocation.isFirst, invocation[slot].limits.contains(where: { $0.rates === rates }) {
            throw invocation.refuse("is duplicate")
        }
        return RequestLimit(
            rates: rates, burst: min(burst, Int.max / 1_000) * 1_000,
            undelayed: min(undelayed, Int.max / 1_000) * 1_000)
    }
}

/// What `limit_req_zone` and `limit_conn_zone` share: reading `zone=name:size`, and nginx's errors about zones.
enum LimitZones {
    struct Place {
        let name: ByteString
        let size: Int
    }

    static let levels: [(String, LogLevel)] = [
        ("info", .info), ("notice", .notice), ("warn", .warn), ("error", .error),
    ]

    /// - Parameter text: what follows `zone=` in `word`.
    static func place(
        _ invocation: Invocation, _ word: Word, _ text: ByteString
    ) throws(ConfigurationError) -> Place {
        guard let colon = text.span.firstIndex(of: ASCII.colon),
            let size = Units.size(text.slice(colon + 1..<text.count))
        else {
            throw invocation.fail(
                "invalid zone size \"\(word.text)\"", advice: "write zone=name:10m", at: word)
        }
        guard size >= SharedZones.minimumSize else {
            throw invocation.fail("zone \"\(word.text)\" is too small", at: word)
        }
        return Place(name: text.slice(0..<colon), size: size)
    }

    static func define(
        _ invocation: Invocation, _ place: Place?, kind: String, key: Template
    ) throws(ConfigurationError) -> Zone {
        guard let place, !place.name.isEmpty else {
            throw invocation.fail("\"\(invocation.name)\" must have \"zone\" parameter")
        }
        return try zone(invocation, place.name, place.size, kind)
    }

    /// The zone of a name, defined before or later.
    static func refer(
        _ invocation: Invocation, to name: ByteString, kind: String
    ) throws(ConfigurationError) -> Zone {
        try zone(invocation, name, nil, kind)
    }

    private static func zone(
        _ invocation: Invocation, _ name: ByteString, _ size: Int?, _ kind: String
    ) throws(ConfigurationError) -> Zone {
        guard let builder = invocation.builder as? ConfigurationBuilder else {
            throw invocation.fail("\"\(invocation.name)\" directive is not allowed here")
        }
        do throws(ZoneError) {
            return try builder.zones.zone(name: name, size: size, kind: kind)
        } catch {
            throw invocation.fail(error.message)
        }
    }

    static func alreadyBound(
        _ invocation: Invocation, _ zone: Zone, _ key: Template
    ) -> ConfigurationError {
        invocation.fail(
            "\(invocation.name) \"\(zone.name)\" is already bound to key \"\(key.source)\"")
    }
}
