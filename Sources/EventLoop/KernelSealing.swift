/// A connection whose records the kernel seals (kTLS): what is sent to its socket is plaintext, files by `sendfile` included.
///
/// The one way to make it is to give a kernel the keys, and to hear that it took them: so nothing is ever sent as it is to a socket
/// whose kernel does not seal. It holds for sending alone; what is received is opened in the process.
@safe
final class KernelSealing {
    private let kernel: Kernel
    private let cipher: Cipher
    /// What TCP had been given, which record came next and how much the endpoint had sent when it began.
    private let totalBefore: Int
    private let recordBefore: Int
    private let sentBefore: Int
    /// Bytes of records that are not data which the kernel took.
    private var controlBytes = 0
    /// The type of the record that is being sent, and how many of its bytes are not.
    private var type: UInt8 = 0
    private var rest = 0
    /// Nothing more is sent, and TCP has it all.
    private(set) var isFinished = false

    /// What a kernel has to be given, and what it makes of it.
    private struct Cipher {
        /// The size of the keys.
        let size: Int
        /// What a record has besides its plaintext.
        let overhead: Int

        /// Nil for a cipher that is not known.
        init?(version: UInt16, code: UInt16) {
            let isNewer = version == 0x0304
            switch code {
            case 51, 53: (size, overhead) = (40, isNewer ? 22 : 29)  // AES-128 in GCM and in CCM
            case 52: (size, overhead) = (56, isNewer ? 22 : 29)  // AES-256 in GCM
            case 54: (size, overhead) = (56, isNewer ? 22 : 21)  // ChaCha20 with Poly1305
            default: return nil
            }
        }
    }

    /// Nil if the kernel does not take it.
    /// - Parameter keys: a struct of `linux/tls.h`, which begins with the version and the cipher.
    @unsafe
    init?(of endpoint: Endpoint, keys: UnsafeRawPointer) {
        let version = unsafe keys.load(as: UInt16.self)
        let code = unsafe keys.load(fromByteOffset: 2, as: UInt16.self)
        guard endpoint.descriptor >= 0, let cipher = Cipher(version: version, code: code) else { return nil }
        let kernel = endpoint.loop.kernel
        var waiting = 0
        totalBefore = kernel.tcpTotal(endpoint.descriptor, waiting: &waiting)
        guard totalBefore >= 0,
            unsafe kernel.seal(endpoint.descriptor, keys: UnsafeRawBufferPointer(start: keys, count: cipher.size)) >= 0
        else { return nil }
        recordBefore = kernel.nextRecord(endpoint.descriptor, size: cipher.size)
        sentBefore = endpoint.bytesSent
        self.kernel = kernel
        self.cipher = cipher
    }

    // MARK: - Records that are not data

    /// Queues bytes of such a record, `frameLimit` at most and not none: its type, their count in two bytes, and they.
    static func frame(_ type: UInt8, _ bytes: Span<UInt8>, in sealed: Buffer) {
        sealed.append(type)
        sealed.append(UInt8(truncatingIfNeeded: bytes.count >> 8))
        sealed.append(UInt8(truncatingIfNeeded: bytes.count))
        sealed.append(bytes)
    }

    /// How much more than its bytes a frame takes.
    static let frameOverhead = 3
    /// So many bytes fit in one frame.
    static let frameLimit = 0xFFFF

    /// Sends one frame, or what is left of it. Returns how far it came in `sealed`, or a negative error number.
    func sendFrame(_ sealed: Buffer, from start: Int, to endpoint: Endpoint) -> Int {
        let isBegun = rest > 0
        let type = isBegun ? self.type : sealed[start]
        let first = isBegun ? start : start + Self.frameOverhead
        let count = isBegun ? rest : Int(sealed[start + 1]) << 8 | Int(sealed[start + 2])
        let code = unsafe sealed.span(first..<first + count).withUnsafeBytes {
            unsafe kernel.sendRecord(endpoint.descriptor, type: type, $0)
        }
        guard code > 0 else { return code }
        self.type = type
        rest = count - code
        controlBytes += code
        return first + code
    }

    // MARK: - The end

    /// Whether TCP has got all that was sent. The kernel takes plaintext before it has room for the record that becomes of it, and
    /// drops what has found none when the socket is closed: whoever closes has to ask.
    func hasPassedOn(of endpoint: Endpoint) -> Bool {
        if isFinished { return true }
        var waiting = 0
        let total = kernel.tcpTotal(endpoint.descriptor, waiting: &waiting)
        // There is no connection any more.
        if total < 0 { return true }
        let record = kernel.nextRecord(endpoint.descriptor, size: cipher.size)
        if recordBefore < 0 || record < 0 {
            // An old kernel does not tell with all ciphers: then all that it gave TCP has to be acknowledged.
            isFinished = waiting == 0
        } else {
            let plaintext = endpoint.bytesSent - sentBefore + controlBytes
            isFinished = total - totalBefore >= plaintext + (record - recordBefore) * cipher.overhead
        }
        return isFinished
    }
}
