import CLinux

/// Names looked up through the system (`/etc/hosts`, its DNS servers) while the configuration is read. It blocks; what
/// must not wait asks the resolver.
enum HostLookup {
    /// The addresses of a name, with port 0, in the system's order; nil if there are none.
    static func addresses(of name: ByteString) -> [SocketAddress]? {
        guard !name.bytes.contains(0) else { return nil }
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name.text, nil, &hints, &list) == 0 else { return nil }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe entry.pointee.ai_addr,
                let socketAddress = unsafe SocketAddress(
                    system: UnsafeRawBufferPointer(
                        start: address, count: Int(entry.pointee.ai_addrlen)))
            {
                found.append(socketAddress.with(port: 0))
            }
            unsafe next = entry.pointee.ai_next
        }
        return found.isEmpty ? nil : found
    }
}
