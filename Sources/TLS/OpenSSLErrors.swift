import COpenSSL

/// What OpenSSL has noted about the calls that failed, in nginx's form.
enum OpenSSLErrors {
    /// The library and the reason of an error.
    struct Code: Equatable, Sendable {
        var library: Int32
        var reason: Int32
    }

    /// The error noted last; nil if there is none.
    static var last: Code? {
        let code = ERR_peek_last_error()
        if code == 0 { return nil }
        return Code(library: apus_err_library(code), reason: apus_err_reason(code))
    }

    static var isEmpty: Bool { ERR_peek_error() == 0 }

    static func clear() { ERR_clear_error() }

    /// Appends ` (SSL: error:... error:...)` and forgets the errors; nothing if there are none.
    static func append(to line: Buffer) {
        if isEmpty { return }
        line.append(" (SSL:")
        while true {
            var data: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = unsafe ERR_peek_error_data(&data, &flags)
            if code == 0 { break }
            line.append(ASCII.space)
            appendText(of: code, to: line)
            if flags & ERR_TXT_STRING != 0, let text = unsafe data,
                unsafe text.pointee != 0
            {
                line.append(ASCII.colon)
                unsafe append(text, to: line)
            }
            _ = ERR_get_error()
        }
        line.append(ASCII.closeParenthesis)
    }

    private static func appendText(of code: UInt, to line: Buffer) {
        _ = unsafe line.fill(minimum: 256) { space in
            unsafe space.withMemoryRebound(to: CChar.self) { characters in
                unsafe ERR_error_string_n(code, characters.baseAddress, characters.count)
                var length = 0
                while unsafe length < characters.count && characters[length] != 0 { length += 1 }
                return length
            }
        }
    }

    /// Appends a C string.
    @unsafe
    static func append(_ text: UnsafePointer<CChar>, to line: Buffer) {
        var index = 0
        while unsafe text[index] != 0 {
            unsafe line.append(UInt8(bitPattern: text[index]))
            index += 1
        }
    }

    /// The text that `append` makes, as a string: for messages about the configuration.
    static func text() -> String {
        let line = Buffer(capacity: 256)
        append(to: line)
        return ByteString(line.span).text
    }
}

extension OpenSSLErrors {
    /// Whether the error noted last is one that a peer can cause at will: no news about a client, an error of an upstream.
    static var isPeersFault: Bool {
        guard let last else { return false }
        return reasons.contains(last.reason) || (1_000...1_255).contains(last.reason)
    }

    /// nginx's list. Reasons from 1000 on are alerts that the peer has sent.
    private static let reasons: Set<Int32> = [
        SSL_R_BAD_CHANGE_CIPHER_SPEC, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_BAD_KEY_SHARE, SSL_R_BAD_EXTENSION,
        SSL_R_BAD_DIGEST_LENGTH, SSL_R_MISSING_SIGALGS_EXTENSION, SSL_R_BAD_PACKET_LENGTH,
        SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_BAD_KEY_UPDATE, SSL_R_BLOCK_CIPHER_PAD_IS_WRONG,
        SSL_R_CCS_RECEIVED_EARLY, SSL_R_DATA_BETWEEN_CCS_AND_FINISHED, SSL_R_DATA_LENGTH_TOO_LONG,
        SSL_R_DIGEST_CHECK_FAILED, SSL_R_ENCRYPTED_LENGTH_TOO_LONG, SSL_R_ERROR_IN_RECEIVED_CIPHER_LIST,
        SSL_R_EXCESSIVE_MESSAGE_SIZE, SSL_R_GOT_A_FIN_BEFORE_A_CCS, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_HTTP_REQUEST,
        SSL_R_LENGTH_MISMATCH, SSL_R_LENGTH_TOO_SHORT, SSL_R_NO_RENEGOTIATION, SSL_R_NO_CIPHERS_SPECIFIED,
        SSL_R_BAD_CIPHER, SSL_R_NO_COMPRESSION_SPECIFIED, SSL_R_NO_SHARED_CIPHER, SSL_R_PACKET_LENGTH_TOO_LONG,
        SSL_R_INVALID_ALERT, SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_CLIENTHELLO_TLSEXT, SSL_R_PARSE_TLSEXT,
        SSL_R_CALLBACK_FAILED, SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_UNEXPECTED_MESSAGE, SSL_R_UNEXPECTED_RECORD,
        SSL_R_UNKNOWN_ALERT_TYPE, SSL_R_UNKNOWN_PROTOCOL, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_WRONG_VERSION_NUMBER,
        SSL_R_BAD_LENGTH, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY,
        SSL_R_BAD_LEGACY_VERSION, SSL_R_MIXED_HANDSHAKE_AND_NON_HANDSHAKE_DATA, SSL_R_RECORD_TOO_SMALL,
        SSL_R_SSL3_SESSION_ID_TOO_LONG, SSL_R_BAD_ECPOINT, SSL_R_RENEGOTIATE_EXT_TOO_LONG,
        SSL_R_RENEGOTIATION_ENCODING_ERR, SSL_R_RENEGOTIATION_MISMATCH, SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED,
        SSL_R_SCSV_RECEIVED_WHEN_RENEGOTIATING, SSL_R_INAPPROPRIATE_FALLBACK, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
        SSL_R_CERT_CB_ERROR, SSL_R_VERSION_TOO_LOW, SSL_R_TOO_MANY_WARN_ALERTS, SSL_R_BAD_RECORD_TYPE,
    ]
}
