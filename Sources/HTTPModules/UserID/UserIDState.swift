/// The identifiers of one request.
final class UserIDState {
    /// The 16 bytes of an identifier as four words of the processor, which is how nginx shows them.
    struct Words {
        private var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)

        init() {}

        init(_ first: UInt32, _ second: UInt32, _ third: UInt32, _ fourth: UInt32) {
            words = (first.littleEndian, second.littleEndian, third.littleEndian, fourth.littleEndian)
        }

        init(bigEndian first: UInt32, _ second: UInt32, _ third: UInt32, _ fourth: UInt32) {
            words = (first.byteSwapped, second.byteSwapped, third.byteSwapped, fourth.byteSwapped)
        }

        /// From 16 bytes.
        init(_ bytes: Span<UInt8>) {
            func word(_ index: Int) -> UInt32 {
                var value: UInt32 = 0
                for offset in (0..<4).reversed() { value = value << 8 | UInt32(bytes[index * 4 + offset]) }
                return value
            }
            words = (word(0), word(1), word(2), word(3))
        }

        subscript(index: Int) -> UInt32 {
            switch index {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        }

        /// Appends the bytes.
        func append(to out: Buffer) {
            for index in 0..<4 {
                for shift in [0, 8, 16, 24] as [UInt32] {
                    out.append(UInt8(truncatingIfNeeded: self[index] >> shift))
                }
            }
        }

        /// A word as eight hexadecimal digits.
        func word(_ index: Int) -> ByteString {
            ByteString(
                (0..<8).map { .hexDigit(UInt8(self[index] >> UInt32(28 - 4 * $0) & 15), uppercase: true) })
        }
    }

    /// The cookie as it came, empty for none.
    var cookie = ByteString.empty
    var got = Words()
    var set = Words()
    /// The identifier that came is replaced.
    var isReset = false

    /// Whether the cookie that came has this mark in place of the padding's first character.
    func bears(_ mark: UInt8) -> Bool {
        cookie.count > 23 && cookie[22] == mark && cookie[23] == ASCII.equals
    }
}

/// What makes the identifiers of one worker differ from each other and from those of others.
final class UserIDNumbers {
    let start: UInt32
    private var version1: UInt32 = 1
    private var version2 = UserIDNumbers.least
    private static let least: UInt32 = 0x0303_0302

    init(_ loop: EventLoop) {
        // The milliseconds of a second, spread over 16 bits, above the process's number.
        let moment = UInt32(truncatingIfNeeded: loop.kernel.wallMilliseconds() % 1_000 * 50)
        start = moment << 16 | UInt32(truncatingIfNeeded: ThisProcess.id) & 0xFFFF
    }

    func nextOfVersion1() -> UInt32 {
        defer { version1 &+= 0x100 }
        return version1
    }

    func nextOfVersion2() -> UInt32 {
        defer {
            version2 &+= 0x100
            if version2 < Self.least { version2 = Self.least }
        }
        return version2
    }
}
