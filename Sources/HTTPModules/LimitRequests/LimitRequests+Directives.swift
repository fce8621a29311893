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
        ] + LimitRefusal.rows(
            prefix: "limit_req_", slot, "The level at which a refused request is logged; a delayed one by one level less.")
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
        let rates: RequestRates = try LimitZones.define(invocation, place, kind: kind)
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

    private static func limit(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> RequestLimit {
        var rates: RequestRates?
        var burst = 0
        var undelayed = 0
        for word in invocation.arguments {
            if let name = word.value.value(of: "zone=") {
                rates = try LimitZones.refer(invocation, to: name, kind: kind)
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
        guard let rates else { throw LimitZones.missing(invocation) }
        if !invocation.isFirst, invocation[slot].limits.contains(where: { $0.rates === rates }) {
            throw invocation.refuse("is duplicate")
        }
        return RequestLimit(
            rates: rates, burst: min(burst, Int.max / 1_000) * 1_000,
            undelayed: min(undelayed, Int.max / 1_000) * 1_000)
    }
}
