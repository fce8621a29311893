/// What the hash methods need of a key, without keeping its bytes.
///
/// Both hashes are linear in their starting value, so a further round (a rehash after a peer was refused) needs the key's own
/// contribution and its length only.
struct HashedKey: Sendable {
    private let count: Int
    /// The key's hash from a starting value of zero.
    private let contribution: UInt32
    private var hash: Int
    private var rounds = 0

    private init(count: Int, contribution: UInt32, start: Int) {
        self.count = count
        self.contribution = contribution
        hash = start
    }

    /// For methods that use no key.
    static let none = HashedKey(count: 0, contribution: 0, start: 0)

    var isEmpty: Bool { count == 0 }

    /// The key of `hash`.
    init(text: Span<UInt8>) {
        self.init(
            count: text.count, contribution: CRC32.update(0, text), start: 0)
    }

    /// The key of `ip_hash`: the first three bytes of an IPv4 address, all sixteen of an IPv6 one; clients of other families
    /// count as one.
    init(client: SocketAddress) {
        var hash = 0
        let count = client.family == .ipv6 ? 16 : 3
        for index in 0..<count {
            let word = index < 8 ? client.high : client.low
            let byte =
                switch client.family {
                case .ipv6: word >> UInt64(56 - index % 8 * 8) & 0xFF
                case .ipv4: client.low >> UInt64(24 - index * 8) & 0xFF
                case .unix: UInt64(0)
                }
            hash = (hash * 113 + Int(byte)) % 6271
        }
        self.init(count: count, contribution: UInt32(hash), start: 89)
    }

    /// The next value of nginx's address hash.
    mutating func nextAddressHash() -> Int {
        for _ in 0..<count { hash = hash * 113 % 6271 }
        hash = (hash + Int(contribution)) % 6271
        return hash
    }

    /// The next value of Cache::Memcached's hash: CRC-32 of the round's number and the key, upper half, added up.
    mutating func nextRehash() -> Int {
        var state = ~UInt32(0)
        if rounds > 0 { state = CRC32.update(state, decimal: rounds) }
        let crc = ~(CRC32.update(state, zeros: count) ^ contribution)
        hash = (hash + Int(crc >> 16 & 0x7FFF)) & 0xFFFF_FFFF
        rounds += 1
        return hash
    }

    /// Where the key falls on a ring, found once.
    mutating func ringPosition(on ring: HashRing) -> Int {
        if rounds == 0 {
            hash = ring.position(of: ~(CRC32.update(~0, zeros: count) ^ contribution))
            rounds = 1
        }
        return hash
    }
}

/// CRC-32 as zlib and nginx compute it, without the complements at the ends.
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320
        }
    }

    static func update(_ state: UInt32, _ byte: UInt8) -> UInt32 {
        table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] ^ state >> 8
    }

    static func update(_ state: UInt32, _ bytes: Span<UInt8>) -> UInt32 {
        var state = state
        for index in bytes.indices { state = update(state, bytes[index]) }
        return state
    }

    static func update(_ state: UInt32, zeros count: Int) -> UInt32 {
        var state = state
        for _ in 0..<count { state = update(state, 0) }
        return state
    }

    static func update(_ state: UInt32, decimal number: Int) -> UInt32 {
        let before = number >= 10 ? update(state, decimal: number / 10) : state
        return update(before, ASCII.zero + UInt8(number % 10))
    }
}

/// The ring of `hash ... consistent`, as ketama and nginx lay it: 160 points a unit of weight.
struct HashRing: Sendable {
    private struct Point {
        let hash: UInt32
        /// The first peer of the server.
        let server: Int
    }

    private let points: [Point]
    /// For each peer, the number of its server: the index of the first peer with the same name.
    let servers: [Int]

    init(_ peers: ArraySlice<Peer>) {
        var points: [Point] = []
        var numbers: [ByteString: Int] = [:]
        var servers: [Int] = []
        for peer in peers {
            let server = numbers[peer.server] ?? peer.index
            numbers[peer.server] = server
            servers.append(server)
            let name = peer.server
            let start = Self.start(of: name.span)
            var previous: UInt32 = 0
            for _ in 0..<peer.options.limits.weight * 160 {
                var state = start
                for shift: UInt32 in [0, 8, 16, 24] {
                    state = CRC32.update(state, UInt8(truncatingIfNeeded: previous >> shift))
                }
                previous = ~state
                points.append(Point(hash: previous, server: server))
            }
        }
        points.sort { ($0.hash, $0.server) < ($1.hash, $1.server) }
        var distinct: [Point] = []
        for point in points where distinct.last?.hash != point.hash { distinct.append(point) }
        self.points = distinct
        self.servers = servers
    }

    /// The state after HOST, a zero byte and PORT.
    private static func start(of server: Span<UInt8>) -> UInt32 {
        let prefix = server.extracting(first: 5)
        if prefix.equalsIgnoringCase("unix:") {
            return CRC32.update(CRC32.update(~0, server.extracting(5..<server.count)), 0)
        }
        var hostEnd = server.count
        var portStart = server.count
        var index = server.count
        while index > 0, server[index - 1].isASCIIDigit { index -= 1 }
        if index > 0, server[index - 1] == ASCII.colon {
            hostEnd = index - 1
            portStart = index
        }
        let host = CRC32.update(CRC32.update(~0, server.extracting(0..<hostEnd)), 0)
        return CRC32.update(host, server.extracting(portStart..<server.count))
    }

    /// Whether peers can be found on the ring: backups cannot.
    func covers(_ peers: Range<Int>) -> Bool {
        !peers.isEmpty && peers.upperBound <= servers.count
    }

    /// The first point at or after a hash.
    func position(of hash: UInt32) -> Int {
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The server of a point, counted on around the ring.
    func server(at position: Int) -> Int {
        points[position % points.count].server
    }
}
