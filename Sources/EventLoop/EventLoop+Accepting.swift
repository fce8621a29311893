extension EventLoop {
    /// Registers a connection that was accepted just now. Where data are likely to have come with it, the kernel is not asked to
    /// tell of it before `receiveAccepted` has tried: under load most connections that carry one request are answered and closed
    /// without having been watched at all, which saves a call and an event.
    ///
    /// `isDeferred`: the kernel was told to hold the connection back until there are data.
    func addAccepted(_ endpoint: Endpoint, isDeferred: Bool) throws(Errno) {
        guard isDeferred || promptness.areGood() else { return try add(endpoint) }
        guard source.watchesLate else {
            try add(endpoint)
            if isDeferred { readSoon(endpoint) }
            return
        }
        assignSlot(endpoint)
        endpoint.flags.insert([.reading, .readable, .unwatched])
    }

    /// Receives what has come with a connection that `addAccepted` registered, once all is ready for it.
    func receiveAccepted(_ endpoint: Endpoint) {
        guard endpoint.flags.contains(.unwatched) else { return }
        unwatched.append(endpoint)
        isEventFresh = false
        let count = receiveDirectly(endpoint)
        promptness.note(count > 0 || endpoint.isClosed)
    }

    /// What was accepted in this turn and is still open, is watched from now on; the kernel tells at once of what came meanwhile.
    func watchAccepted() {
        for index in unwatched.indices {
            let endpoint = unwatched[index]
            guard endpoint.flags.contains(.unwatched), !endpoint.isClosed else { continue }
            endpoint.flags.remove(.unwatched)
            do throws(Errno) { try watch(endpoint, for: .connection) } catch { fail(endpoint, error) }
        }
        unwatched.removeAll()
    }
}
