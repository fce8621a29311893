import CZlib

/// A gzip stream of zlib.
///
/// All calls of zlib are here. They are unsafe because zlib keeps pointers to input and output in its state; these are set anew
/// for each call and never used after it. The state is allocated apart and never moves, since zlib checks its address.
@safe
final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// Nil: zlib has no memory.
    ///
    /// - Parameters:
    ///   - level: 1 to 9.
    ///   - windowBits: the window has 2 to this power bytes: 9 to 15.
    ///   - memoryLevel: 1 to 9.
    init?(level: Int, windowBits: Int, memoryLevel: Int) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more than the window's bits asks for gzip's frame instead of zlib's.
        let code = unsafe deflateInit2_(
            stream, Int32(level), Z_DEFLATED, Int32(windowBits) + 16, Int32(memoryLevel), Z_DEFAULT_STRATEGY,
            ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { return nil }
    }

    deinit {
        // Harmless where the initialisation failed: zlib's own state is nil then.
        _ = unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Ready for another body.
    func reset() {
        _ = unsafe deflateReset(stream)
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
        let rest = bytes.extracting(start..<bytes.count)
        var code = Z_OK
        var hasRoom = false
        let stream = unsafe stream
        unsafe rest.withUnsafeBufferPointer { input in
            // zlib does not write to its input; the field lacks the const for historical reasons.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
            _ = unsafe output.fill(minimum: 1) { space in
                unsafe stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: space.count)
                code = unsafe CZlib.deflate(stream, flush)
                hasRoom = unsafe stream.pointee.avail_out > 0
                return unsafe space.count - Int(stream.pointee.avail_out)
            }
            start = unsafe bytes.count - Int(stream.pointee.avail_in)
        }
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        if code == Z_STREAM_END { return .taken }
        guard code == Z_OK || code == Z_BUF_ERROR else { return .failed(Int(code)) }
        return hasRoom ? .taken : .full
    }
}
