import CLinux

/// A growable run of bytes with one owner at a time, reused over requests.
///
/// It is a class so that writers can pass it along without holding an exclusive access. All access is checked.
/// Growth is by doubling; whoever fills a buffer from outside data holds it to a budget of its own.
///
/// A span of it may be alive while it grows or is emptied, which the compiler cannot see through a class. So memory once
/// given to a buffer stays mapped until the buffer itself goes: such a span then shows old bytes, never freed ones. Doubling
/// bounds what is retired by what is in use.
@safe
final class Buffer {
    private var base: UnsafeMutableRawPointer
    private var retired: [UnsafeMutableRawPointer] = unsafe []
    /// Bytes that fit without another allocation.
    private(set) var capacity: Int
    /// Bytes in use, from the start.
    private(set) var count = 0

    init(capacity: Int = 256) {
        let size = max(capacity, 16)
        unsafe base = .allocate(byteCount: size, alignment: 16)
        self.capacity = size
    }

    deinit {
        unsafe base.deallocate()
        for unsafe old in unsafe retired { unsafe old.deallocate() }
    }

    var isEmpty: Bool { count == 0 }
    var free: Int { capacity - count }

    /// The bytes in use.
    var span: Span<UInt8> {
        @_lifetime(borrow self) get {
            let span = unsafe Span<UInt8>(
                _unsafeBytes: UnsafeRawBufferPointer(start: base, count: count))
            return unsafe _overrideLifetime(span, borrowing: self)
        }
    }

    /// The bytes of a range within those in use.
    @_lifetime(borrow self)
    func span(_ range: Range<Int>) -> Span<UInt8> {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        let span = unsafe Span<UInt8>(
            _unsafeBytes: UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    subscript(index: Int) -> UInt8 {
        get {
            precondition(index >= 0 && index < count)
            return unsafe base.load(fromByteOffset: index, as: UInt8.self)
        }
        set {
            precondition(index >= 0 && index < count)
            unsafe base.storeBytes(of: newValue, toByteOffset: index, as: UInt8.self)
        }
    }

    /// Makes room for `extra` more bytes.
    func reserve(_ extra: Int) {
        if capacity - count < extra { grow(by: extra) }
    }

    @inline(never)
    private func grow(by extra: Int) {
        precondition(extra >= 0 && extra <= Int.max / 4)
        let size = max(capacity * 2, (count + extra + 15) & ~15)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe larger.copyMemory(from: base, byteCount: count)
        unsafe retired.append(base)
        unsafe base = larger
        capacity = size
    }

    /// Forgets the bytes, keeps the memory.
    func removeAll() {
        count = 0
    }

    /// Keeps the first `newCount` bytes.
    func truncate(to newCount: Int) {
        precondition(newCount >= 0 && newCount <= count)
        count = newCount
    }

    /// Drops the first `n` bytes, moving the rest to the start.
    func removeFirst(_ n: Int) {
        precondition(n >= 0 && n <= count)
        unsafe memmove(base, base + n, count - n)
        count -= n
    }

    // MARK: - Appending

    func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        unsafe base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count &+= 1
    }

    /// Appends other bytes; they must not be this buffer's own (see `appendCopy(of:)`).
    func append(_ bytes: Span<UInt8>) {
        reserve(bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (base + count).copyMemory(from: start, byteCount: source.count)
        }
        count &+= bytes.count
    }

    func append(_ literal: StaticString) {
        append(literal.bytes)
    }

    /// Appends a range of another buffer's bytes.
    func append(_ other: Buffer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= other.count)
        // Not by a span, which would count a reference to the other buffer.
        reserve(range.count)
        unsafe memmove(base + count, other.base + range.lowerBound, range.count)
        count &+= range.count
    }

    /// Appends all of another buffer's bytes. Where it was inlined the other buffer was counted.
    @inline(never)
    func append(_ other: Buffer) {
        reserve(other.count)
        unsafe memmove(base + count, other.base, other.count)
        count &+= other.count
    }

    @_disfavoredOverload
    func append(_ string: ByteString) {
        // A span of the array would keep it by reference counting.
        unsafe string.bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            reserve(source.count)
            unsafe (base + count).copyMemory(from: start, byteCount: source.count)
            count &+= source.count
        }
    }

    func append(_ string: ByteString, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= string.count)
        unsafe string.bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            reserve(range.count)
            unsafe (base + count).copyMemory(from: start + range.lowerBound, byteCount: range.count)
            count &+= range.count
        }
    }

    // Literals are static strings.
    @_disfavoredOverload
    func append(_ text: String) {
        var text = text
        text.withUTF8 { utf8 in
            reserve(utf8.count)
            if let start = utf8.baseAddress {
                unsafe (base + count).copyMemory(from: start, byteCount: utf8.count)
            }
            count += utf8.count
        }
    }

    /// Whether these bytes lie at a place.
    func holds(_ bytes: Span<UInt8>, at start: Int) -> Bool {
        guard start >= 0, bytes.count <= count - start else { return false }
        return unsafe bytes.withUnsafeBytes { other in
            guard let first = other.baseAddress else { return true }
            return unsafe memcmp(base + start, first, other.count) == 0
        }
    }

    /// Whether another buffer has the same bytes.
    func equals(_ other: Buffer) -> Bool {
        guard count == other.count else { return false }
        return unsafe memcmp(base, other.base, count) == 0
    }

    /// Appends a copy of a range of this buffer's own bytes.
    func appendCopy(of range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        reserve(range.count)
        unsafe memmove(base + count, base + range.lowerBound, range.count)
        count += range.count
    }

    /// Appends `byte` `n` times.
    func append(repeating byte: UInt8, count n: Int) {
        reserve(n)
        unsafe memset(base + count, Int32(byte), n)
        count += n
    }

    /// Appends a number in decimal, filled with zeros on the left to `width` digits.
    func append(decimal value: Int, width: Int = 1) {
        if value < 0 { append(ASCII.minus) }
        appendMagnitude(value.magnitude, width)
    }

    func append(decimal value: UInt64) {
        appendMagnitude(UInt(value), 1)
    }

    private func appendMagnitude(_ value: UInt, _ width: Int) {
        var digits = 1
        var limit: UInt = 10
        // The last limit is beyond the type, but no number is.
        while digits < 20, value >= limit {
            digits &+= 1
            limit &*= 10
        }
        digits = max(digits, width)
        reserve(digits)
        var rest = value
        var position = count &+ digits
        count = position
        for _ in 0..<digits {
            position &-= 1
            let tens = rest / 10
            let digit = UInt8(truncatingIfNeeded: rest &- tens &* 10)
            unsafe base.storeBytes(of: ASCII.zero &+ digit, toByteOffset: position, as: UInt8.self)
            rest = tens
        }
    }

    /// Appends a number in lower-case hexadecimal without leading zeros, or filled to `width` digits.
    func append(hex value: UInt64, width: Int = 1) {
        let digits = max(width, (64 - value.leadingZeroBitCount + 3) / 4)
        var shift = digits * 4
        while shift > 0 {
            shift -= 4
            append(.hexDigit(shift < 64 ? UInt8((value >> UInt64(shift)) & 15) : 0))
        }
    }

    // MARK: - The kernel's side

    /// Lets `fill` write into the free space, of which at least `minimum` bytes are made, and takes the number of bytes
    /// it wrote. For system calls and C libraries only.
    @unsafe
    func fill<Failure: Error>(
        minimum: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        reserve(minimum)
        let space = unsafe UnsafeMutableRawBufferPointer(
            start: base + count, count: capacity - count)
        let written = try unsafe fill(space)
        precondition(written >= 0 && written <= capacity - count)
        count += written
        return written
    }

    /// Lets `body` see the bytes as a C string; the last byte in use must be NUL.
    @unsafe
    func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        precondition(count > 0 && self[count - 1] == 0, "a C string ends with NUL")
        return unsafe body(UnsafePointer(base.assumingMemoryBound(to: CChar.self)))
    }

    /// The same for some of the bytes, with another one behind them, in whose place a NUL stands during the call.
    @unsafe
    func withCString<R>(_ part: Range<Int>, _ body: (UnsafePointer<CChar>) -> R) -> R {
        let next = self[part.upperBound]
        self[part.upperBound] = 0
        defer { self[part.upperBound] = next }
        return unsafe body(UnsafePointer((base + part.lowerBound).assumingMemoryBound(to: CChar.self)))
    }
}
