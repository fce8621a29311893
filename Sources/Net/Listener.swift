/// A socket that a configuration wants to listen on.
struct ListenerRequest: Sendable {
    var address: SocketAddress
    var options: ListenOptions

    init(address: SocketAddress, options: ListenOptions) {
        self.address = address
        self.options = options
    }
}

/// An open listening socket. It outlives the configurations that use it.
final class Listener {
    let address: SocketAddress
     var options: ListenOptions
    /// With `reuseport`, the worker whose socket this is; nil: every worker accepts on it.
     var worker: Int?
    /// The socket came with the environment, from the binary before this one.
     var isInherited: Bool

    private var socket: Descriptor?
    /// TCP_DEFER_ACCEPT is in effect.
    var isDeferred = false

    init(
        address: SocketAddress, options: ListenOptions, worker: Int?, socket: consuming Descriptor,
        isInherited: Bool = false
    ) {
        self.address = address
        self.options = options
        self.worker = worker
        self.isInherited = isInherited
        self.socket = consume socket
    }

    /// The descriptor's number, or -1 when closed.
    var number: Int32 {
        switch socket {
        case .some(let open): open.number
        case .none: -1
        }
    }

    /// Closes this process's copy of the descriptor.
    func close() {
        socket = nil
    }

    /// Deletes a Unix socket's file.
    func removeFile(log: ErrorLog) {
        guard let path = address.path?.text else { return }
        do {
            try File.remove(path)
        } catch {
            log.write(.emerg, "unlink() \(path) failed", error)
        }
    }
}
