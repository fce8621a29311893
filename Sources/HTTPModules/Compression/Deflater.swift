import CZlib

/// A gzip stream of zlib.
@safe
final class Deflater {
    private let stream = ZlibStream()

    /// Nil: zlib has no memory.
    ///
    /// - Parameters:
    ///   - level: 1 to 9.
    ///   - windowBits: the window has 2 to this power bytes: 9 to 15.
    ///   - memoryLevel: 1 to 9.
    init?(level: Int, windowBits: Int, memoryLevel: Int) {
        let code = unsafe deflateInit2_(
            stream.state, Int32(level), Z_DEFLATED, ZlibStream.gzip(windowBits: Int32(windowBits)), Int32(memoryLevel),
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { return nil }
    }

    deinit {
        // Harmless where the initialisation failed: zlib's own state is nil then.
        _ = unsafe deflateEnd(stream.state)
    }

    /// Ready for another body.
    func reset() {
        _ = unsafe deflateReset(stream.state)
    }

    /// See `Compressor.compress`.
    func compress(
        _ bytes: Span<UInt8>, from start: inout Int, _ mode: Compressor.Mode, into output: Buffer
    ) -> Compressor.Outcome {
        let flush =
            switch mode {
            case .gather: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        let (code, hasRoom) = unsafe stream.step(bytes, &start, output) { unsafe CZlib.deflate($0, flush) }
        if code == Z_STREAM_END { return .taken }
        guard code == Z_OK || code == Z_BUF_ERROR else { return .failed(Int(code)) }
        return hasRoom ? .taken : .full
    }
}
