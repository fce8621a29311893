import CLinux

/// epoll: edge-triggered, one registration for a connection, which lasts as long as its descriptor.
final class EpollSource: EventSource {
    private let kernel: Kernel
    private let poll: Int32
    private let events: PollEvents
    private var count = 0

    init(kernel: Kernel) throws(Errno) {
        self.kernel = kernel
        let created = kernel.pollCreate()
        guard created >= 0 else { throw Errno(Int32(-created)) }
        poll = Int32(created)
        events = PollEvents(capacity: 512)
    }

    deinit {
        kernel.close(poll)
    }

    override func wait(_ loop: EventLoop, milliseconds: Int32) {
        count = kernel.pollWait(poll, into: events, timeout: milliseconds)
    }

    override func serve(_ loop: EventLoop) {
        guard count > 0 else { return }
        for index in 0..<count {
            let event = events[index]
            let slot = Int(UInt32(truncatingIfNeeded: event.key))
            guard slot < loop.slots.count else { continue }
            // What is closed meanwhile stays until the turn is over.
            loop.slots.lend(slot) {
                if $0.generation == UInt32(truncatingIfNeeded: event.key >> 32) { loop.tell($0, event.mask) }
            }
        }
    }

    // MARK: - Registration

    override func watch(_ endpoint: Endpoint, for interest: Interest, _ loop: EventLoop) -> Int {
        switch interest {
        case .connection:
            return control(endpoint, EPOLL_CTL_ADD, Event.input | Event.peerEnd | Event.edge)
        case .connecting:
            endpoint.flags.insert(.watchesOutput)
            return control(endpoint, EPOLL_CTL_ADD, Event.input | Event.output | Event.peerEnd | Event.edge)
        case .connections(let exclusive):
            return control(endpoint, EPOLL_CTL_ADD, Event.input | (exclusive ? Event.exclusive : 0))
        case .input:
            return control(endpoint, EPOLL_CTL_ADD, Event.input)
        }
    }

    override var watchesLate: Bool { true }

    override func watchOutput(_ endpoint: Endpoint, _ loop: EventLoop) -> Int {
        guard !endpoint.flags.contains(.watchesOutput) else { return 0 }
        let operation = endpoint.flags.contains(.unwatched) ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        endpoint.flags.remove(.unwatched)
        endpoint.flags.insert(.watchesOutput)
        return control(endpoint, operation, Event.input | Event.output | Event.peerEnd | Event.edge)
    }

    override func suspend(_ endpoint: Endpoint, _ loop: EventLoop) {
        _ = control(endpoint, EPOLL_CTL_DEL, 0)
    }

    override func withdraw(_ endpoint: Endpoint, _ loop: EventLoop) {
        _ = control(endpoint, EPOLL_CTL_DEL, 0)
    }

    private func control(_ endpoint: Endpoint, _ operation: Int32, _ events: UInt32) -> Int {
        let key = UInt64(endpoint.generation) << 32 | UInt64(UInt32(bitPattern: endpoint.slot))
        return kernel.pollControl(
            poll, operation: operation, descriptor: endpoint.descriptor, events: events, key: key)
    }

    // MARK: - Input and the end

    override func receive(_ endpoint: Endpoint, _ loop: EventLoop) {
        loop.receiveDirectly(endpoint)
    }

    /// Closing the last descriptor of a socket also ends its registration.
    override func close(_ descriptor: Int32, _ loop: EventLoop) {
        kernel.close(descriptor)
    }
}
