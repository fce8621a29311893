import CLinux

extension SocketAddress {
    /// The longest path that fits the kernel's structure with its final zero byte.
    static let longestPath = 107

    /// Calls `body` with the address in the kernel's form.
    @unsafe
    func withSystemAddress<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var storage = sockaddr_storage()
        let length = write(to: &storage)
        return try unsafe withUnsafeBytes(of: &storage) { bytes throws(Failure) in
            try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
    }

    private func write(to storage: inout sockaddr_storage) -> Int {
        unsafe withUnsafeMutableBytes(of: &storage) { bytes in
            switch family {
            case .ipv4:
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                address.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
                unsafe bytes.storeBytes(of: address, as: sockaddr_in.self)
                return MemoryLayout<sockaddr_in>.size
            case .ipv6:
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                address.sin6_scope_id = scope
                unsafe bytes.storeBytes(of: address, as: sockaddr_in6.self)
                let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
                unsafe bytes.storeBytes(of: high.bigEndian, toByteOffset: offset, as: UInt64.self)
                unsafe bytes.storeBytes(
                    of: low.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
                return MemoryLayout<sockaddr_in6>.size
            case .unix:
                unsafe bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
                let path = path?.bytes ?? []
                let room = min(path.count, Self.longestPath)
                for index in 0..<room { unsafe bytes[2 + index] = path[index] }
                return MemoryLayout<sockaddr_un>.size
            }
        }
    }

    /// A peer's address as `accept` gave it. Words are in the memory order of the machine, which is little-endian.
    init(_ raw: RawAddress) {
        let port = UInt16(truncatingIfNeeded: raw.first >> 16).byteSwapped
        switch Int32(raw.family) {
        case AF_INET:
            let address = UInt32(truncatingIfNeeded: raw.first >> 32).byteSwapped
            self.init(ipv4: address, port: port)
        case AF_INET6:
            self.init(
                ipv6High: raw.second.byteSwapped, low: raw.third.byteSwapped, scope: raw.last,
                port: port)
        default: self.init(unix: .empty)
        }
    }

    /// From the kernel's form; nil for a family that is none of ours.
    @unsafe
    init?(system bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 2 else { return nil }
        switch unsafe Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET where bytes.count >= MemoryLayout<sockaddr_in>.size:
            let inet = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
            self.init(
                ipv4: UInt32(bigEndian: inet.sin_addr.s_addr),
                port: UInt16(bigEndian: inet.sin_port))
        case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
            let inet = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr) ?? 8
            let high = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let low = unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
            self.init(
                ipv6High: UInt64(bigEndian: high), low: UInt64(bigEndian: low),
                scope: inet.sin6_scope_id, port: UInt16(bigEndian: inet.sin6_port))
        case AF_UNIX:
            // The kernel gives no path at all for a socket without a name.
            var path: [UInt8] = []
            for index in 2..<max(2, bytes.count) {
                let byte = unsafe bytes[index]
                if byte == 0 { break }
                path.append(byte)
            }
            self.init(unix: ByteString(path))
        default: return nil
        }
    }

    /// `AF_INET` and so on.
    var systemFamily: Int32 {
        switch family {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }
}
