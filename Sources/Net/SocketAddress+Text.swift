// MARK: - Writing

extension SocketAddress {
    /// Appends `127.0.0.1`, `::1`, `unix:/path`; with the port `127.0.0.1:80`, `[::1]:80`. Allocates nothing unless the
    /// buffer must grow. Without a port this is `$remote_addr` (where Unix peers, having no name, show as `unix:`).
    func appendText(to buffer: Buffer, withPort: Bool) {
        switch family {
        case .ipv4:
            appendIPv4(UInt32(truncatingIfNeeded: low), to: buffer)
        case .ipv6:
            if withPort { buffer.append(ASCII.openBracket) }
            appendIPv6(to: buffer)
            if withPort { buffer.append(ASCII.closeBracket) }
        case .unix:
            buffer.append("unix:")
            if let path { buffer.append(path) }
            return
        }
        if withPort {
            buffer.append(ASCII.colon)
            buffer.append(decimal: Int(port))
        }
    }

    private func appendIPv4(_ address: UInt32, to buffer: Buffer) {
        buffer.append(decimal: Int(address >> 24))
        for shift in [16, 8, 0] as [UInt32] {
            buffer.append(ASCII.dot)
            buffer.append(decimal: Int(address >> shift & 0xFF))
        }
    }

    private func group(_ index: Int) -> UInt16 {
        let word = index < 4 ? high : low
        return UInt16(truncatingIfNeeded: word >> UInt64((3 - index % 4) * 16))
    }

    /// The longest run of at least two zero groups, the first of equals.
    private var zeroRun: (start: Int, count: Int) {
        var best = (start: -1, count: 1)
        var start = 0
        var count = 0
        for index in 0..<8 {
            if group(index) != 0 {
                count = 0
                continue
            }
            if count == 0 { start = index }
            count += 1
            if count > best.count { best = (start, count) }
        }
        return best
    }

    /// Groups in lower-case hexadecimal, the longest run of zeros as `::`. Like nginx and `inet_ntop`, an address
    /// that embeds an IPv4 one (::ffff:1.2.3.4, ::1.2.3.4) ends in dots.
    private func appendIPv6(to buffer: Buffer) {
        let zeros = zeroRun
        let dotted =
            zeros.start == 0
            && ((zeros.count == 5 && group(5) == 0xFFFF) || zeros.count == 6
                || (zeros.count == 7 && low & 0xFF00 != 0 && low & 0xFF != 1))
        let end = dotted ? 6 : 8
        if zeros.start == 0 { buffer.append(ASCII.colon) }
        var index = 0
        while index < end {
            if index == zeros.start {
                buffer.append(ASCII.colon)
                index += zeros.count
                continue
            }
            buffer.append(hex: UInt64(group(index)))
            if index < 7 { buffer.append(ASCII.colon) }
            index += 1
        }
        if dotted { appendIPv4(UInt32(truncatingIfNeeded: low), to: buffer) }
    }
}

// MARK: - Reading

extension SocketAddress {
    /// Four decimal numbers with dots, or nil.
    static func ipv4(_ text: Span<UInt8>, port: UInt16 = 0) -> SocketAddress? {
        guard let address = ipv4Number(text) else { return nil }
        return SocketAddress(ipv4: address, port: port)
    }

    /// 255.255.255.255 is no address to nginx, and so not to us. nginx takes `1..2.3`; we do not.
    private static func ipv4Number(_ text: Span<UInt8>) -> UInt32? {
        var address: UInt32 = 0
        var octet: UInt32 = 0
        var dots = 0
        var digits = 0
        for index in text.indices {
            let byte = text[index]
            if byte.isASCIIDigit {
                octet = octet * 10 + UInt32(byte - ASCII.zero)
                digits += 1
                if octet > 255 { return nil }
            } else if byte == ASCII.dot {
                address = address << 8 | octet
                octet = 0
                dots += 1
                if dots > 3 || digits == 0 { return nil }
                digits = 0
            } else {
                return nil
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        address = address << 8 | octet
        return address == UInt32.max ? nil : address
    }

    /// Up to eight groups, one run of zeros as `::`, an IPv4 address at the end; no brackets.
    static func ipv6(_ text: Span<UInt8>, port: UInt16 = 0) -> SocketAddress? {
        var groups: [UInt16] = []
        var zerosAt: Int?
        var index = 0
        let count = text.count
        if count >= 2, text[0] == ASCII.colon, text[1] == ASCII.colon {
            zerosAt = 0
            index = 2
        }
        while index < count {
            guard groups.count < 8 else { return nil }
            let start = index
            var value: UInt32 = 0
            while index < count, let digit = text[index].hexValue {
                guard index - start < 4 else { return nil }
                value = value << 4 | UInt32(digit)
                index += 1
            }
            guard index > start else { return nil }
            if index < count, text[index] == ASCII.dot {
                guard groups.count <= 6, !groups.isEmpty || zerosAt != nil,
                    let tail = ipv4Number(text.extracting(start..<count))
                else { return nil }
                groups += [UInt16(tail >> 16), UInt16(truncatingIfNeeded: tail)]
                break
            }
            groups.append(UInt16(value))
            if index == count { break }
            guard text[index] == ASCII.colon, index + 1 < count else { return nil }
            index += 1
            if text[index] == ASCII.colon {
                guard zerosAt == nil else { return nil }
                zerosAt = groups.count
                index += 1
            }
        }
        if let zerosAt {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: zerosAt)
        }
        guard groups.count == 8 else { return nil }
        var words: (high: UInt64, low: UInt64) = (0, 0)
        for group in groups[..<4] { words.high = words.high << 16 | UInt64(group) }
        for group in groups[4...] { words.low = words.low << 16 | UInt64(group) }
        return SocketAddress(ipv6High: words.high, low: words.low, port: port)
    }

    /// An IP address in either form, without a port.
    static func ip(_ text: Span<UInt8>) -> SocketAddress? {
        ipv4(text) ?? ipv6(text)
    }

    /// An IP address with or without a port: `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`; as headers like
    /// X-Forwarded-For carry it. Port 0 is refused.
    static func ipWithPort(_ text: Span<UInt8>) -> SocketAddress? {
        if let address = ip(text) { return address }
        let last = text.count
        let host: Range<Int>
        let colon: Int
        if last > 0, text[0] == ASCII.openBracket {
            guard let bracket = text.firstIndex(of: ASCII.closeBracket) else { return nil }
            host = 1..<bracket
            if bracket == last - 1 { return ip(text.extracting(host)) }
            colon = bracket + 1
            guard text[colon] == ASCII.colon else { return nil }
        } else {
            guard let found = text.firstIndex(of: ASCII.colon) else { return nil }
            colon = found
            host = 0..<found
        }
        guard let port = text.extracting(colon + 1..<last).decimalValue, (1...65_535).contains(port)
        else { return nil }
        return ip(text.extracting(host))?.with(port: UInt16(port))
    }
}
