/// Sessions that servers remember, in a zone that all workers and reloads share, and with them the keys of tickets.
///
/// A session is found by its id. It is stored in parts of one size, since most are small and a few, with clients' certificates in
/// them, are not. The oldest make room for new ones.
final class TLSSessionCache: @unchecked Sendable {
    /// The largest session that is kept, in bytes.
    static let longestSession = 8_192
    private static let longestID = 32

    /// A part of a session.
    private struct Part: BitwiseCopyable {
        /// The second from which on the session is not good any more.
        var expiry: Int
        /// Of the whole session.
        var length: UInt16
        /// Of this part.
        var count: UInt16
        /// Tells the parts of one session from those of an earlier one of the same id.
        var stamp: UInt32
        var bytes: InlineArray<224, UInt8>

        static let size = 224
    }

    private let parts: SharedTable<Part>
    /// The keys that tickets are sealed with while no file names any.
    let ticketKeys: RecordArray<TLSTicketKey>
    private let scratch = Buffer(capacity: TLSSessionCache.longestID + 1)

    init(in zone: Zone) {
        ticketKeys = RecordArray(
            count: 3, in: zone, initial: { _ in TLSTicketKey() }, repair: { _, _ in TLSTicketKey() })
        parts = SharedTable(in: zone, keyCapacity: Self.longestID + 1)
    }

    /// How many parts of sessions there are: for tests.
    var partCount: Int { parts.withLock { $0.count } }

    private func key(_ id: Span<UInt8>, _ part: Int) -> Buffer {
        scratch.removeAll()
        scratch.append(id)
        scratch.append(UInt8(truncatingIfNeeded: part))
        return scratch
    }

    /// Keeps a session; one that is too large is not kept.
    func store(_ session: Span<UInt8>, id: Span<UInt8>, now: Int, lifetime: Int) {
        guard session.count <= Self.longestSession, id.count <= Self.longestID, !session.isEmpty else {
            return
        }
        parts.withLock { table in
            // Two that are over at most, so that a handshake never pays for many.
            for _ in 0..<2 {
                guard let oldest = table.oldest, let part = table.record(oldest), part.expiry <= now
                else { break }
                table.remove(oldest)
            }
            let stamp = UInt32.random(in: 0...UInt32.max)
            var start = 0
            var number = 0
            while start < session.count {
                let count = min(Part.size, session.count - start)
                var part = Part(
                    expiry: now + lifetime, length: UInt16(session.count), count: UInt16(count),
                    stamp: stamp, bytes: InlineArray(repeating: 0))
                for index in 0..<count { part.bytes[index] = session[start + index] }
                let name = key(id, number)
                if let old = table.find(name.span) { table.remove(old) }
                _ = table.findOrInsert(name.span, part)
                start += count
                number += 1
            }
        }
    }

    /// Appends the session of an id to `session`; false: there is none, or it is too old.
    func find(_ id: Span<UInt8>, now: Int, into session: Buffer) -> Bool {
        guard id.count <= Self.longestID else { return false }
        return parts.withLock { table in
            var first: Part?
            var number = 0
            while true {
                let name = key(id, number)
                guard let slot = table.find(name.span), let part = table.record(slot) else { return false }
                if part.expiry <= now {
                    table.remove(slot)
                    return false
                }
                if let first, part.stamp != first.stamp { return false }
                first = part
                for index in 0..<min(Int(part.count), Part.size) { session.append(part.bytes[index]) }
                if session.count >= Int(part.length) { return session.count == Int(part.length) }
                number += 1
            }
        }
    }

    func remove(_ id: Span<UInt8>) {
        guard id.count <= Self.longestID else { return }
        parts.withLock { table in
            var number = 0
            while let slot = table.find(key(id, number).span) {
                table.remove(slot)
                number += 1
            }
        }
    }
}

/// `ssl_session_cache`: where a server remembers sessions.
struct TLSSessionStorage: Sendable {
    /// OpenSSL's own cache in each worker.
    enum Builtin: Sendable, Equatable {
        /// Clients are told that sessions cannot be resumed.
        case off
        /// They are told nothing, but there is no cache.
        case none
        /// Nil: OpenSSL's default number of sessions.
        case sessions(Int?)
        /// The shared cache alone.
        case unused
    }

    /// Nil: not set.
    var builtin: Builtin?
    var shared: TLSSessionCache?
}
