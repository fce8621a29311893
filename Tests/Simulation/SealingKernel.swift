import COpenSSL

/// The kernel's part of TLS on one socket: it was given keys, and seals what is sent, record by record. As Linux does, it takes
/// plaintext before it has room for what becomes of it, and drops that when the socket is closed too early.
final class SealingKernel {
    private let isNewer: Bool
    private let cipher: UInt16
    private let key: [UInt8]
    /// Twelve bytes: of TLS 1.2's GCM the first four stay, the others go with each record.
    private var nonce: [UInt8]
    private(set) var sequence: UInt64
    /// Sealed, and not taken by TCP yet.
    private(set) var pending: [UInt8] = []
    /// The types of all records so far.
    private(set) var types: [UInt8] = []

    static let largestRecord = 16_384
    private static let tagSize = 16

    /// Nil for keys of another form than `linux/tls.h` gives them.
    init?(keys: [UInt8]) {
        guard keys.count >= 40 else { return nil }
        isNewer = keys[0] == 4
        cipher = UInt16(keys[2])
        guard keys[1] == 3, keys[3] == 0 else { return nil }
        let parts: (iv: Int, key: Int, salt: Int)
        switch cipher {
        case 51: parts = (8, 16, 4)
        case 52: parts = (8, 32, 4)
        case 54: parts = (12, 32, 0)
        default: return nil
        }
        guard keys.count == 4 + parts.iv + parts.key + parts.salt + 8 else { return nil }
        let afterKey = 4 + parts.iv + parts.key
        key = Array(keys[4 + parts.iv..<afterKey])
        nonce = Array(keys[afterKey..<afterKey + parts.salt] + keys[4..<4 + parts.iv])
        sequence = keys.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The counter goes with the record.
    private var hasExplicitNonce: Bool { !isNewer && cipher != 54 }

    /// Adds a record to what is pending.
    func seal(_ plaintext: ArraySlice<UInt8>, type: UInt8) {
        types.append(type)
        let number = (0..<8).map { UInt8(truncatingIfNeeded: sequence >> UInt64(56 - 8 * $0)) }
        let inner = Array(plaintext) + (isNewer ? [type] : [])
        let explicit = hasExplicitNonce ? Array(nonce[4...]) : []
        var used = nonce
        if !hasExplicitNonce { for index in 0..<8 { used[4 + index] ^= number[index] } }
        let length = explicit.count + inner.count + Self.tagSize
        let outer = isNewer ? 23 : type
        let head = [outer, 3, 3, UInt8(length >> 8), UInt8(length & 0xFF)]
        let covered = isNewer ? head : number + [type, 3, 3, UInt8(inner.count >> 8), UInt8(inner.count & 0xFF)]
        let sealed = unsafe encrypt(inner, nonce: used, covered: covered)
        pending += head + explicit + sealed
        sequence += 1
        if hasExplicitNonce { count() }
    }

    private func count() {
        for index in (4..<12).reversed() {
            nonce[index] &+= 1
            if nonce[index] != 0 { return }
        }
    }

    @unsafe
    private func encrypt(_ plaintext: [UInt8], nonce: [UInt8], covered: [UInt8]) -> [UInt8] {
        let context = unsafe EVP_CIPHER_CTX_new()
        defer { unsafe EVP_CIPHER_CTX_free(context) }
        let algorithm =
            switch cipher {
            case 51: unsafe EVP_aes_128_gcm()
            case 52: unsafe EVP_aes_256_gcm()
            default: unsafe EVP_chacha20_poly1305()
            }
        var count: Int32 = 0
        var sealed = [UInt8](repeating: 0, count: plaintext.count + 32)
        var tag = [UInt8](repeating: 0, count: Self.tagSize)
        let isDone =
            unsafe EVP_EncryptInit_ex(context, algorithm, nil, key, nonce) == 1
            && EVP_EncryptUpdate(context, nil, &count, covered, Int32(covered.count)) == 1
            && EVP_EncryptUpdate(context, &sealed, &count, plaintext, Int32(plaintext.count)) == 1
        var last: Int32 = 0
        let isTagged =
            unsafe EVP_EncryptFinal_ex(context, &tag, &last) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagSize), &tag) == 1
        precondition(isDone && isTagged && Int(count) == plaintext.count, "OpenSSL has these ciphers")
        return Array(sealed[..<Int(count)]) + tag
    }

    /// TCP has taken so many of the pending bytes.
    func advance(by count: Int) { pending.removeFirst(count) }
}

extension SimulatedSocket {
    /// Takes plaintext, as far as there is room for some of its record at least.
    func sendSealed(_ bytes: [UInt8], type: UInt8, by sealer: SealingKernel) -> Int {
        var taken = 0
        while taken < bytes.count {
            let code = pushSealed()
            if code < 0 { return taken > 0 ? taken : code }
            guard canTake else {
                // Nothing is sent, but the answer is the socket's, and it tells of room.
                let code = send([0], more: false)
                precondition(code < 0)
                return taken > 0 ? taken : code
            }
            let part = min(bytes.count - taken, SealingKernel.largestRecord)
            sealer.seal(bytes[taken..<taken + part], type: type)
            taken += part
        }
        _ = pushSealed()
        return taken
    }

    /// Gives TCP what is sealed; negative if something is left.
    @discardableResult
    func pushSealed() -> Int {
        guard let sealer else { return 0 }
        while !sealer.pending.isEmpty {
            let code = send(sealer.pending, more: false)
            guard code > 0 else { return code }
            sealer.advance(by: code)
        }
        return 0
    }
}
