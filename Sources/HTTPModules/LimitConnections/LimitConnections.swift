/// ngx_http_limit_conn_module: refuses requests of a key of which so many are being served already.
enum LimitConnections {
    static let slot = Slot(.limitConnections, initial: LimitConnectionsSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool {
        !settings.box(slot).value.limits.isEmpty
    }

    static func handle(_ request: Request) -> Verdict {
        guard request.admission.connections == .none else { return .decline }
        let settings = request.location.settings(slot)
        let limits = settings.value.limits
        let scratch = request.values.scratch
        for index in limits.indices {
            let limit = limits[index]
            let mark = scratch.count
            defer { scratch.truncate(to: mark) }
            guard let counts = limit.zone.counts,
                LimitZones.appendKey(limit.zone.key, of: request, to: scratch, atMost: 255)
            else { continue }
            request.admission.connections = .passed
            let outcome = counts.admit(
                scratch.span(mark..<scratch.count), limit: limit.count, process: ThisProcess.id,
                now: request.engine.loop.now)
            switch outcome {
            case .admitted(let slot):
                request.admission.hold(.init(counts: counts, slot: slot))
            case .refused:
                let isDryRun = settings.value.refusal.isDryRun
                request.log(settings.value.refusal.level) {
                    $0.append("limiting connections")
                    if isDryRun { $0.append(", dry run,") }
                    $0.append(" by zone \"")
                    $0.append(limit.zone.zone.name)
                    $0.append(ASCII.quote)
                }
                return refuse(request, settings)
            case .full:
                return refuse(request, settings)
            }
        }
        return .decline
    }

    private static func refuse(
        _ request: Request, _ settings: Box<LimitConnectionsSettings>
    ) -> Verdict {
        request.admission.releasePlaces()
        let isDryRun = settings.value.refusal.isDryRun
        request.admission.connections = isDryRun ? .rejectedDryRun : .rejected
        return isDryRun ? .decline : .answer(Status(settings.value.refusal.status))
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("limit_conn_status", .noCacheable) { request, out in
            let outcome = request.admission.connections
            out.append(outcome.text)
            return outcome != .none
        }
    }
}

/// What the directives of connection limits set.
struct LimitConnectionsSettings: LimitSettings {
    struct Limit: Sendable {
        let zone: ConnectionLimitZone
        let count: Int
    }

    var limits: [Limit] = []
    var refusal = LimitRefusal()
}

/// A zone of `limit_conn_zone`: its key, and the counts for each of the key's values.
final class ConnectionLimitZone: LimitZone {
    let zone: Zone
    /// Nil until `limit_conn_zone` is read.
    private(set) var key: Template?
    private(set) var counts: ConnectionCounts?

    init(zone: Zone) {
        self.zone = zone
    }

    /// Defines the zone; only while the configuration is read.
    func define(key: Template) {
        self.key = key
        zone.meaning = key.source
        counts = ConnectionCounts(in: zone)
    }
}

// Written while the configuration is read, by one process; afterwards only the counts change, which have their lock.
extension ConnectionLimitZone: @unchecked Sendable {}
