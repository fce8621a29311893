import CZlib

/// A gzip stream of zlib, the other way round: compressed bytes in, bytes out. Used for one body after the other.
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

    private let stream = ZlibStream()
    /// What zlib said last.
    private(set) var lastCode = Z_OK
    /// All that has come ends with the end of a member.
    private(set) var isAtEnd = false

    /// Nil: zlib has no memory.
    init?() {
        let code = unsafe inflateInit2_(
            stream.state, ZlibStream.gzip(windowBits: MAX_WBITS), ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { return nil }
    }

    deinit {
        // Harmless where the initialisation failed: zlib's own state is nil then.
        _ = unsafe inflateEnd(stream.state)
    }

    /// Ready for another body.
    func reset() {
        _ = unsafe inflateReset(stream.state)
        isAtEnd = false
        lastCode = Z_OK
    }

    /// Decompresses bytes from `start` on into the free space of `output`, which must not be empty, and moves `start` behind what
    /// was taken. `isLast`: nothing follows. Members may follow each other.
    func inflate(_ bytes: Span<UInt8>, from start: inout Int, isLast: Bool, into output: Buffer) -> Outcome {
        while true {
            if isAtEnd, start < bytes.count {
                _ = unsafe inflateReset(stream.state)
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
        let (code, hasRoom) = unsafe stream.step(bytes, &start, output) { unsafe CZlib.inflate($0, isLast ? Z_FINISH : Z_NO_FLUSH) }
        lastCode = code
        return hasRoom
    }
}

/// The idle decompressors of a worker, of some forty kilobytes each.
final class InflaterPool {
    private static let bound = 64
    private var idle: [Inflater] = []

    init() {}

    /// Those that are kept.
    var count: Int { idle.count }

    /// Nil: there is no memory for another.
    func take() -> Inflater? {
        guard let inflater = idle.popLast() else { return Inflater() }
        inflater.reset()
        return inflater
    }

    func give(_ inflater: Inflater) {
        if idle.count < Self.bound { idle.append(inflater) }
    }

    /// Frees those that are kept.
    func removeAll() { idle.removeAll() }
}
