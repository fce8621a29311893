/// Opens single sockets for a `ListenerSet`.
struct ListenerOpener {
    enum Outcome {
        case opened(Listener)
        /// The address is in use: worth another try.
        case busy
        case failed
    }

    let testing: Bool
    let log: ErrorLog

    func open(_ request: ListenerRequest, worker: Int?) -> Outcome {
        let address = request.address
        let options = request.options
        let socket: Descriptor
        do {
            socket = try ListeningSocket.create(
                address, options.transport, isMultipath: options.isMultipath)
        } catch {
            log.write(.emerg, "socket() \(address) failed", error)
            return .failed
        }
        guard setBeforeBinding(socket.number, request) else { return .failed }
        do {
            try ListeningSocket.bind(socket.number, to: address)
        } catch {
            return refused("bind() to \(address) failed", error)
        }
        if let path = address.path?.text { open(path) }
        if options.transport == .stream {
            do {
                try ListeningSocket.listen(socket.number, backlog: options.backlog)
            } catch {
                return refused(
                    "listen() to \(address), backlog \(options.backlog) failed", error)
            }
        }
        return .opened(
            Listener(address: address, options: options, worker: worker, socket: socket))
    }

    private func refused(_ message: String, _ error: Errno) -> Outcome {
        let isBusy = error == .addressInUse
        if !isBusy || !testing { log.write(.emerg, message, error) }
        return isBusy ? .busy : .failed
    }

    /// Options that only count before the address is taken.
    private func setBeforeBinding(_ socket: Int32, _ request: ListenerRequest) -> Bool {
        let options = request.options
        var wanted: [SocketOption] = []
        if options.transport == .stream || !testing { wanted.append(.reuseAddress) }
        if options.reusePort || options.isMultipath, !testing { wanted.append(.reusePort) }
        for option in wanted {
            do {
                try option.set(1, on: socket)
            } catch {
                log.write(.emerg, "setsockopt(\(option.text)) \(request.address) failed", error)
                return false
            }
        }
        if request.address.family == .ipv6 {
            do {
                try SocketOption.ipv6Only.set(options.isIPv6Only ? 1 : 0, on: socket)
            } catch {
                log.write(
                    .emerg, "setsockopt(IPV6_V6ONLY) \(request.address) failed, ignored", error)
            }
        }
        return true
    }

    /// Lets everybody connect to a Unix socket, as nginx does.
    private func open(_ path: String) {
        do {
            try File.setMode(path, 0o666)
        } catch {
            log.write(.emerg, "chmod() \"\(path)\" failed", error)
        }
        guard testing else { return }
        do {
            try File.remove(path)
        } catch {
            log.write(.emerg, "unlink() \(path) failed", error)
        }
    }
}

extension Listener {
    /// A socket that came with the environment; nil if it is none that we can listen on.
    convenience init?(inheriting number: Int32, log: ErrorLog) {
        let address: SocketAddress
        do {
            guard let found = try ListeningSocket.address(of: number) else {
                log.write(
                    .crit, "the inherited socket #\(number) has an unsupported protocol family")
                return nil
            }
            address = found
        } catch {
            log.write(.crit, "getsockname() of the inherited socket #\(number) failed", error)
            return nil
        }
        var options = ListenOptions()
        do {
            let stream = 1
            options.transport =
                try SocketOption.type.value(on: number) == stream ? .stream : .datagram
        } catch {
            log.write(.crit, "getsockopt(SO_TYPE) \(address) failed", error)
            return nil
        }
        options.reusePort = ((try? SocketOption.reusePort.value(on: number)) ?? 0) != 0
        let multipath = 262
        options.isMultipath = (try? SocketOption.protocol.value(on: number)) == multipath
        self.init(
            address: address, options: options, worker: nil, socket: Descriptor(owning: number),
            isInherited: true)
        isDeferred = ((try? SocketOption.deferAccept.value(on: number)) ?? 0) != 0
    }

    /// Sets what may be set on an open socket, and takes the options as its own. A failure is reported and ignored.
    func configure(_ wanted: ListenOptions, worker: Int?, isNew: Bool, log: ErrorLog) {
        func set(_ option: SocketOption, _ value: Int?) {
            guard let value else { return }
            do {
                try option.set(value, on: number)
            } catch {
                log.write(
                    .alert, "setsockopt(\(option.text), \(value)) \(address) failed, ignored", error
                )
            }
        }
        set(.receiveBuffer, wanted.receiveBuffer)
        set(.sendBuffer, wanted.sendBuffer)
        if let keepalive = wanted.keepalive {
            set(.keepalive, keepalive.isOn ? 1 : 0)
            set(.keepaliveIdle, keepalive.idle > 0 ? keepalive.idle : nil)
            set(.keepaliveInterval, keepalive.interval > 0 ? keepalive.interval : nil)
            set(.keepaliveProbes, keepalive.probes > 0 ? keepalive.probes : nil)
        }
        set(.fastOpen, wanted.fastOpen)
        if !isNew, wanted.transport == .stream, wanted.backlog != options.backlog {
            do {
                try ListeningSocket.listen(number, backlog: wanted.backlog)
            } catch {
                log.write(
                    .alert, "listen() to \(address), backlog \(wanted.backlog) failed, ignored",
                    error)
            }
        }
        if wanted.isDeferred != isDeferred {
            // How long a connection has waited cannot be known, hence a second, as nginx has it.
            set(.deferAccept, wanted.isDeferred ? 1 : 0)
            isDeferred = wanted.isDeferred
        }
        if wanted.transport == .datagram, address.isWildcard {
            set(address.family == .ipv4 ? .packetInfo : .packetInfoIPv6, 1)
        }
        options = wanted
        self.worker = worker
    }
}
