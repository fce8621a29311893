import CBrotliDecoder
import CZstd
import Testing

@testable import ApusServer

extension Compressor.Shape {
    var coding: ContentCoding {
        switch self {
        case .zlib, .igzip: .gzip
        case .brotli: .brotli
        case .zstd: .zstd
        }
    }
}

/// Decodes what a stream of a shape has made, as it comes, with the library's own decoder.
@safe final class Decoder {
    private(set) var out: [UInt8] = []
    private let coding: ContentCoding
    private let inflater = Inflater()
    private let brotli = unsafe BrotliDecoderCreateInstance(nil, nil, nil)
    private let zstd = unsafe ZSTD_createDCtx()
    private var isZstdFrameAtEnd = false

    init(_ shape: Compressor.Shape) { coding = shape.coding }

    deinit {
        unsafe BrotliDecoderDestroyInstance(brotli)
        _ = unsafe ZSTD_freeDCtx(zstd)
    }

    /// The stream is whole.
    var isAtEnd: Bool {
        switch coding {
        case .gzip: inflater?.isAtEnd ?? false
        case .brotli: unsafe BrotliDecoderIsFinished(brotli) != 0
        case .zstd: isZstdFrameAtEnd
        }
    }

    func take(_ bytes: [UInt8]) {
        switch coding {
        case .gzip: takeGzip(bytes)
        case .brotli: takeBrotli(bytes)
        case .zstd: takeZstd(bytes)
        }
    }

    private func takeGzip(_ bytes: [UInt8]) {
        let input = ByteString(bytes)
        var place = 0
        var outcome = Inflater.Outcome.full
        while outcome == .full {
            let buffer = Buffer(capacity: 65_536)
            outcome = inflater?.inflate(input.span, from: &place, isLast: false, into: buffer) ?? .failed(0)
            out += Array(copying: buffer.span)
        }
        #expect(outcome == .taken)
    }

    private func takeBrotli(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBufferPointer { input in
            var next = input.baseAddress
            var left = input.count
            var result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT
            var space = [UInt8](repeating: 0, count: 65_536)
            // The decoder may ask for input and have output left.
            while unsafe result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT || BrotliDecoderHasMoreOutput(brotli) != 0 {
                let made = unsafe space.withUnsafeMutableBufferPointer { output in
                    var nextOut = output.baseAddress
                    var room = output.count
                    result = unsafe BrotliDecoderDecompressStream(brotli, &left, &next, &room, &nextOut, nil)
                    return output.count - room
                }
                out += space[..<made]
            }
            #expect(result != BROTLI_DECODER_RESULT_ERROR && left == 0)
        }
    }

    private func takeZstd(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        unsafe bytes.withUnsafeBytes { source in
            var input = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            var space = [UInt8](repeating: 0, count: 65_536)
            var isFull = true
            while isFull {
                let made = unsafe space.withUnsafeMutableBytes { target in
                    var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    let code = unsafe ZSTD_decompressStream(zstd, &output, &input)
                    #expect(ZSTD_isError(code) == 0)
                    isZstdFrameAtEnd = code == 0
                    return unsafe output.pos
                }
                out += space[..<made]
                isFull = unsafe made == space.count || input.pos < input.size
            }
        }
    }
}
