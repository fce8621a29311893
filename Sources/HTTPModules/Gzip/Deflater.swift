import CZlib

/// A gzip stream of zlib: bytes in, compressed bytes out. Used for one body after the other.
///
/// All calls of zlib are here. They are unsafe because zlib keeps pointers to input and output in its state; these are set anew
/// for each call and never used after it. The state is allocated apart and never moves, since zlib checks its address.
@safe
final class Deflater {
    /// How large zlib's memory is, and how hard it tries.
    struct Shape: Equatable, Sendable {
        /// 1 to 9.
        var level: Int
        /// The window has 2 to this power bytes: 9 to 15.
        var windowBits: Int
        /// 1 to 9.
        var memoryLevel: Int

        init(level: Int, windowBits: Int, memoryLevel: Int) {
            self.level = level
            self.windowBits = windowBits
            self.memoryLevel = memoryLevel
        }

        /// Bytes that zlib allocates, by its documentation, about.
        var size: Int { 8_192 + 1 << (windowBits + 2) + 1 << (memoryLevel + 9) }
    }

    /// What is asked of the bytes given so far.
    enum Mode {
        /// zlib may keep as much as it likes.
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
        /// zlib's error.
        case failed(Int32)
    }

    let shape: Shape
    private let stream: UnsafeMutablePointer<z_stream>

    /// Nil: zlib has no memory.
    init?(_ shape: Shape) {
        self.shape = shape
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more than the window's bits asks for gzip's frame instead of zlib's.
        let code = unsafe deflateInit2_(
            stream, Int32(shape.level), Z_DEFLATED, Int32(shape.windowBits) + 16,
            Int32(shape.memoryLevel), Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
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

    var bytesIn: Int { unsafe Int(stream.pointee.total_in) }
    var bytesOut: Int { unsafe Int(stream.pointee.total_out) }

    /// Compresses bytes from `start` on into the free space of `output`, which must not be empty, and moves `start` behind
    /// what was taken. An output that is not full but holds something is for the caller to keep or to send.
    func deflate(
        _ bytes: Span<UInt8>, from start: inout Int, _ mode: Mode, into output: Buffer
    ) -> Outcome {
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
        guard code == Z_OK || code == Z_BUF_ERROR else { return .failed(code) }
        return hasRoom ? .taken : .full
    }
}

/// The idle gzip streams of a worker: making one costs a quarter of a megabyte, using it again a few microseconds.
final class DeflaterPool {
    /// Memory that idle streams may hold, in bytes.
    private static let budget = 16 * 1_024 * 1_024
    private var idle: [Deflater] = []
    private var size = 0

    init() {}

    /// Nil: there is no memory for another.
    func take(_ shape: Deflater.Shape) -> Deflater? {
        if let index = idle.lastIndex(where: { $0.shape == shape }) {
            let deflater = idle[index]
            idle.swapAt(index, idle.count - 1)
            idle.removeLast()
            size -= shape.size
            deflater.reset()
            return deflater
        }
        return Deflater(shape)
    }

    func give(_ deflater: Deflater) {
        guard size + deflater.shape.size <= Self.budget else { return }
        size += deflater.shape.size
        idle.append(deflater)
    }
}
