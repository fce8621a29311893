/// Which bytes of data may not stand in a log as they are.
enum LogEscape: Sendable {
    /// `\xHH` for control bytes, quotes, backslashes and all that is not ASCII: `log_format`'s default.
    case `default`
    /// JSON's string escapes.
    case json
    /// Data go in as they are.
    case none
    /// `\xHH` for control bytes only: the error log's, where nginx writes data as they come.
    case controls
}

extension Buffer {
    /// Escapes the bytes from `start` on, in place. A value without special bytes, the usual one, costs one scan.
    func escape(from start: Int, _ escape: LogEscape) {
        switch escape {
        case .none: return
        case .default:
            if needsEscape(from: start, { $0 &- 0x20 >= 0x5F || $0 == 0x22 || $0 == 0x5C }) {
                expand(from: start, by: 3) { $0 &- 0x20 >= 0x5F || $0 == 0x22 || $0 == 0x5C }
            }
        case .controls:
            if needsEscape(from: start, { $0 < 0x20 || $0 == 0x7F }) {
                expand(from: start, by: 3) { $0 < 0x20 || $0 == 0x7F }
            }
        case .json:
            if needsEscape(from: start, { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C }) {
                expandJSON(from: start)
            }
        }
    }

    /// Looks at every byte without leaving early, so that the compiler can look at many at a time.
    @inline(__always)
    private func needsEscape(from start: Int, _ isSpecial: (UInt8) -> Bool) -> Bool {
        let bytes = span(start..<count)
        var found: UInt8 = 0
        for index in bytes.indices { found |= isSpecial(bytes[index]) ? 1 : 0 }
        return found != 0
    }

    /// Replaces each special byte by `\xHH`, from the end, so that nothing is overwritten before it is read.
    private func expand(from start: Int, by extra: Int, _ isSpecial: (UInt8) -> Bool) {
        var source = count
        var special = 0
        for index in start..<count where isSpecial(self[index]) { special += 1 }
        append(repeating: 0, count: special * extra)
        var target = count
        while source > start {
            source -= 1
            let byte = self[source]
            if isSpecial(byte) {
                target -= 4
                self[target] = ASCII.backslash
                self[target + 1] = 0x78
                self[target + 2] = .hexDigit(byte >> 4, uppercase: true)
                self[target + 3] = .hexDigit(byte & 15, uppercase: true)
            } else {
                target -= 1
                self[target] = byte
            }
        }
    }

    private func expandJSON(from start: Int) {
        var source = count
        var extra = 0
        for index in start..<count { extra += Self.jsonLength(self[index]) - 1 }
        append(repeating: 0, count: extra)
        var target = count
        while source > start {
            source -= 1
            let byte = self[source]
            let length = Self.jsonLength(byte)
            target -= length
            switch length {
            case 1: self[target] = byte
            case 2:
                self[target] = ASCII.backslash
                self[target + 1] = Self.jsonLetter(byte)
            default:
                self[target] = ASCII.backslash
                self[target + 1] = 0x75
                self[target + 2] = ASCII.zero
                self[target + 3] = ASCII.zero
                self[target + 4] = .hexDigit(byte >> 4, uppercase: true)
                self[target + 5] = .hexDigit(byte & 15, uppercase: true)
            }
        }
    }

    private static func jsonLength(_ byte: UInt8) -> Int {
        if byte == ASCII.quote || byte == ASCII.backslash { return 2 }
        if byte >= 0x20 { return 1 }
        return jsonLetter(byte) == byte ? 6 : 2
    }

    /// The letter after the backslash, or the byte itself where JSON has none for it.
    private static func jsonLetter(_ byte: UInt8) -> UInt8 {
        switch byte {
        case ASCII.lf: 0x6E
        case ASCII.cr: 0x72
        case ASCII.tab: 0x74
        case 8: 0x62
        case 12: 0x66
        default: byte
        }
    }
}
