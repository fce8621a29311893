/// A stream of one of the compressing libraries: bytes in, compressed bytes out.
enum Compressor {
    case zlib(Deflater)
    #if ISAL
        case igzip(IgzipDeflater)
    #endif
    case brotli(BrotliEncoder)
    case zstd(ZstdEncoder)

    /// Which library, and how hard it tries: streams of the same shape stand for each other.
    enum Shape: Equatable, Sendable {
        case zlib(level: Int, windowBits: Int, memoryLevel: Int)
        /// ISA-L's levels are 1 to 3 here.
        case igzip(level: Int, windowBits: Int)
        case brotli(quality: Int, windowBits: Int)
        case zstd(level: Int)
    }

    /// What is asked of the bytes given so far.
    enum Mode {
        /// The library may keep as much as it likes.
        case gather
        /// All of it has to come out.
        case flush
        /// The body ends here.
        case finish
    }

    enum Outcome: Equatable {
        /// All input is taken, and what the mode asks for is done.
        case taken
        /// The output buffer is full: call again with another.
        case full
        /// The library's error.
        case failed(Int)
    }

    /// Nil: there is no memory for it, or the library is not built in.
    init?(_ shape: Shape) {
        switch shape {
        case .zlib(let level, let windowBits, let memoryLevel):
            guard let made = Deflater(level: level, windowBits: windowBits, memoryLevel: memoryLevel) else { return nil }
            self = .zlib(made)
        case .igzip(let level, let windowBits):
            #if ISAL
                self = .igzip(IgzipDeflater(level: level, windowBits: windowBits))
            #else
                return nil
            #endif
        case .brotli(let quality, let windowBits):
            guard let made = BrotliEncoder(quality: quality, windowBits: windowBits) else { return nil }
            self = .brotli(made)
        case .zstd(let level):
            guard let made = ZstdEncoder(level: level) else { return nil }
            self = .zstd(made)
        }
    }

    /// Ready for a body of this length, -1 if it is not known; false: this stream cannot be used again.
    func reset(for length: Int) -> Bool {
        switch self {
        case .zlib(let stream): stream.reset()
        #if ISAL
            case .igzip(let stream): stream.reset()
        #endif
        case .brotli: return false
        case .zstd(let stream): stream.reset(for: length)
        }
        return true
    }

    /// Compresses bytes from `start` on into the free space of `output`, which must not be empty, and moves `start` behind
    /// what was taken. An output that is not full but holds something is for the caller to keep or to send.
    func compress(_ bytes: Span<UInt8>, from start: inout Int, _ mode: Mode, into output: Buffer) -> Outcome {
        switch self {
        case .zlib(let stream): stream.compress(bytes, from: &start, mode, into: output)
        #if ISAL
            case .igzip(let stream): stream.compress(bytes, from: &start, mode, into: output)
        #endif
        case .brotli(let stream): stream.compress(bytes, from: &start, mode, into: output)
        case .zstd(let stream): stream.compress(bytes, from: &start, mode, into: output)
        }
    }

    /// Whether ISA-L is built in.
    static var hasIgzip: Bool {
        #if ISAL
            true
        #else
            false
        #endif
    }
}

extension Compressor.Shape {
    /// A number for each shape.
    var code: UInt64 {
        switch self {
        case .zlib(let level, let windowBits, let memoryLevel): UInt64(level << 16 | windowBits << 8 | memoryLevel)
        case .igzip(let level, let windowBits): UInt64(1 << 24 | level << 16 | windowBits << 8)
        case .brotli(let quality, let windowBits): UInt64(2 << 24 | quality << 16 | windowBits << 8)
        case .zstd(let level): UInt64(3 << 24 | level << 16)
        }
    }
}

/// The idle streams of a worker: making one costs a quarter of a megabyte, using it again a few microseconds.
final class CompressorPool {
    /// Memory that idle streams may hold, in bytes.
    static let budget = 4 * 1_024 * 1_024

    private struct Idle {
        let shape: Compressor.Shape
        let compressor: Compressor
        let size: Int
    }

    private let idle = List<Idle>()
    private var size = 0

    init() {}

    /// Streams that are kept.
    var count: Int { idle.count }

    /// A stream for a body of this length, -1 if it is not known. Nil: there is no memory for another.
    func take(_ shape: Compressor.Shape, for length: Int) -> Compressor? {
        var index = idle.count
        while index > 0 {
            index -= 1
            guard idle[index].shape == shape else { continue }
            let compressor = idle[index].compressor
            size -= idle[index].size
            idle.remove(at: index)
            return compressor.reset(for: length) ? compressor : nil
        }
        guard let compressor = Compressor(shape) else { return nil }
        if case .zstd(let stream) = compressor { stream.reset(for: length) }
        return compressor
    }

    /// When there is no room, what has been kept for longest goes: a shape that no settings ask for any more is not kept for good.
    func give(_ compressor: Compressor, _ shape: Compressor.Shape) {
        guard let held = compressor.reusableSize(shape), held <= Self.budget else { return }
        while size + held > Self.budget, let oldest = idle.first {
            size -= oldest.size
            idle.remove(at: 0)
        }
        size += held
        idle.append(Idle(shape: shape, compressor: compressor, size: held))
    }

    /// Frees those that are kept.
    func removeAll() {
        idle.removeAll()
        size = 0
    }
}

extension Compressor {
    /// Bytes that the stream holds, about; nil if it cannot be used again.
    fileprivate func reusableSize(_ shape: Shape) -> Int? {
        switch (self, shape) {
        case (.brotli, _): nil
        case (.zstd(let stream), _): stream.size
        case (_, .zlib(_, let windowBits, let memoryLevel)): 8_192 + 1 << (windowBits + 2) + 1 << (memoryLevel + 9)
        default: 256 * 1_024
        }
    }
}
