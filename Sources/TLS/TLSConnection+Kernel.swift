/// What OpenSSL has to say once the kernel seals: it writes records that are not data as they are, and announces their type before.
extension TLSConnection {
    /// The type of what is being written.
    struct OpenRecord {
        var type: UInt8
        /// Nothing of it was written yet.
        var isFresh = true
    }

    /// Another record begins. A long one is written in several parts.
    func beginRecord(of type: UInt8) { openRecord = OpenRecord(type: type) }

    /// Queues a part of a record for the kernel to seal. False: it must not be sent.
    func takeRecord(_ bytes: Span<UInt8>) -> Bool {
        // Data do not pass through OpenSSL any more.
        guard var record = openRecord, record.type == Self.alertType || record.type == Self.handshakeType else { return false }
        if bytes.isEmpty { return true }
        if record.isFresh, record.type == Self.handshakeType, bytes[0] == Self.keyUpdate {
            refuseKeyUpdate()
            return false
        }
        record.isFresh = false
        openRecord = record
        var rest = bytes
        while !rest.isEmpty {
            let part = min(rest.count, KernelSealing.frameLimit)
            enqueue(record.type, rest.extracting(0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        return true
    }

    /// OpenSSL would go on with keys that the kernel does not have: the peer is told that the connection cannot go on.
    func refuseKeyUpdate() {
        isKeyUpdateRefused = true
        enqueue(Self.alertType, [2, 80].span)
    }

    private func enqueue(_ type: UInt8, _ bytes: Span<UInt8>) {
        KernelSealing.frame(type, bytes, in: sink(for: bytes.count + KernelSealing.frameOverhead))
    }

    private static let alertType: UInt8 = 21
    private static let handshakeType: UInt8 = 22
    private static let keyUpdate: UInt8 = 24
}
