/// ngx_http_limit_req_module: holds requests to a rate for each value of a key, by delaying and refusing them.
enum LimitRequests {
    static let slot = Slot(.limitRequests, initial: LimitRequestsSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool {
        !settings.box(slot).value.limits.isEmpty
    }

    static func handle(_ request: Request) -> Verdict {
        guard request.admission.requests == .none else { return .decline }
        let settings = request.location.settings(slot)
        let limits = settings.value.limits
        let now = request.engine.loop.now
        let scratch = request.values.scratch
        // Only with several limits is there anything to hold.
        var held: [(limit: Int, slot: TableSlot)] = []
        var asked = false
        for index in limits.indices {
            let limit = limits[index]
            let mark = scratch.count
            defer { scratch.truncate(to: mark) }
            guard LimitZones.appendKey(limit.rates.key, of: request, to: scratch, atMost: 65_535) else { continue }
            asked = true
            let outcome = limit.rates.look(
                up: scratch.span(mark..<scratch.count), burst: limit.burst, now: now,
                counts: index == limits.count - 1)
            switch outcome {
            case .refused(let excess): return refuse(request, settings, limit, excess)
            case .held(let slot): held.append((index, slot))
            case .counted(let excess):
                return delay(request, settings, limits, held, (index, excess), now)
            }
        }
        guard asked else { return .decline }
        return delay(request, settings, limits, held, (limits.count - 1, 0), now)
    }

    private static func refuse(
        _ request: Request, _ settings: Box<LimitRequestsSettings>, _ limit: RequestLimit,
        _ excess: Int
    ) -> Verdict {
        let isDryRun = settings.value.refusal.isDryRun
        request.log(settings.value.refusal.level) {
            $0.append("limiting requests")
            if isDryRun { $0.append(", dry run") }
            $0.append(", excess: ")
            appendExcess(excess, to: $0)
            $0.append(" by zone \"")
            $0.append(limit.rates.zone.name)
            $0.append(ASCII.quote)
        }
        request.admission.requests = isDryRun ? .rejectedDryRun : .rejected
        return isDryRun ? .decline : .answer(Status(settings.value.refusal.status))
    }

    /// Counts what is held, and waits as long as the slowest limit asks for.
    private static func delay(
        _ request: Request, _ settings: Box<LimitRequestsSettings>, _ limits: [RequestLimit],
        _ held: [(limit: Int, slot: TableSlot)], _ counted: (limit: Int, excess: Int), _ now: Int
    ) -> Verdict {
        var (slowest, excess) = counted
        var delay = limits[slowest].delay(for: excess)
        for (index, slot) in held.reversed() {
            guard let sum = limits[index].rates.count(slot, now: now) else { continue }
            let own = limits[index].delay(for: sum)
            if own > delay { (delay, slowest, excess) = (own, index, sum) }
        }
        guard delay > 0 else {
            request.admission.requests = .passed
            return .decline
        }
        let isDryRun = settings.value.refusal.isDryRun
        let zone = limits[slowest].rates.zone
        request.log(settings.value.refusal.delayLevel) {
            $0.append("delaying request")
            if isDryRun { $0.append(", dry run") }
            $0.append(", excess: ")
            appendExcess(excess, to: $0)
            $0.append(", by zone \"")
            $0.append(zone.name)
            $0.append(ASCII.quote)
        }
        request.admission.requests = isDryRun ? .delayedDryRun : .delayed
        if isDryRun { return .decline }
        RequestPause.begin(request, for: delay, then: .resume)
        return .wait
    }

    private static func appendExcess(_ excess: Int, to line: Buffer) {
        line.append(decimal: excess / 1_000)
        line.append(ASCII.dot)
        line.append(decimal: excess % 1_000, width: 3)
    }

    static func declareVariables(in registry: VariableRegistry) throws(ConfigurationError) {
        try registry.declareValue("limit_req_status", .noCacheable) { request, out in
            let outcome = request.admission.requests
            out.append(outcome.text)
            return outcome != .none
        }
    }
}

/// What the directives of request limits set.
struct LimitRequestsSettings: LimitSettings {
    var limits: [RequestLimit] = []
    var refusal = LimitRefusal()
}

/// One `limit_req`.
struct RequestLimit: Sendable {
    let rates: RequestRates
    /// Excesses that are refused above, and delayed above; in thousandths of requests.
    let burst: Int
    let undelayed: Int

    /// Milliseconds after which the excess is down to what is not delayed.
    func delay(for excess: Int) -> Int {
        guard excess > undelayed else { return 0 }
        let (product, overflow) = (excess - undelayed).multipliedReportingOverflow(by: 1_000)
        return overflow ? Int.max / 2 : product / rates.rate
    }
}
