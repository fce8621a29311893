import CZlib

/// A gzip stream of zlib, the other way round: compressed bytes in, bytes out. Used for one body after the other.
///
/// All calls of zlib's decompressor are here. They are unsafe because zlib keeps pointers to input and output in its state; these
/// are set anew for each call and never used after it. The state is allocated apart and never moves, since zlib checks its address.
@safe
final class Inflater {
    enum Outcome: Equatable {
        /// All input is taken, and all that it makes has come out.
        case taken
        /// The output buffer is full: call again with another.
        case full
        /// zlib's error.
        case failed(Int32)
    }

    private let stream: UnsafeMutablePointer<z_stream>
    /// What zlib said last.
    private(set) var lastCode = Z_OK
    /// All that has come ends with the end of a member.
    private(set) var isAtEnd = false

    /// Nil: zlib has no memory.
    init?() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16 more than the window's bits asks for gzip's frame instead of zlib's.
        let code = unsafe inflateInit2_(stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { return nil }
    }

    deinit {
        // Harmless where the initialisation failed: zlib's own state is nil then.
        _ = unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Ready for another body.
    func reset() {
        _ = unsafe inflateReset(stream)
        isAtEnd = false
        lastCode = Z_OK
    }

    /// Decompresses bytes from `start` on into the free space of `output`, which must not be empty, and moves `start` behind what
    /// was taken. `isLast`: nothing follows. Members may follow each other.
    func inflate(_ bytes: Span<UInt8>, from start: inout Int, isLast: Bool, into output: Buffer) -> Outcome {
        while true {
            if isAtEnd, start < bytes.count {
                _ = unsafe inflateReset(stream)
                isAtEnd = false
            }
            if isAtEnd { return .taken }
            let hasRoom = step(bytes, &start, isLast: isLast, output)
            switch lastCode {
            case Z_STREAM_END: isAtEnd = true
            case Z_OK, Z_BUF_ERROR: break
            default: return .failed(lastCode)
            }
            if !hasRoom { return .full }
            if start == bytes.count { return .taken }
            // What is left is another member.
            if !isAtEnd { return .failed(lastCode) }
        }
    }

    /// Calls zlib once; false: there is no room left.
    private func step(_ bytes: Span<UInt8>, _ start: inout Int, isLast: Bool, _ output: Buffer) -> Bool {
        let rest = bytes.extracting(start..<bytes.count)
        let stream = unsafe stream
        var code = Z_OK
        var hasRoom = false
        unsafe rest.withUnsafeBufferPointer { input in
            // zlib does not write to its input; the field lacks the const for historical reasons.
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
            _ = unsafe output.fill(minimum: 1) { space in
                unsafe stream.pointee.next_out = space.bindMemory(to: UInt8.self).baseAddress
                unsafe stream.pointee.avail_out = UInt32(clamping: space.count)
                code = unsafe CZlib.inflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                hasRoom = unsafe stream.pointee.avail_out > 0
                return unsafe space.count - Int(stream.pointee.avail_out)
            }
            start = unsafe bytes.count - Int(stream.pointee.avail_in)
        }
        unsafe stream.pointee.next_in = nil
        unsafe stream.pointee.next_out = nil
        lastCode = code
        return hasRoom
    }
}

/// The idle decompressors of a worker, of some forty kilobytes each.
final class InflaterPool {
    private static let bound = 64
    private var idle: [Inflater] = []

    init() {}

    /// Nil: there is no memory for another.
    func take() -> Inflater? {
        guard let inflater = idle.popLast() else { return Inflater() }
        inflater.reset()
        return inflater
    }

    func give(_ inflater: Inflater) {
        if idle.count < Self.bound { idle.append(inflater) }
    }
}
