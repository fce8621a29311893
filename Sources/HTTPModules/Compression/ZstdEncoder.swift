import CZstd

/// A Zstandard stream of the reference library.
///
/// All calls of the library are here. They are unsafe because it is handed pointers to input and output; it keeps neither.
@safe
final class ZstdEncoder {
    /// Clients need not take frames with larger windows than 8 MB (RFC 9659).
    private static let largestWindow: Int32 = 23

    private let context: OpaquePointer

    /// Nil: there is no memory for it.
    ///
    /// - Parameter level: 1 to 22.
    init?(level: Int) {
        guard let made = unsafe ZSTD_createCCtx() else { return nil }
        unsafe context = made
        let code = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        guard ZSTD_isError(code) == 0 else { return nil }
        // The levels above 19 have larger windows by themselves.
        if level > 19, unsafe ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Self.largestWindow)) != 0 { return nil }
    }

    deinit {
        _ = unsafe ZSTD_freeCCtx(context)
    }

    /// Bytes that it holds.
    var size: Int { unsafe ZSTD_sizeof_CCtx(context) }

    /// Ready for another body, of this length: -1 if it is not known. A short one needs small tables.
    func reset(for length: Int) {
        _ = unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        if length >= 0 { _ = unsafe ZSTD_CCtx_setPledgedSrcSize(context, UInt64(length)) }
    }

    /// See `Compressor.compress`.
    func compress(
        _ bytes: Span<UInt8>, from start: inout Int, _ mode: Compressor.Mode, into output: Buffer
    ) -> Compressor.Outcome {
        let directive =
            switch mode {
            case .gather: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        let rest = bytes.extracting(start..<bytes.count)
        var code = 0
        let context = unsafe context
        unsafe rest.withUnsafeBytes { source in
            var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            _ = unsafe output.fill(minimum: 1) { space in
                var result = unsafe ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                code = unsafe ZSTD_compressStream2(context, &result, &input, directive)
                return unsafe result.pos
            }
            start += unsafe input.pos
        }
        guard ZSTD_isError(code) == 0 else { return .failed(Int(ZSTD_getErrorCode(code).rawValue)) }
        switch mode {
        case .gather: return start == bytes.count ? .taken : .full
        // What is left to come out, or nothing.
        case .flush, .finish: return code == 0 && start == bytes.count ? .taken : .full
        }
    }
}
