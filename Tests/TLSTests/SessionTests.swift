import CLinux
import Testing

@testable import ApusServer
@testable import Simulation

private func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 31 &+ $0 >> 8) }
}

private func cache(size: Int = 1 << 20) throws -> TLSSessionCache {
    let zones = SharedZones()
    let zone = try zones.zone(name: "sessions", size: size, kind: "test")
    let cache = TLSSessionCache(in: zone)
    try zones.open()
    return cache
}

private func write(_ bytes: [UInt8], to path: String) throws {
    let kernel = Kernel()
    let name = Buffer()
    name.append(path)
    name.append(0)
    let file = Int32(kernel.open(path: name, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600))
    #expect(kernel.write(file, bytes.span, offset: 0) == bytes.count)
    kernel.close(file)
}

/// Sessions in a zone.
@Suite struct SessionCacheTests {
    private func find(_ cache: TLSSessionCache, _ id: [UInt8], now: Int) -> [UInt8]? {
        let found = Buffer()
        return cache.find(id.span, now: now, into: found) ? Array(copying: found.span) : nil
    }

    @Test(arguments: [1, 223, 224, 225, 448, 449, 5_000, 8_192])
    func whatIsStoredIsFound(_ size: Int) throws {
        let cache = try cache()
        let id = pattern(32)
        cache.store(pattern(size).span, id: id.span, now: 100, lifetime: 300)
        #expect(find(cache, id, now: 399) == pattern(size))
        #expect(find(cache, pattern(32, seed: 1), now: 100) == nil)
        #expect(find(cache, Array(id.dropLast()), now: 100) == nil)
    }

    @Test func whatIsTooLargeOrTooOldIsNot() throws {
        let cache = try cache()
        cache.store(pattern(8_193).span, id: pattern(32).span, now: 100, lifetime: 300)
        #expect(find(cache, pattern(32), now: 100) == nil)
        cache.store(pattern(100).span, id: pattern(33).span, now: 100, lifetime: 300)
        #expect(cache.partCount == 0)
        cache.store(pattern(100).span, id: pattern(32).span, now: 100, lifetime: 300)
        #expect(find(cache, pattern(32), now: 400) == nil)
        #expect(cache.partCount == 0)
    }

    @Test func aSessionOfTheSameIDReplacesALongerOne() throws {
        let cache = try cache()
        let id = pattern(32)
        cache.store(pattern(1_000).span, id: id.span, now: 100, lifetime: 300)
        cache.store(pattern(50, seed: 3).span, id: id.span, now: 101, lifetime: 300)
        #expect(find(cache, id, now: 102) == pattern(50, seed: 3))
        cache.remove(id.span)
        #expect(find(cache, id, now: 102) == nil)
    }

    @Test func aFullZoneForgetsTheOldestAndNeverMixesTwo() throws {
        let cache = try cache(size: SharedZones.minimumSize)
        for number in 0..<500 {
            var id = pattern(32)
            id[0] = UInt8(number & 255)
            id[1] = UInt8(number >> 8)
            cache.store(pattern(1 + number * 7 % 900, seed: number).span, id: id.span, now: 100, lifetime: 300)
        }
        var found = 0
        for number in 0..<500 {
            var id = pattern(32)
            id[0] = UInt8(number & 255)
            id[1] = UInt8(number >> 8)
            guard let session = find(cache, id, now: 101) else { continue }
            #expect(session == pattern(1 + number * 7 % 900, seed: number))
            found += 1
            #expect(number > 400)
        }
        #expect(found > 10)
    }
}

/// Keys of tickets, and what they seal.
@Suite struct TicketTests {
    @Test func keysOfAZoneAreRotatedAndTheOneBeforeStaysGood() throws {
        let zone = try cache()
        var made: UInt8 = 0
        let fill: (inout TLSTicketKey) -> Bool = { key in
            made += 1
            key.size = 80
            key.bytes = InlineArray(repeating: made)
            return true
        }
        let keys = TLSTicketKeys(shared: zone)
        #expect(keys.refresh(now: 1_000, lifetime: 300, random: fill))
        let first = keys.keys[0].bytes[0]
        // Within its time it stays.
        #expect(keys.refresh(now: 1_200, lifetime: 300, random: fill))
        #expect(keys.keys[0].bytes[0] == first)
        // Another worker sees the same.
        let other = TLSTicketKeys(shared: zone)
        #expect(other.refresh(now: 1_250, lifetime: 300, random: fill))
        #expect(other.keys[0].bytes[0] == first)
        // When nothing can have been sealed with the one before, the next takes over.
        #expect(keys.refresh(now: 1_400, lifetime: 300, random: fill))
        #expect(keys.keys[0].bytes[0] != first && keys.keys[1].bytes[0] == first)
        var name = [UInt8](repeating: first, count: 16)
        #expect(keys.find(name.span) == 1)
        name[15] ^= 1
        #expect(keys.find(name.span) == nil)
    }

    private func resume(
        _ pair: MachinePair, on server: TLSContext, _ version: TLSProtocols
    ) throws -> MachinePair {
        let session = try #require(pair.client.session)
        let next = try MachinePair(server, client: TestContext.client(version), session: session)
        next.ask()
        #expect(next.server.tls.isEstablished && next.client.tls.isEstablished)
        return next
    }

    private func files(_ names: [String]) throws -> TLSContext {
        try TestContext.server { $0.ticketKeyFiles = names.map { ByteString($0) } }
    }

    private func key(_ name: String, size: Int) throws -> String {
        let path = "/tmp/apus-ticket-\(Process.id)-\(UInt64.random(in: 0...(.max)))"
        try write(pattern(size, seed: Int(name.utf8.first ?? 0)), to: path)
        return path
    }

    @Test(arguments: [TLSProtocols.tls12, .tls13], [48, 80])
    func ticketsOfFilesAreGoodForOtherServersWithThem(_ version: TLSProtocols, _ size: Int) throws {
        let paths = try [key("a", size: size), key("b", size: 128 - size)]
        defer { for path in paths { try? File.remove(path) } }
        let pair = try MachinePair(files([paths[0]]), client: TestContext.client(version))
        pair.ask()
        #expect(!pair.server.tls.isSessionReused)
        let rotated = try resume(pair, on: files([paths[1], paths[0]]), version)
        #expect(rotated.server.tls.isSessionReused)
        let gone = try resume(pair, on: files([paths[1]]), version)
        #expect(!gone.server.tls.isSessionReused)
    }

    /// They cost neither a packet nor a call of their own, and whoever only says hello is not given any.
    @Test func ticketsTravelWithTheFirstAnswer() throws {
        let pair = try MachinePair()
        pair.settle()
        #expect(pair.client.tls.isEstablished && pair.client.session == nil)
        pair.server.open(pair.client.seal([1]))
        let flight = pair.server.seal([2])
        pair.client.open(flight)
        #expect(pair.client.plaintext == [2] && pair.client.session != nil)
        // Three records, two of them tickets: later answers have none.
        pair.server.open(pair.client.seal([1]))
        #expect(flight.count > 400 && pair.server.seal([2]).count < 40)
    }

    @Test func filesOfOtherSizesAreRefused() throws {
        let path = try key("odd", size: 50)
        defer { try? File.remove(path) }
        #expect(throws: ConfigurationError.self) { try files([path]) }
        #expect(throws: ConfigurationError.self) { try files(["/nonexistent/key"]) }
    }

    @Test func sessionsWithoutTicketsComeFromTheZone() throws {
        let zone = try cache()
        func server() throws -> TLSContext {
            try TestContext.server {
                $0.usesTickets = false
                $0.sessionStorage = TLSSessionStorage(builtin: .unused, shared: zone)
            }
        }
        for version in [TLSProtocols.tls12, .tls13] {
            let pair = try MachinePair(server(), client: TestContext.client(version))
            pair.ask()
            let again = try resume(pair, on: server(), version)
            #expect(again.server.tls.isSessionReused)
            again.server.tls.forgetSession()
        }
        #expect(zone.partCount <= 2)
    }

    @Test func aSessionIsNotResumedByAServerWithOtherRulesForClients() throws {
        let zone = try cache()
        let settings: (inout TLSServerSettings) -> Void = {
            $0.sessionStorage = TLSSessionStorage(builtin: .unused, shared: zone)
        }
        let pair = try MachinePair(TestContext.server(settings), client: TestContext.client())
        pair.ask()
        let path = "/tmp/apus-authority-\(Process.id)"
        try write(Array(TestCertificate.rsa.utf8), to: path)
        defer { try? File.remove(path) }
        let strict = try TestContext.server {
            settings(&$0)
            $0.verification = .on
            $0.clientCertificates = ByteString(path)
        }
        let session = try #require(pair.client.session)
        let next = try MachinePair(strict, client: TestContext.client(), session: session)
        next.settle()
        #expect(!next.server.tls.isSessionReused)
    }
}
