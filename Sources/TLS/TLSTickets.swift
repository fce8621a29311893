import COpenSSL

/// A key that tickets are sealed with: plain numbers, for the zone.
struct TLSTicketKey: BitwiseCopyable, Sendable {
    /// The second from which on no ticket is good that was sealed with it; 0: not made yet.
    var expiry = 0
    /// Bytes of the file that it comes from: 48 stands for 128 bits, 80 for 256.
    var size = 0
    /// A name of 16 bytes, then the key of the digest, then that of the cipher, each of half the rest.
    var bytes = InlineArray<80, UInt8>(repeating: 0)

    var keySize: Int { (size - Self.nameSize) / 2 }

    /// Its name and keys are those of another.
    func isSame(as other: TLSTicketKey) -> Bool { size == other.size && bytes.span.equals(other.bytes.span) }

    static let nameSize = 16
    static let randomSize = 80
}

/// The code that a ticket is sealed with, begun with a key: OpenSSL copies it with a seventh of the steps that beginning takes
/// (800 instructions instead of 5,700), which would be 1 % of a resumed handshake.
@safe
private final class TLSTicketDigest {
    let handle: OpaquePointer

    /// Nil if OpenSSL has no memory.
    init?(_ key: TLSTicketKey) {
        guard let made = unsafe apus_hmac_new() else { return nil }
        unsafe handle = made
        let isBegun = unsafe key.bytes.span.extracting(TLSTicketKey.nameSize...).withUnsafeBytes {
            unsafe apus_hmac_begin(handle, $0.baseAddress, key.keySize, TicketAlgorithm.sha256) == 1
        }
        if !isBegun { return nil }
    }

    deinit {
        unsafe apus_hmac_free(handle)
    }
}

/// The keys of a server's tickets, the first of which seals new ones: those of files, or those of the zone, which are rotated.
final class TLSTicketKeys: @unchecked Sendable {
    private(set) var keys: [TLSTicketKey]
    /// What the codes of each key begin with, made when it is first used.
    private var digests: [TLSTicketDigest?]
    /// Where the keys come from that are rotated; nil: they come from files.
    private let shared: TLSSessionCache?

    init(files keys: [TLSTicketKey]) {
        self.keys = keys
        digests = Array(repeating: nil, count: keys.count)
        shared = nil
    }

    init(shared: TLSSessionCache) {
        keys = [TLSTicketKey(), TLSTicketKey()]
        digests = [nil, nil]
        self.shared = shared
    }

    deinit {
        for index in keys.indices { keys[index] = TLSTicketKey() }
    }

    /// Whether tickets of a key other than the first are replaced: those of files may be renewed by a reload.
    func isOutdated(_ index: Int) -> Bool { index != 0 && keys[index].expiry != 0 }

    /// Takes the zone's keys as they are now, and rotates them if it is time. `lifetime` is that of a ticket sealed now.
    ///
    /// There are three: the present one, the one before it as long as tickets of it may be about, and the next, which workers know
    /// before any of them uses it.
    func refresh(now: Int, lifetime: Int, random: (inout TLSTicketKey) -> Bool) -> Bool {
        guard let shared else { return true }
        let expiry = now + lifetime
        // Another worker may have gone on to the next key already; what it sealed can be opened once this one has looked.
        if keys[0].expiry >= expiry, keys[1].expiry >= now { return true }
        return shared.ticketKeys.withRecords { records in
            if records[0].expiry == 0 {
                var fresh = TLSTicketKey()
                guard random(&fresh) else { return false }
                fresh.expiry = expiry
                records[0] = fresh
                records[2] = fresh
            }
            if records[1].expiry < now {
                var next = TLSTicketKey()
                guard random(&next) else { return false }
                records[1] = records[0]
                records[0] = records[2]
                records[2] = next
            }
            records[0].expiry = max(records[0].expiry, expiry)
            for index in keys.indices { take(records[index], as: index) }
            return true
        }
    }

    private func take(_ record: TLSTicketKey, as index: Int) {
        if !record.isSame(as: keys[index]) { digests[index] = nil }
        keys[index] = record
    }

    /// The key of a name, or nil.
    func find(_ name: Span<UInt8>) -> Int? {
        keys.firstIndex {
            $0.size > 0 && $0.bytes.span.extracting(0..<TLSTicketKey.nameSize).equals(name)
        }
    }

    /// Begins the code of a ticket. False: OpenSSL has no memory.
    @unsafe
    func beginDigest(_ hmac: OpaquePointer, of index: Int) -> Bool {
        if digests[index] == nil { digests[index] = TLSTicketDigest(keys[index]) }
        guard let begun = digests[index] else { return false }
        return unsafe apus_hmac_copy(hmac, begun.handle) == 1
    }

    /// Reads a file of 48 or 80 random bytes.
    static func read(_ path: ByteString) throws(ConfigurationError) -> TLSTicketKey {
        let content: [UInt8]
        do throws(WholeFile.Failure) {
            content = try WholeFile.read(path.bytes)
        } catch {
            throw ConfigurationError("\(error.operation) \"\(path)\" failed (\(error.errno))")
        }
        guard content.count == 48 || content.count == 80 else {
            throw ConfigurationError("\"\(path)\" must be 48 or 80 bytes")
        }
        var key = TLSTicketKey()
        key.expiry = 1
        key.size = content.count
        // Files of 48 bytes have the cipher's key before the digest's.
        let half = key.keySize
        for index in 0..<content.count {
            var place = index
            if content.count == 48, index >= TLSTicketKey.nameSize {
                place = index < TLSTicketKey.nameSize + half ? index + half : index - half
            }
            key.bytes[place] = content[index]
        }
        return key
    }
}

/// The algorithms of tickets, looked up once: OpenSSL would do it again for each ticket.
private enum TicketAlgorithm {
    nonisolated(unsafe) static let sha256 = unsafe EVP_MD_fetch(nil, "SHA256", nil)
    nonisolated(unsafe) static let aes128 = unsafe EVP_CIPHER_fetch(nil, "AES-128-CBC", nil)
    nonisolated(unsafe) static let aes256 = unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
}

extension TLSContext {
    /// Tickets are sealed with these keys instead of OpenSSL's own.
    func useTickets(_ keys: TLSTicketKeys) {
        ticketKeys = keys
        _ = unsafe apus_ctx_set_ticket_callback(handle, sealTicket)
    }
}

/// Prepares OpenSSL to seal (or open) a ticket; what it answers is in the manual of SSL_CTX_set_tlsext_ticket_key_cb.
private func sealTicket(
    _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ hmac: OpaquePointer?, _ isSealing: Int32
) -> Int32 {
    guard let connection = unsafe TLSConnection.of(ssl), let keys = connection.context.ticketKeys,
        let name = unsafe name, let vector = unsafe vector, let hmac = unsafe hmac
    else { return -1 }
    let lifetime = unsafe SSL_CTX_get_timeout(connection.context.handle)
    let isFresh = keys.refresh(now: connection.loop.wallSeconds, lifetime: lifetime) { key in
        key.size = TLSTicketKey.randomSize
        var bytes = key.bytes.mutableSpan
        return unsafe bytes.withUnsafeMutableBytes {
            unsafe RAND_bytes($0.baseAddress, Int32($0.count)) == 1
        }
    }
    guard isFresh else { return -1 }
    let shown = unsafe Span<UInt8>(_unsafeStart: name, count: TLSTicketKey.nameSize)
    guard let index = isSealing == 1 ? 0 : keys.find(shown) else { return 0 }
    let key = keys.keys[index]
    guard unsafe keys.beginDigest(hmac, of: index) else { return -1 }
    let algorithm = key.size == 48 ? unsafe TicketAlgorithm.aes128 : unsafe TicketAlgorithm.aes256
    let isReady = unsafe key.bytes.span.withUnsafeBytes { bytes -> Bool in
        guard let start = bytes.baseAddress else { return false }
        let cipherKey = unsafe (start + TLSTicketKey.nameSize + key.keySize)
            .assumingMemoryBound(to: UInt8.self)
        guard isSealing == 1 else {
            return unsafe EVP_DecryptInit_ex(cipher, algorithm, nil, cipherKey, vector) == 1
        }
        unsafe UnsafeMutableRawPointer(name).copyMemory(from: start, byteCount: TLSTicketKey.nameSize)
        guard unsafe RAND_bytes(vector, EVP_CIPHER_get_iv_length(algorithm)) == 1 else { return false }
        return unsafe EVP_EncryptInit_ex(cipher, algorithm, nil, cipherKey, vector) == 1
    }
    guard isReady else { return -1 }
    if isSealing == 1 { return 1 }
    // TLS 1.3's tickets are used once.
    return unsafe SSL_version(ssl) == TLS1_3_VERSION || keys.isOutdated(index) ? 2 : 1
}
