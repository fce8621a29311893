/// Opening failed; the log has the reason.
struct ListenFailure: Error {}

/// The master's listening sockets.
///
/// A new configuration's sockets are opened beside the old ones (`prepare`) and put in their place when all else is ready
/// (`commit`), or dropped (`abandon`). A socket whose address stays is kept, so that no connection is lost.
final class ListenerSet {
    private(set) var listeners: [Listener] = []

    init() {}

    /// The sockets of the next configuration, not yet in effect.
    struct Change {
        /// In the order of the requests.
        fileprivate(set) var listeners: [Listener] = []
        /// What `commit` sets on each.
        fileprivate var wishes: [Wish] = []
        fileprivate var opened: [Listener] = []
    }

    /// One socket to be had: a request, and with `reuseport` its worker.
    fileprivate struct Wish {
        var request: ListenerRequest
        var worker: Int?
    }

    /// Finds or opens a socket for every request. `workers` is how many sockets a `reuseport` request gets (1 without
    /// worker processes). When only testing, an address in use is fine, and Unix sockets are deleted at once.
    func prepare(
        _ requests: [ListenerRequest], workers: Int, testing: Bool, log: ErrorLog
    ) throws(ListenFailure) -> Change {
        var change = Change()
        for request in requests {
            guard request.options.reusePort, workers > 1, !testing else {
                let worker = request.options.reusePort ? 0 : nil
                change.wishes.append(Wish(request: request, worker: worker))
                continue
            }
            for worker in 0..<workers {
                change.wishes.append(Wish(request: request, worker: worker))
            }
        }
        var found = keepers(for: change.wishes, log: log)
        let opener = ListenerOpener(testing: testing, log: log)
        for attempt in 1... {
            var isComplete = true
            for (index, wish) in change.wishes.enumerated() where found[index] == nil {
                switch opener.open(wish.request, worker: wish.worker) {
                case .opened(let listener):
                    found[index] = listener
                    change.opened.append(listener)
                case .busy: isComplete = isComplete && testing
                case .failed:
                    abandon(change, log: log)
                    throw ListenFailure()
                }
            }
            if isComplete { break }
            log.write(.notice, "try again to bind() after 500ms")
            Process.sleep(milliseconds: 500)
            if attempt == 5 {
                log.write(.emerg, "still could not bind()")
                abandon(change, log: log)
                throw ListenFailure()
            }
        }
        change.listeners = found.compactMap { $0 }
        return change
    }

    /// Present sockets that serve the wishes, each at most once.
    private func keepers(for wishes: [Wish], log: ErrorLog) -> [Listener?] {
        var free = listeners
        return wishes.map { wish -> Listener? in
            let options = wish.request.options
            let match = free.firstIndex { listener in
                listener.address == wish.request.address
                    && listener.options.transport == options.transport
            }
            guard let match else { return nil }
            let listener = free[match]
            let changesProtocol = listener.options.isMultipath != options.isMultipath
            if changesProtocol || (options.reusePort && !listener.options.reusePort) {
                // The sockets to come can be bound beside the old one only if it allows that too.
                allowSharing(listener, log: log)
            }
            if changesProtocol { return nil }
            free.remove(at: match)
            return listener
        }
    }

    private func allowSharing(_ listener: Listener, log: ErrorLog) {
        do {
            try SocketOption.reusePort.set(1, on: listener.number)
        } catch {
            log.write(
                .alert, "setsockopt(SO_REUSEPORT) \(listener.address) failed, ignored", error)
        }
    }

    /// Puts the change into effect: sets the options, closes sockets that are not wanted any more.
    func commit(_ change: Change, log: ErrorLog) {
        for (listener, wish) in zip(change.listeners, change.wishes) {
            let isNew = change.opened.contains { $0 === listener }
            listener.configure(wish.request.options, worker: wish.worker, isNew: isNew, log: log)
        }
        for old in listeners where !change.listeners.contains(where: { $0 === old }) {
            old.close()
            if old.address.isUnix,
                !change.listeners.contains(where: { $0.address == old.address })
            {
                log.write(.warn, "deleting socket \(old.address.path?.text ?? "")")
                old.removeFile(log: log)
            }
        }
        listeners = change.listeners
    }

    /// Closes what the change had opened.
    func abandon(_ change: Change, log: ErrorLog) {
        for listener in change.opened {
            listener.close()
            if listener.address.isUnix { listener.removeFile(log: log) }
        }
    }

    /// Closes every socket; with `removingFiles` a Unix socket's file goes too.
    func closeAll(removingFiles: Bool, log: ErrorLog) {
        for listener in listeners where listener.number >= 0 {
            listener.close()
            if removingFiles, listener.address.isUnix { listener.removeFile(log: log) }
        }
    }

    /// In a worker: the sockets that it accepts on, with `reuseport` its own, else all. Those of other workers are closed
    /// here; held open by a worker that takes long to end, they would be given connections that nobody accepts.
    func keep(forWorker number: Int) -> [Listener] {
        for listener in listeners where listener.worker != nil && listener.worker != number {
            listener.close()
        }
        return listeners.filter { $0.number >= 0 }
    }

    // MARK: - Over an exchange of the binary

    /// The open descriptors, for the environment of the next binary: `6;7;`.
    var descriptorList: String {
        listeners.filter { $0.number >= 0 }.map { "\($0.number);" }.joined()
    }

    /// Takes over the sockets that the environment of this process names (`6;7;` or `6:7:`).
    func inherit(_ list: String, log: ErrorLog) {
        log.write(.notice, "using inherited sockets from \"\(list)\"")
        var rest = Substring(list)
        while let end = rest.firstIndex(where: { $0 == ";" || $0 == ":" }) {
            guard let number = Int32(rest[..<end]), number >= 0 else {
                log.write(
                    .emerg,
                    "invalid socket number \"\(rest)\" in NGINX environment variable, "
                        + "ignoring the rest of the variable")
                return
            }
            rest = rest[list.index(after: end)...]
            if let listener = Listener(inheriting: number, log: log) { listeners.append(listener) }
        }
        if !rest.isEmpty {
            log.write(
                .emerg, "invalid socket number \"\(rest)\" in NGINX environment variable, ignoring")
        }
    }
}
