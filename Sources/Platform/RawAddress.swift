/// A peer's address as the kernel gives it, in 28 inline bytes: enough for IPv4 and IPv6. A Unix peer has only its family.
struct RawAddress: Sendable, Equatable {
    // sockaddr_in6 is 28 bytes: family, port, flow, 16 of address, scope.
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var last: UInt32 = 0

    init() {}

    var family: UInt16 { UInt16(truncatingIfNeeded: first) }

    /// Takes over up to 28 bytes of a socket address.
    mutating func load(_ bytes: UnsafeRawBufferPointer, length: Int) {
        self = RawAddress()
        let count = min(length, bytes.count, 28)
        unsafe withUnsafeMutableBytes(of: &self) { target in
            guard count > 0, let source = bytes.baseAddress, let base = target.baseAddress else { return }
            unsafe base.copyMemory(from: source, byteCount: count)
        }
    }

    /// The 28 bytes, for reading fields out of them.
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        unsafe withUnsafeBytes(of: self) { unsafe body($0) }
    }
}
