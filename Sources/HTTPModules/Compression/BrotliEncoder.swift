import CBrotli

/// A brotli stream of the reference library, for one body: the library has no way to use one again.
///
/// All calls of the library are here. They are unsafe because it is handed pointers to input and output; it keeps neither.
@safe
final class BrotliEncoder {
    private let state: OpaquePointer

    /// Nil: there is no memory for it.
    ///
    /// - Parameters:
    ///   - quality: 0 to 11.
    ///   - windowBits: the window has 2 to this power bytes: 10 to 24.
    init?(quality: Int, windowBits: Int) {
        guard let made = unsafe BrotliEncoderCreateInstance(nil, nil, nil) else { return nil }
        unsafe state = made
        let isSet =
            unsafe BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, UInt32(quality)) != 0
            && BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, UInt32(windowBits)) != 0
        guard isSet else { return nil }
    }

    deinit {
        unsafe BrotliEncoderDestroyInstance(state)
    }

    /// See `Compressor.compress`.
    func compress(
        _ bytes: Span<UInt8>, from start: inout Int, _ mode: Compressor.Mode, into output: Buffer
    ) -> Compressor.Outcome {
        let operation =
            switch mode {
            case .gather: BROTLI_OPERATION_PROCESS
            case .flush: BROTLI_OPERATION_FLUSH
            case .finish: BROTLI_OPERATION_FINISH
            }
        let rest = bytes.extracting(start..<bytes.count)
        var isGood = false
        let state = unsafe state
        unsafe rest.withUnsafeBufferPointer { input in
            var nextIn = input.baseAddress
            var left = input.count
            _ = unsafe output.fill(minimum: 1) { space in
                var nextOut = unsafe space.bindMemory(to: UInt8.self).baseAddress
                var room = space.count
                isGood = unsafe BrotliEncoderCompressStream(state, operation, &left, &nextIn, &room, &nextOut, nil) != 0
                return space.count - room
            }
            start = bytes.count - left
        }
        guard isGood else { return .failed(0) }
        if unsafe BrotliEncoderHasMoreOutput(state) != 0 { return .full }
        switch mode {
        case .gather, .flush: return start == bytes.count ? .taken : .full
        case .finish: return unsafe BrotliEncoderIsFinished(state) != 0 ? .taken : .full
        }
    }
}
