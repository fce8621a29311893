import COpenSSL

/// Why a certificate or a key could not be had: nginx's words, with what OpenSSL says.
struct TLSObjectError: Error {
    let message: String

    /// With the errors that OpenSSL has noted, which are forgotten.
    init(_ text: String) {
        message = text + OpenSSLErrors.text()
    }

    init(_ text: StaticString) {
        self.init(text.description)
    }
}

/// Certificates of one source in its order: a server's and its chain's, or those of authorities.
@safe
final class TLSCertificates: @unchecked Sendable {
    /// Never empty.
    let all: [OpaquePointer]

    /// Takes the references over.
    fileprivate init(_ all: [OpaquePointer]) {
        unsafe self.all = all
    }

    deinit {
        for unsafe certificate in unsafe all { unsafe X509_free(certificate) }
    }

    /// The certificates behind the first as OpenSSL wants them, with references of their own; nil without memory.
    @unsafe
    func makeChain() -> OpaquePointer? {
        guard let stack = unsafe apus_certificates_new() else { return nil }
        for unsafe certificate in unsafe all.dropFirst() {
            _ = unsafe X509_up_ref(certificate)
            if unsafe apus_certificates_push(stack, certificate) == 0 {
                unsafe X509_free(certificate)
                unsafe apus_certificates_free(stack)
                return nil
            }
        }
        return unsafe stack
    }

    /// Reads all certificates. The first may carry trust settings; of an authority's file all may.
    static func read(_ source: TLSSource, areAuthorities: Bool) throws(TLSObjectError) -> TLSCertificates {
        let bio = unsafe try source.open()
        defer { unsafe BIO_free(bio) }
        var found: [OpaquePointer] = unsafe []
        while true {
            let takesTrust = unsafe areAuthorities || found.isEmpty
            let next = unsafe takesTrust
                ? PEM_read_bio_X509_AUX(bio, nil, nil, nil) : PEM_read_bio_X509(bio, nil, nil, nil)
            if let next = unsafe next {
                unsafe found.append(next)
                continue
            }
            if unsafe !found.isEmpty, OpenSSLErrors.last == .noPEMStart {
                OpenSSLErrors.clear()
                return unsafe TLSCertificates(found)
            }
            for unsafe certificate in unsafe found { unsafe X509_free(certificate) }
            throw TLSObjectError(
                takesTrust ? "PEM_read_bio_X509_AUX() failed" : "PEM_read_bio_X509() failed")
        }
    }
}

/// Lists of revoked certificates.
@safe
final class TLSRevocations: @unchecked Sendable {
    let all: [OpaquePointer]

    private init(_ all: [OpaquePointer]) {
        unsafe self.all = all
    }

    deinit {
        for unsafe list in unsafe all { unsafe X509_CRL_free(list) }
    }

    static func read(_ source: TLSSource) throws(TLSObjectError) -> TLSRevocations {
        let bio = unsafe try source.open()
        defer { unsafe BIO_free(bio) }
        var found: [OpaquePointer] = unsafe []
        while let next = unsafe PEM_read_bio_X509_CRL(bio, nil, nil, nil) { unsafe found.append(next) }
        let lists = unsafe TLSRevocations(found)
        guard unsafe !found.isEmpty, OpenSSLErrors.last == .noPEMStart else {
            throw TLSObjectError("PEM_read_bio_X509_CRL() failed")
        }
        OpenSSLErrors.clear()
        return lists
    }
}

/// A private key.
@safe
final class TLSKey: @unchecked Sendable {
    let handle: OpaquePointer
    /// A password opened it: such a key is not kept for later.
    let wasEncrypted: Bool

    /// Whether TLS 1.3 knows a signature for such a key (RFC 8446 4.2.3): of elliptic curves it knows three, and DSA not at all.
    var signsForTLS13: Bool {
        switch unsafe EVP_PKEY_get_base_id(handle) {
        case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_ED25519, EVP_PKEY_ED448: return true
        case EVP_PKEY_EC:
            let name = Buffer(capacity: 32)
            _ = unsafe name.fill(minimum: 32) { space in
                var count = 0
                let code = unsafe EVP_PKEY_get_group_name(handle, space.baseAddress, space.count, &count)
                return code == 1 ? count : 0
            }
            let known: [StaticString] = ["prime256v1", "secp384r1", "secp521r1"]
            return known.contains { name.span.equals($0) }
        default: return false
        }
    }

    fileprivate init(_ handle: OpaquePointer, wasEncrypted: Bool) {
        unsafe self.handle = handle
        self.wasEncrypted = wasEncrypted
    }

    deinit {
        unsafe EVP_PKEY_free(handle)
    }

    /// Reads a key; where a password is needed those given are tried in order. Without any, OpenSSL asks on the terminal.
    static func read(
        _ source: TLSSource, passwords: TLSPasswords?
    ) throws(TLSObjectError) -> TLSKey {
        switch source {
        case .engine: throw TLSObjectError("loading \"engine:...\" certificate keys is not supported")
        case .store(let uri): return try readStore(uri, passwords)
        case .file, .data: break
        }
        let bio = unsafe try source.open()
        defer { unsafe BIO_free(bio) }
        guard let passwords else {
            guard let key = unsafe PEM_read_bio_PrivateKey(bio, nil, nil, nil) else {
                throw TLSObjectError("PEM_read_bio_PrivateKey() failed")
            }
            return unsafe TLSKey(key, wasEncrypted: false)
        }
        let attempt = PasswordAttempt(passwords)
        while true {
            let key = unsafe PEM_read_bio_PrivateKey(
                bio, nil, passwordCallback, Unmanaged.passUnretained(attempt).toOpaque())
            if let key = unsafe key { return unsafe TLSKey(key, wasEncrypted: attempt.wasAsked) }
            guard attempt.advance() else { throw TLSObjectError("PEM_read_bio_PrivateKey() failed") }
            OpenSSLErrors.clear()
            _ = unsafe apus_bio_reset(bio)
        }
    }

    private static func readStore(
        _ uri: ByteString, _ passwords: TLSPasswords?
    ) throws(TLSObjectError) -> TLSKey {
        let attempt = PasswordAttempt(passwords ?? TLSPasswords([]))
        let method = unsafe passwords == nil
            ? nil : UI_UTIL_wrap_read_pem_callback(passwordCallback, 0)
        defer { if let method = unsafe method { unsafe UI_destroy_method(method) } }
        let store = unsafe uri.withCString {
            unsafe OSSL_STORE_open(
                $0, method, Unmanaged.passUnretained(attempt).toOpaque(), nil, nil)
        }
        guard let store = unsafe store else { throw TLSObjectError("OSSL_STORE_open() failed") }
        var key: OpaquePointer?
        while unsafe key == nil, unsafe OSSL_STORE_eof(store) == 0 {
            guard let info = unsafe OSSL_STORE_load(store) else { continue }
            if unsafe OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY {
                unsafe key = OSSL_STORE_INFO_get1_PKEY(info)
            }
            unsafe OSSL_STORE_INFO_free(info)
        }
        _ = unsafe OSSL_STORE_close(store)
        guard let key = unsafe key else { throw TLSObjectError("OSSL_STORE_load() failed") }
        return unsafe TLSKey(key, wasEncrypted: attempt.wasAsked)
    }
}

/// What keys may be protected with. Wiped when it goes.
final class TLSPasswords: @unchecked Sendable {
    let all: [Buffer]

    init(_ all: [ByteString]) {
        self.all = all.map { text in
            let buffer = Buffer(capacity: text.count)
            buffer.append(text)
            return buffer
        }
    }

    deinit {
        for password in all { password.wipe() }
    }
}

/// One password after the other, as OpenSSL asks.
private final class PasswordAttempt {
    private let passwords: TLSPasswords
    private var index = 0
    var wasAsked = false

    init(_ passwords: TLSPasswords) {
        self.passwords = passwords
    }

    /// Goes to the next password; false: there is none.
    func advance() -> Bool {
        index += 1
        return index < passwords.all.count
    }

    /// Writes the password that is tried.
    @unsafe
    func answer(_ space: UnsafeMutablePointer<CChar>, _ size: Int) -> Int32 {
        wasAsked = true
        guard index < passwords.all.count else { return 0 }
        let password = passwords.all[index]
        let count = min(password.count, size)
        for index in 0..<count { unsafe space[index] = CChar(bitPattern: password[index]) }
        return Int32(count)
    }
}

/// OpenSSL's question for a password; `data` is the attempt.
private func passwordCallback(
    _ space: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32,
    _ data: UnsafeMutableRawPointer?
) -> Int32 {
    guard isWriting == 0, let space = unsafe space, let data = unsafe data, size > 0 else { return 0 }
    let attempt = unsafe Unmanaged<PasswordAttempt>.fromOpaque(data).takeUnretainedValue()
    return unsafe attempt.answer(space, Int(size))
}

/// Where a certificate or a key comes from.
enum TLSSource: Hashable, Sendable {
    /// An absolute path.
    case file(ByteString)
    /// PEM in the configuration itself.
    case data(ByteString)
    /// A URI for a loader of OpenSSL.
    case store(ByteString)
    case engine

    /// Reads nginx's notation. Relative paths start at `folder`.
    init(_ text: ByteString, relativeTo folder: ByteString, isKey: Bool = false, isPlainPath: Bool = false) {
        if !isPlainPath, text.hasPrefix("data:") {
            self = .data(text)
        } else if isKey, text.hasPrefix("engine:") {
            self = .engine
        } else if isKey, text.hasPrefix("store:") {
            self = .store(text.slice(6..<text.count))
        } else if !text.isEmpty, text[0] == ASCII.slash {
            self = .file(text)
        } else {
            self = .file(folder + text)
        }
    }

    /// As messages show it.
    var text: String {
        switch self {
        case .file(let path): path.text
        case .data(let text): text.text
        case .store(let uri): "store:" + uri.text
        case .engine: "engine:"
        }
    }

    /// A BIO to read from.
    @unsafe
    fileprivate func open() throws(TLSObjectError) -> OpaquePointer {
        switch self {
        case .file(let path):
            guard let bio = unsafe path.withCString({ unsafe BIO_new_file($0, "r") }) else {
                throw TLSObjectError("BIO_new_file() failed")
            }
            return unsafe bio
        case .data(let text):
            // The BIO gets a copy of its own: it must not depend on the text's life.
            guard let bio = unsafe BIO_new(BIO_s_mem()) else {
                throw TLSObjectError("BIO_new_mem_buf() failed")
            }
            let content = text.slice(5..<text.count)
            _ = unsafe content.bytes.withUnsafeBytes {
                unsafe BIO_write(bio, $0.baseAddress, Int32($0.count))
            }
            return unsafe bio
        case .store, .engine:
            throw TLSObjectError("BIO_new_file() failed")
        }
    }
}

extension OpenSSLErrors.Code {
    /// The end of a file of PEM.
    fileprivate static let noPEMStart = OpenSSLErrors.Code(
        library: ERR_LIB_PEM, reason: PEM_R_NO_START_LINE)
}

extension ByteString {
    /// Lets `body` see the bytes as a C string, up to the first NUL.
    @unsafe
    func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        let terminated = bytes + [0]
        return unsafe terminated.withUnsafeBytes { raw in
            guard let start = raw.baseAddress else { preconditionFailure("the text ends with NUL") }
            return unsafe body(start.assumingMemoryBound(to: CChar.self))
        }
    }
}
