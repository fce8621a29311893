import Testing

@testable import ApusServer

/// The arithmetic of request limits, in thousandths of requests and milliseconds.
@Suite struct LeakyBucketTests {
    @Test func aRequestAddsOneAndTimeTakesItAway() {
        var bucket = LeakyBucket(last: 1_000)
        #expect(bucket.add(at: 1_000, rate: 10_000) == 1_000)
        #expect(bucket.add(at: 1_050, rate: 10_000) == 1_500)
        #expect(bucket.add(at: 1_250, rate: 10_000) == 500)
        #expect(bucket.add(at: 9_000, rate: 10_000) == 0)
    }

    @Test func ratesBelowOneASecondLoseNothing() {
        // 30 a minute: half a request a second.
        var bucket = LeakyBucket(last: 0)
        #expect(bucket.add(at: 0, rate: 500) == 1_000)
        #expect(bucket.add(at: 1_000, rate: 500) == 1_500)
    }

    @Test func anotherWorkersClockMayBeAhead() {
        var bucket = LeakyBucket(last: 5_000)
        #expect(bucket.add(at: 4_990, rate: 1_000) == 1_000)
        #expect(bucket.last == 5_000)
    }

    @Test func aClockFarAheadIsForgotten() {
        var bucket = LeakyBucket(last: 500_000, excess: 1_000)
        #expect(bucket.add(at: 10, rate: 1_000) == 1_999)
        #expect(bucket.last == 10)
    }

    @Test func hugeRatesDoNotOverflow() {
        var bucket = LeakyBucket(last: 0, excess: 5_000)
        #expect(bucket.add(at: .max / 2, rate: .max / 2) == 0)
    }
}

@Suite struct RequestRatesTests {
    private func rates(perSecond rate: Int) throws -> RequestRates {
        let zones = SharedZones()
        let zone = try zones.zone(name: "z", size: 65_536, kind: "limit_req")
        let rates = RequestRates(zone: zone)
        rates.define(key: Template(constant: "k"), rate: rate * 1_000)
        try zones.open()
        return rates
    }

    private func counted(_ outcome: RequestRates.Outcome) -> Int? {
        if case .counted(let excess) = outcome { return excess }
        return nil
    }

    @Test func overTheBurstIsRefusedAndNotCounted() throws {
        let rates = try rates(perSecond: 1)
        let key: ByteString = "client"
        #expect(counted(rates.look(up: key.span, burst: 1_000, now: 0, counts: true)) == 0)
        #expect(counted(rates.look(up: key.span, burst: 1_000, now: 0, counts: true)) == 1_000)
        for _ in 0..<3 {
            #expect(counted(rates.look(up: key.span, burst: 1_000, now: 0, counts: true)) == nil)
        }
        #expect(counted(rates.look(up: key.span, burst: 1_000, now: 1_000, counts: true)) == 1_000)
    }

    @Test func whatIsHeldIsCountedLater() throws {
        let rates = try rates(perSecond: 1)
        let key: ByteString = "client"
        guard case .held(let slot) = rates.look(up: key.span, burst: 0, now: 90_000, counts: false)
        else {
            Issue.record("a new key is held")
            return
        }
        #expect(rates.count(slot, now: 90_000) == 0)
        #expect(rates.count(slot, now: 90_000) == 1_000)
    }
}

@Suite struct AccessRuleTests {
    private func rules(_ list: [(String, Bool)]) -> AccessSettings {
        var settings = AccessSettings()
        for (text, denies) in list {
            if text == "unix:" {
                settings.addUnix(denies: denies)
            } else if let found = Network.read(ByteString(text).span) {
                settings.add(found.network, denies: denies)
            }
        }
        return settings
    }

    private func denies(_ settings: AccessSettings, _ address: ByteString) -> Bool? {
        SocketAddress.ip(address.span).flatMap { settings.decision(for: $0) }
    }

    @Test func theFirstRuleDecides() {
        let settings = rules([("10.1.0.0/16", false), ("10.0.0.0/8", true), ("0.0.0.0/0", false)])
        #expect(denies(settings, "10.1.2.3") == false)
        #expect(denies(settings, "10.2.2.3") == true)
        #expect(denies(settings, "9.255.255.255") == false)
        #expect(denies(settings, "::1") == nil)
    }

    @Test func aMappedAddressIsAnIPv4OneIfThereAreRulesForThose() {
        #expect(denies(rules([("10.0.0.0/8", true)]), "::ffff:10.0.0.1") == true)
        #expect(denies(rules([("::ffff:0:0/96", true)]), "::ffff:10.0.0.1") == true)
        let both = rules([("::ffff:0:0/96", true), ("10.0.0.0/8", false)])
        #expect(denies(both, "::ffff:10.0.0.1") == false)
    }

    @Test func unixSocketsHaveRulesOfTheirOwn() {
        let settings = rules([("unix:", false), ("0.0.0.0/0", true), ("unix:", true)])
        #expect(settings.decision(for: SocketAddress(unix: .empty)) == false)
    }
}
