import CLinux

@testable import ApusServer

/// An epoll instance: sockets, and those among them that something happened to.
final class SimulatedPoll {
    /// One registration.
    final class Watch {
        unowned let poll: SimulatedPoll
        let socket: SimulatedSocket
        let descriptor: Int32
        var events: UInt32
        var key: UInt64
        var isReady = false

        init(
            poll: SimulatedPoll, socket: SimulatedSocket, descriptor: Int32, events: UInt32,
            key: UInt64
        ) {
            self.poll = poll
            self.socket = socket
            self.descriptor = descriptor
            self.events = events
            self.key = key
        }

        /// Errors and the end of both directions are told of, asked for or not.
        var interest: UInt32 { events | PollBit.error | PollBit.hangUp }
    }

    private var watches: [Int32: Watch] = [:]
    private var ready: [Watch] = []

    func control(
        operation: Int32, socket: SimulatedSocket, descriptor: Int32, events: UInt32, key: UInt64
    ) -> Int {
        let known = watches[descriptor]
        switch operation {
        case EPOLL_CTL_ADD:
            guard known == nil else { return -Int(EEXIST) }
            let watch = Watch(
                poll: self, socket: socket, descriptor: descriptor, events: events, key: key)
            watches[descriptor] = watch
            socket.watches.append(watch)
            if socket.readiness & watch.interest != 0 { markReady(watch) }
        case EPOLL_CTL_MOD:
            guard let known else { return -Int(ENOENT) }
            known.events = events
            known.key = key
            if socket.readiness & known.interest != 0 { markReady(known) }
        case EPOLL_CTL_DEL:
            guard let known else { return -Int(ENOENT) }
            remove(descriptor)
            socket.watches.removeAll { $0 === known }
        default: return -Int(EINVAL)
        }
        return 0
    }

    func remove(_ descriptor: Int32) {
        guard let watch = watches.removeValue(forKey: descriptor) else { return }
        if watch.isReady { ready.removeAll { $0 === watch } }
        watch.isReady = false
    }

    func markReady(_ watch: Watch) {
        guard !watch.isReady else { return }
        watch.isReady = true
        ready.append(watch)
    }

    /// Events as they are to be told now. An edge is told once; a level as long as it lasts.
    func collect(atMost limit: Int, shuffledBy random: inout SeededRandom, shuffles: Bool)
        -> [(key: UInt64, mask: UInt32)]
    {
        guard !ready.isEmpty else { return [] }
        var list = ready
        ready = []
        for watch in list { watch.isReady = false }
        if shuffles { list.shuffle(using: &random) }
        var told: [(key: UInt64, mask: UInt32)] = []
        for watch in list {
            guard told.count < limit else {
                markReady(watch)
                continue
            }
            let mask = watch.socket.readiness & watch.interest
            guard mask != 0 else { continue }
            told.append((watch.key, mask))
            if watch.events & PollBit.edge == 0 { markReady(watch) }
        }
        return told
    }
}
