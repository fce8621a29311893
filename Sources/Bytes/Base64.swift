extension Buffer {
    /// Appends what base64 text (RFC 4648 4, padding optional) stands for; false, with nothing appended, if it is malformed.
    /// With `isURLSafe` the alphabet is that of RFC 4648 5.
    func append(base64 text: Span<UInt8>, isURLSafe: Bool = false) -> Bool {
        var end = text.count
        while end > 0, text[end - 1] == ASCII.equals { end -= 1 }
        guard text.count - end <= 2, end % 4 != 1 else { return false }
        let start = count
        var bits: UInt32 = 0
        var width = 0
        for index in 0..<end {
            guard let value = Self.base64Value(text[index], isURLSafe) else {
                truncate(to: start)
                return false
            }
            bits = bits << 6 | UInt32(value)
            width += 6
            if width >= 8 {
                width -= 8
                append(UInt8(truncatingIfNeeded: bits >> UInt32(width)))
            }
        }
        return true
    }

    /// Appends the base64 text of bytes, padded.
    func append(asBase64 bytes: Span<UInt8>) {
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let group = first | second | (left > 2 ? UInt32(bytes[index + 2]) : 0)
            append(Self.base64Digit(group >> 18))
            append(Self.base64Digit(group >> 12))
            append(left > 1 ? Self.base64Digit(group >> 6) : ASCII.equals)
            append(left > 2 ? Self.base64Digit(group) : ASCII.equals)
            index += 3
        }
    }

    private static func base64Digit(_ bits: UInt32) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 63)
        switch value {
        case 0..<26: return 0x41 + value
        case 26..<52: return 0x61 + (value - 26)
        case 52..<62: return 0x30 + (value - 52)
        case 62: return ASCII.plus
        default: return ASCII.slash
        }
    }

    private static func base64Value(_ byte: UInt8, _ isURLSafe: Bool) -> UInt8? {
        switch byte {
        case ASCII.minus where isURLSafe: 62
        case ASCII.underscore where isURLSafe: 63
        case ASCII.plus where isURLSafe, ASCII.slash where isURLSafe: nil
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case ASCII.plus: 62
        case ASCII.slash: 63
        default: nil
        }
    }
}
