extension Span where Element == UInt8 {
    /// The seconds since 1970 of a date in one of HTTP's three formats (RFC 9110 5.6.7), or nil. As lenient as nginx: the
    /// weekday is not read, nor is what follows the time.
    var httpDate: Int? {
        var reader = DateReader(self)
        return reader.read()
    }
}

/// Reads a date from left to right; reading behind the end gives NUL, which no date holds.
private struct DateReader: ~Escapable {
    private let text: Span<UInt8>
    private var cursor = 0

    @_lifetime(copy text)
    init(_ text: Span<UInt8>) {
        self.text = text
    }

    private func byte(_ offset: Int = 0) -> UInt8 {
        cursor + offset < text.count ? text[cursor + offset] : 0
    }

    private var left: Int { text.count - cursor }

    mutating func read() -> Int? {
        while cursor < text.count, byte() != ASCII.comma, byte() != ASCII.space { cursor += 1 }
        let isANSI = byte() == ASCII.space
        cursor += 1
        while cursor < text.count, byte() == ASCII.space { cursor += 1 }
        guard left >= 18 else { return nil }
        return isANSI ? readANSI() : readIMF()
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` or `Sunday, 06-Nov-94 08:49:37 GMT`.
    private mutating func readIMF() -> Int? {
        guard let day = number(2) else { return nil }
        let separator = byte()
        guard separator == ASCII.space || separator == ASCII.minus else { return nil }
        if separator == ASCII.space, left < 18 { return nil }
        cursor += 1
        guard let month = month(), take(separator) else { return nil }
        var year: Int
        if separator == ASCII.space {
            guard let full = number(4) else { return nil }
            year = full
        } else {
            guard let short = number(2) else { return nil }
            year = short < 70 ? 2000 + short : 1900 + short
        }
        guard take(ASCII.space), let time = time() else { return nil }
        return seconds(year, month, day, time)
    }

    /// `Sun Nov  6 08:49:37 1994`.
    private mutating func readANSI() -> Int? {
        guard let month = month() else { return nil }
        cursor += 1
        if byte() == ASCII.space { cursor += 1 }
        guard var day = number(1) else { return nil }
        if byte() != ASCII.space {
            guard let digit = number(1) else { return nil }
            day = day * 10 + digit
        }
        guard left >= 14, take(ASCII.space), let time = time(), take(ASCII.space),
            let year = number(4)
        else { return nil }
        return seconds(year, month, day, time)
    }

    private mutating func take(_ expected: UInt8) -> Bool {
        guard byte() == expected else { return false }
        cursor += 1
        return true
    }

    private mutating func number(_ digits: Int) -> Int? {
        var value = 0
        for offset in 0..<digits {
            guard byte(offset).isASCIIDigit else { return nil }
            value = value * 10 + Int(byte(offset) &- ASCII.zero)
        }
        cursor += digits
        return value
    }

    /// nginx looks at as many letters as it takes to tell the months apart.
    private mutating func month() -> Int? {
        let second = byte(1)
        let third = byte(2)
        let month: Int
        switch byte() {
        case 0x4A: month = second == 0x61 ? 1 : (third == 0x6E ? 6 : 7)
        case 0x46: month = 2
        case 0x4D: month = third == 0x72 ? 3 : 5
        case 0x41: month = second == 0x70 ? 4 : 8
        case 0x53: month = 9
        case 0x4F: month = 10
        case 0x4E: month = 11
        case 0x44: month = 12
        default: return nil
        }
        cursor += 3
        return month
    }

    /// `08:49:37`, in seconds.
    private mutating func time() -> Int? {
        guard let hour = number(2), take(ASCII.colon), let minute = number(2), take(ASCII.colon),
            let second = number(2), hour < 24, minute < 60, second < 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    private func seconds(_ year: Int, _ month: Int, _ day: Int, _ time: Int) -> Int? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let length: Int
        switch month {
        case 2: length = isLeap ? 29 : 28
        case 4, 6, 9, 11: length = 30
        default: length = 31
        }
        // Day 0 is let through, as nginx does: it is the day before the first.
        guard day <= length else { return nil }
        return CivilTime.secondsSinceEpoch(year: year, month: month, day: day) + time
    }
}
