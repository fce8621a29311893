import CLinux

/// The system calls that make a listening socket.
enum ListeningSocket {
    static func create(
        _ address: SocketAddress, _ transport: ListenOptions.Transport, isMultipath: Bool
    ) throws(Errno) -> Descriptor {
        let type = transport == .stream ? SOCK_STREAM : SOCK_DGRAM
        let multipath: Int32 = 262
        // Not closed on execution: a new binary inherits it.
        let number = apus_socket(
            address.systemFamily, Int32(type.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
            isMultipath ? multipath : 0)
        if number < 0 { throw Errno.last }
        return Descriptor(owning: number)
    }

    static func bind(_ socket: Int32, to address: SocketAddress) throws(Errno) {
        let result = unsafe address.withSystemAddress { bytes in
            unsafe apus_bind(socket, bytes.baseAddress, socklen_t(bytes.count))
        }
        if result != 0 { throw Errno.last }
    }

    static func listen(_ socket: Int32, backlog: Int) throws(Errno) {
        if CLinux.listen(socket, Int32(clamping: backlog)) != 0 { throw Errno.last }
    }

    /// The address a socket is bound to; nil for a family that is none of ours.
    static func address(of socket: Int32) throws(Errno) -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        if unsafe apus_getsockname(socket, &storage, &length) != 0 { throw Errno.last }
        return unsafe withUnsafeBytes(of: &storage) { bytes in
            unsafe SocketAddress(
                system: UnsafeRawBufferPointer(rebasing: bytes[..<min(Int(length), bytes.count)]))
        }
    }
}
