import CLinux

/// Where datagrams go: a UDP address or a Unix socket, in the kernel's form.
struct DatagramAddress: Equatable, Sendable {
    fileprivate let family: Int32
    fileprivate let bytes: [UInt8]

    /// A Unix socket's path; nil if it does not fit the kernel's 107 bytes.
    init?(unixPath path: Span<UInt8>) {
        let offset = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? 2
        guard path.count < MemoryLayout<sockaddr_un>.size - offset else { return nil }
        family = AF_UNIX
        var bytes = [UInt8](repeating: 0, count: offset + path.count + 1)
        let tag = UInt16(AF_UNIX)
        bytes[0] = UInt8(truncatingIfNeeded: tag.littleEndian)
        for index in path.indices { bytes[offset + index] = path[index] }
        self.bytes = bytes
    }

    /// The first address of a name or literal, asked of the C library: this may wait for DNS. Nil: not found.
    init?(host: String, port: UInt16) {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0, let first = unsafe list
        else { return nil }
        defer { unsafe freeaddrinfo(first) }
        guard let address = unsafe first.pointee.ai_addr else { return nil }
        family = unsafe first.pointee.ai_family
        bytes = unsafe Array(
            UnsafeRawBufferPointer(
                start: address, count: Int(first.pointee.ai_addrlen)))
    }
}

/// A call that failed, by name, for messages such as `connect() failed`.
struct CallFailure: Error, Equatable, Sendable {
    let call: Name
    let errno: Errno

    init(call: Name, errno: Errno) {
        self.call = call
        self.errno = errno
    }

    /// The calls that can be named.
    enum Name: String, Sendable {
        case socket, connect, send
    }
}

/// Sending datagrams without waiting.
enum DatagramSocket {
    /// A socket that sends to `address`; it is the caller's to close.
    static func connected(
        to address: DatagramAddress, kernel: Kernel
    ) throws(CallFailure) -> Int32 {
        let code = kernel.socket(family: address.family, type: Kernel.datagramType)
        guard code >= 0 else { throw CallFailure(call: .socket, errno: Errno(Int32(-code))) }
        let descriptor = Int32(code)
        let result = unsafe address.bytes.withUnsafeBytes {
            unsafe kernel.connect(descriptor, to: $0)
        }
        if result >= 0 { return descriptor }
        kernel.close(descriptor)
        throw CallFailure(call: .connect, errno: Errno(Int32(-result)))
    }

    /// Sends one datagram.
    static func send(_ bytes: Span<UInt8>, on number: Int32, kernel: Kernel) throws(Errno) {
        let sent = unsafe bytes.withUnsafeBytes { unsafe kernel.send(number, $0, more: false) }
        if sent < 0 { throw Errno(Int32(-sent)) }
    }
}
