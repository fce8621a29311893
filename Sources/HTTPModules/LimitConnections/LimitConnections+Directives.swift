extension LimitConnections {
    static var rows: [Row] {
        [
            .custom(
                "limit_conn_zone", in: .http, .two,
                "A zone that keeps the number of requests being served for each value of a key.",
                syntax: "key zone=name:size"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try defineZone(invocation)
            },
            .list(
                "limit_conn", in: .request, .two, slot, \.limits,
                "How many requests of a key may be served at a time.", syntax: "zone number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                [try limit(invocation)]
            },
            .custom(
                "limit_zone", in: .http, .any,
                "The old form of `limit_conn_zone`, which nginx has dropped."
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                throw invocation.fail(
                    "unknown directive \"limit_zone\"",
                    advice: "write limit_conn_zone $variable zone=name:size")
            },
        ] + LimitRefusal.rows(prefix: "limit_conn_", slot, "The level at which a refused request is logged.")
    }

    private static let kind = "limit_conn"

    private static func defineZone(_ invocation: Invocation) throws(ConfigurationError) {
        let key = try invocation.template(invocation.arguments[0])
        var place: LimitZones.Place?
        for word in invocation.arguments.dropFirst() {
            guard let text = word.value.value(of: "zone=") else {
                throw invocation.invalidParameter(word)
            }
            place = try LimitZones.place(invocation, word, text)
        }
        let zone: ConnectionLimitZone = try LimitZones.define(invocation, place, kind: kind)
        zone.define(key: key)
    }

    private static func limit(
        _ invocation: Invocation
    ) throws(ConfigurationError) -> LimitConnectionsSettings.Limit {
        let zone: ConnectionLimitZone = try LimitZones.refer(invocation, to: invocation[0], kind: kind)
        if !invocation.isFirst, invocation[slot].limits.contains(where: { $0.zone === zone }) {
            throw invocation.refuse("is duplicate")
        }
        let word = invocation.arguments[1]
        guard let count = Units.number(word.value), count > 0 else {
            throw invocation.fail(
                "invalid number of connections \"\(word.text)\"", at: word)
        }
        if count > 65_535 {
            throw invocation.fail("connection limit must be less 65536", at: word)
        }
        return .init(zone: zone, count: count)
    }
}
