import CZlib

/// Compressed logs: every buffer becomes a gzip member of its own, and a file of members is again a gzip file. So what has
/// been written can be read at any time.
enum GzipMember {
    /// The member, or nil when zlib has no memory.
    static func compress(_ bytes: Span<UInt8>, level: Int) -> Buffer? {
        var stream = unsafe z_stream()
        // 16 more than the window's bits asks for gzip's frame instead of zlib's.
        let started = unsafe deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, windowBits(bytes.count) + 16, MAX_MEM_LEVEL - 1,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard started == Z_OK else { return nil }
        defer { _ = unsafe deflateEnd(&stream) }
        let bound = Int(unsafe deflateBound(&stream, UInt(bytes.count)))
        let member = Buffer(capacity: bound)
        var isWhole = false
        unsafe bytes.withUnsafeBytes { source in
            let input = unsafe source.bindMemory(to: UInt8.self)
            // zlib does not write to its input; the field lacks the const for historical reasons.
            unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.avail_in = UInt32(input.count)
            _ = unsafe member.fill(minimum: bound) { space in
                let output = unsafe space.bindMemory(to: UInt8.self)
                unsafe stream.next_out = output.baseAddress
                unsafe stream.avail_out = UInt32(output.count)
                isWhole = unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END
                return output.count - Int(unsafe stream.avail_out)
            }
        }
        return isWhole ? member : nil
    }

    /// A window no larger than the input needs: it is memory that zlib would clear for nothing.
    private static func windowBits(_ count: Int) -> Int32 {
        var bits = MAX_WBITS
        while bits > 9, count < (1 << (Int(bits) - 1)) - 262 { bits -= 1 }
        return bits
    }
}
