/// The head of a frame: nine bytes before its payload (RFC 9113 4.1).
struct HTTP2FrameHead {
    static let size = 9

    /// Bytes of the payload.
    var length: Int
    var kind: UInt8
    var flags: UInt8
    var stream: Int32

    init(length: Int, kind: UInt8, flags: UInt8, stream: Int32) {
        self.length = length
        self.kind = kind
        self.flags = flags
        self.stream = stream
    }

    /// Reads a head that begins at `start`.
    init(_ bytes: Span<UInt8>, at start: Int) {
        length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        kind = bytes[start + 3]
        flags = bytes[start + 4]
        stream = Int32(truncatingIfNeeded: bytes.word(at: start + 5) & 0x7FFF_FFFF)
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    func append(to output: Buffer) {
        output.append(length: length, kind: kind, flags: flags)
        output.append(word: UInt32(bitPattern: stream))
    }

    /// Writes it over nine bytes that are there.
    func overwrite(_ output: Buffer, at start: Int) {
        output[start] = UInt8(truncatingIfNeeded: length >> 16)
        output[start + 1] = UInt8(truncatingIfNeeded: length >> 8)
        output[start + 2] = UInt8(truncatingIfNeeded: length)
        output[start + 3] = kind
        output[start + 4] = flags
        let stream = UInt32(bitPattern: stream)
        for index in 0..<4 { output[start + 5 + index] = UInt8(truncatingIfNeeded: stream >> UInt32(24 - 8 * index)) }
    }
}

/// The kinds of frames, as on the wire.
enum HTTP2FrameKind {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let priority: UInt8 = 2
    static let reset: UInt8 = 3
    static let settings: UInt8 = 4
    static let pushPromise: UInt8 = 5
    static let ping: UInt8 = 6
    static let goAway: UInt8 = 7
    static let windowUpdate: UInt8 = 8
    static let continuation: UInt8 = 9
}

/// The flags of frames, as on the wire.
enum HTTP2Flag {
    static let acknowledges: UInt8 = 0x1
    static let endsStream: UInt8 = 0x1
    static let endsBlock: UInt8 = 0x4
    static let isPadded: UInt8 = 0x8
    static let hasPriority: UInt8 = 0x20
}

extension Span where Element == UInt8 {
    /// The number that four bytes make, the highest first.
    func word(at start: Int) -> UInt32 {
        UInt32(self[start]) << 24 | UInt32(self[start + 1]) << 16 | UInt32(self[start + 2]) << 8 | UInt32(self[start + 3])
    }
}

extension Buffer {
    fileprivate func append(length: Int, kind: UInt8, flags: UInt8) {
        reserve(HTTP2FrameHead.size)
        append(UInt8(truncatingIfNeeded: length >> 16))
        append(UInt8(truncatingIfNeeded: length >> 8))
        append(UInt8(truncatingIfNeeded: length))
        append(kind)
        append(flags)
    }

    /// Appends a number as four bytes, the highest first.
    func append(word: UInt32) {
        append(UInt8(truncatingIfNeeded: word >> 24))
        append(UInt8(truncatingIfNeeded: word >> 16))
        append(UInt8(truncatingIfNeeded: word >> 8))
        append(UInt8(truncatingIfNeeded: word))
    }
}
