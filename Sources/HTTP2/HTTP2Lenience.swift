import CNghttp2

/// Mends fields that nginx takes and nghttp2 does not: Huffman codes that end with a whole byte of padding, which RFC 7541 5.2
/// forbids, and some clients send.
///
/// It looks at frames that come in one piece, which those of such clients do, and only where a byte of padding may be.
@safe
enum HTTP2Lenience {
    private static let headSize = 9

    /// The first HEADERS frame from `start` on that has to be mended: where it lies, and what is to be read in its place.
    ///
    /// - Parameter start: where a frame begins.
    static func firstMended(in bytes: Span<UInt8>, from start: Int) -> (Range<Int>, Buffer)? {
        var position = start
        while position + headSize <= bytes.count {
            let length = Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2])
            let end = position + headSize + length
            guard end <= bytes.count else { return nil }
            let isWhole = UInt32(bytes[position + 4]) & NGHTTP2_FLAG_END_HEADERS.rawValue != 0
            if UInt32(bytes[position + 3]) == NGHTTP2_HEADERS.rawValue, isWhole,
                let mended = mended(bytes.extracting(position..<end))
            {
                return (position..<end, mended)
            }
            position = end
        }
        return nil
    }

    /// A frame without the bytes of padding; nil: there are none.
    private static func mended(_ frame: Span<UInt8>) -> Buffer? {
        guard frame.firstIndex(of: 0xFF, from: headSize) != nil else { return nil }
        let flags = UInt32(frame[4])
        var position = headSize
        var end = frame.count
        if flags & NGHTTP2_FLAG_PADDED.rawValue != 0 {
            guard position < end else { return nil }
            end -= Int(frame[position])
            position += 1
        }
        if flags & NGHTTP2_FLAG_PRIORITY.rawValue != 0 { position += 5 }
        guard position <= end else { return nil }
        var walk = Walk(position: position, end: end)
        while walk.position < end {
            guard walk.passField(frame) else { return nil }
        }
        guard let output = walk.output else { return nil }
        output.append(frame.extracting(walk.copied..<frame.count))
        let length = output.count - headSize
        for index in 0..<3 { output[index] = UInt8(truncatingIfNeeded: length >> (16 - 8 * index)) }
        return output
    }

    /// Goes through the fields of a block without decoding them.
    private struct Walk {
        var position: Int
        let end: Int
        /// The frame as far as it was copied.
        var output: Buffer?
        var copied = 0

        /// False: this is no block of fields.
        mutating func passField(_ frame: Span<UInt8>) -> Bool {
            let first = frame[position]
            if first & 0x80 != 0 { return integer(frame, 7) != nil }
            if first & 0xE0 == 0x20 { return integer(frame, 5) != nil }
            guard let index = integer(frame, first & 0xC0 == 0x40 ? 6 : 4) else { return false }
            if index == 0, !passString(frame) { return false }
            return passString(frame)
        }

        private mutating func integer(_ frame: Span<UInt8>, _ prefix: UInt8) -> Int? {
            guard position < end else { return nil }
            let mask = Int(1) << Int(prefix) - 1
            var value = Int(frame[position]) & mask
            position += 1
            if value < mask { return value }
            var shift = 0
            while position < end, shift < 28 {
                let byte = frame[position]
                position += 1
                value += Int(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
                shift += 7
            }
            return nil
        }

        private mutating func passString(_ frame: Span<UInt8>) -> Bool {
            guard position < end else { return false }
            let start = position
            let isCoded = frame[position] & 0x80 != 0
            guard let length = integer(frame, 7), length <= end - position else { return false }
            let code = frame.extracting(position..<position + length)
            position += length
            guard isCoded, length > 0, code[length - 1] == 0xFF, !decodes(code) else { return true }
            let shorter = code.extracting(0..<length - 1)
            guard decodes(shorter) else { return true }
            let output = self.output ?? Buffer(capacity: frame.count)
            self.output = output
            output.append(frame.extracting(copied..<start))
            HTTP2Lenience.appendString(shorter, to: output)
            copied = position
            return true
        }
    }

    private static func appendString(_ code: Span<UInt8>, to output: Buffer) {
        var rest = code.count
        if rest < 127 {
            output.append(UInt8(0x80 | rest))
        } else {
            output.append(0xFF)
            rest -= 127
            while rest > 127 {
                output.append(UInt8(rest & 0x7F | 0x80))
                rest >>= 7
            }
            output.append(UInt8(rest))
        }
        output.append(code)
    }

    /// Whether nghttp2 takes a code: as the value of a field alone.
    private static func decodes(_ code: Span<UInt8>) -> Bool {
        if code.isEmpty { return true }
        let block = Buffer(capacity: code.count + 16)
        block.append(0)
        block.append(1)
        block.append(ASCII.minus)
        appendString(code, to: block)
        var inflater: OpaquePointer?
        guard unsafe nghttp2_hd_inflate_new(&inflater) == 0 else { return true }
        defer { unsafe nghttp2_hd_inflate_del(inflater) }
        var field = unsafe nghttp2_nv()
        var flags: Int32 = 0
        return unsafe block.span.withUnsafeBytes { bytes in
            unsafe nghttp2_hd_inflate_hd2(
                inflater, &field, &flags, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, 1) > 0
        }
    }
}
