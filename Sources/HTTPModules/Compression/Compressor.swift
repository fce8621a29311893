/// A stream of one of the compressing libraries: bytes in, compressed bytes out. Used for one body after the other.
enum Compressor {
    case zlib(Deflater)
    #if ISAL
        case igzip(IgzipDeflater)
    #endif

    /// Which library, and how hard it tries: streams of the same shape stand for each other.
    enum Shape: Equatable, Sendable {
        case zlib(level: Int, windowBits: Int, memoryLevel: Int)
        /// ISA-L's levels are 1 to 3 here.
        case igzip(level: Int, windowBits: Int)
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
        }
    }

    /// Ready for another body.
    func reset() {
        switch self {
        case .zlib(let stream): stream.reset()
        #if ISAL
            case .igzip(let stream): stream.reset()
        #endif
        }
    }

    /// Compresses bytes from `start` on into the free space of `output`, which must not be empty, and moves `start` behind
    /// what was taken. An output that is not full but holds something is for the caller to keep or to send.
    func compress(_ bytes: Span<UInt8>, from start: inout Int, _ mode: Mode, into output: Buffer) -> Outcome {
        switch self {
        case .zlib(let stream): stream.compress(bytes, from: &start, mode, into: output)
        #if ISAL
            case .igzip(let stream): stream.compress(bytes, from: &start, mode, into: output)
        #endif
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
    /// Bytes that a stream of this shape holds, about.
    var size: Int {
        switch self {
        case .zlib(_, let windowBits, let memoryLevel): 8_192 + 1 << (windowBits + 2) + 1 << (memoryLevel + 9)
        case .igzip: 256 * 1_024
        }
    }
}

/// The idle streams of a worker: making one costs a quarter of a megabyte, using it again a few microseconds.
final class CompressorPool {
    /// Memory that idle streams may hold, in bytes.
    private static let budget = 4 * 1_024 * 1_024

    private struct Idle {
        let shape: Compressor.Shape
        let compressor: Compressor
    }

    private let idle = List<Idle>()
    private var size = 0

    init() {}

    /// Nil: there is no memory for another.
    func take(_ shape: Compressor.Shape) -> Compressor? {
        var index = idle.count
        while index > 0 {
            index -= 1
            guard idle[index].shape == shape else { continue }
            let compressor = idle[index].compressor
            if let last = idle.popLast(), index < idle.count { idle[index] = last }
            size -= shape.size
            compressor.reset()
            return compressor
        }
        return Compressor(shape)
    }

    /// When there is no room, what has been kept for longest goes: a shape that no settings ask for any more is not kept for good.
    func give(_ compressor: Compressor, _ shape: Compressor.Shape) {
        guard shape.size <= Self.budget else { return }
        while size + shape.size > Self.budget, let oldest = idle.first {
            size -= oldest.shape.size
            idle.remove(at: 0)
        }
        size += shape.size
        idle.append(Idle(shape: shape, compressor: compressor))
    }
}
