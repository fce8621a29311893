import CLinux

extension Span where Element == UInt8 {
    /// The index of the first `byte` at or after `start`, or nil.
    ///
    /// The C library's `memchr` compares 16 to 32 bytes at a time; bounds are checked once, here.
    func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        precondition(start >= 0 && start <= count)
        return unsafe withUnsafeBytes { all in
            guard let base = all.baseAddress, start < all.count else { return nil }
            guard let found = unsafe memchr(base + start, Int32(byte), all.count - start) else {
                return nil
            }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index &-= 1
            if self[index] == byte { return index }
        }
        return nil
    }

    /// The index at which `needle` first occurs, at or after `start`.
    func firstIndex(of needle: Span<UInt8>, from start: Int = 0) -> Int? {
        guard !needle.isEmpty else { return start <= count ? start : nil }
        var index = start
        while let candidate = firstIndex(of: needle[0], from: index) {
            guard candidate + needle.count <= count else { return nil }
            if extracting(candidate..<candidate + needle.count).equals(needle) { return candidate }
            index = candidate + 1
        }
        return nil
    }

    func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in
                guard let a = left.baseAddress, let b = right.baseAddress else { return true }
                return unsafe memcmp(a, b, left.count) == 0
            }
        }
    }

    func equals(_ literal: StaticString) -> Bool {
        equals(literal.bytes)
    }

    /// Equality without regard to the case of ASCII letters.
    ///
    /// Eight bytes are compared at a time, the last eight overlapping those before: equal words need no second look, words that
    /// differ in more than the case bits are different, and only words that differ in these are compared byte by byte.
    func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { right in
                var index = 0
                let last = left.count &- 8
                while index <= last {
                    let a = unsafe left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    let b = unsafe right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    let difference = a ^ b
                    if difference & ~0x2020_2020_2020_2020 != 0 { return false }
                    if difference != 0 {
                        for at in index..<index &+ 8 {
                            let same = unsafe left[at].asciiLowercased == right[at].asciiLowercased
                            if !same { return false }
                        }
                    }
                    if index == last { return true }
                    index = Swift.min(index &+ 8, last)
                }
                while index < left.count {
                    let same = unsafe left[index].asciiLowercased == right[index].asciiLowercased
                    if !same { return false }
                    index &+= 1
                }
                return true
            }
        }
    }

    func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        equalsIgnoringCase(literal.bytes)
    }

    func hasPrefix(_ prefix: Span<UInt8>) -> Bool {
        count >= prefix.count && extracting(0..<prefix.count).equals(prefix)
    }

    func hasPrefix(_ prefix: StaticString) -> Bool { hasPrefix(prefix.bytes) }

    func hasSuffix(_ suffix: Span<UInt8>) -> Bool {
        count >= suffix.count && extracting(count - suffix.count..<count).equals(suffix)
    }

    func hasSuffix(_ suffix: StaticString) -> Bool { hasSuffix(suffix.bytes) }

    /// -1, 0 or 1: bytewise order, a prefix before what it begins.
    func compare(_ other: Span<UInt8>) -> Int {
        let common = Swift.min(count, other.count)
        for index in 0..<common where self[index] != other[index] {
            return self[index] < other[index] ? -1 : 1
        }
        return count == other.count ? 0 : (count < other.count ? -1 : 1)
    }

    /// Without leading and trailing spaces and tabs.
    var trimmingBlanks: Span<UInt8> {
        @_lifetime(copy self) get {
            var start = 0
            var end = count
            while start < end, self[start] == ASCII.space || self[start] == ASCII.tab {
                start += 1
            }
            while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab {
                end -= 1
            }
            return extracting(start..<end)
        }
    }

    /// The value of an unsigned decimal number that fills the whole span, or nil (also on overflow or no digits).
    var decimalValue: Int? {
        guard !isEmpty else { return nil }
        var value = 0
        for index in indices {
            guard self[index].isASCIIDigit else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(self[index] &- ASCII.zero))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// The bytes as text, ill-formed UTF-8 repaired.
    var text: String {
        unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// A 64-bit FNV-1a hash: for tables whose keys are not chosen by clients.
    var fnv1a: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in indices {
            hash = (hash ^ UInt64(self[index])) &* 0x100_0000_01B3
        }
        return hash
    }
}

extension StaticString {
    /// The literal's bytes: static storage, so the span may live for ever.
    var bytes: Span<UInt8> {
        @_lifetime(immortal) get {
            let span = unsafe Span<UInt8>(_unsafeStart: utf8Start, count: utf8CodeUnitCount)
            return unsafe _overrideLifetime(span, copying: ())
        }
    }
}
