extension CoreDirectives {
    private static let wakesOne = "the kernel wakes one worker for a connection: there are no turns"

    static func eventRows(_ slot: Slot<ProcessSettings>) -> [Row] {
        [
            .block(
                "events", in: .main, .none, "How connections are processed.",
                evaluated: .inPlace, mayRepeat: false
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let outer = invocation.scope
                outer.write(slot) { $0.hasEvents = true }
                let inner = Scope(.events, in: outer)
                inner.whenFinished { (scope) throws(ConfigurationError) in
                    copyEvents(from: scope[slot], to: outer, slot)
                }
                return inner
            },
            .value(
                "worker_connections", in: .events, .one, slot, \.workerConnections,
                "The most connections a worker has open, those to upstreams included.",
                syntax: "number"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                guard let count = Units.number(invocation[0]) else {
                    throw invocation.fail("invalid number \"\(invocation[0])\"")
                }
                return count
            },
            .value(
                "use", in: .events, .one, slot, \.eventMethod,
                "How the kernel reports events: by `epoll`, or by `io_uring`, in whose place epoll is used where the kernel refuses it.",
                syntax: "epoll | io_uring"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                if let method = EventMethod(rawValue: invocation[0].text) { return method }
                throw invocation.fail(
                    "invalid event type \"\(invocation[0])\"",
                    advice: "on Linux it is \"epoll\", which is used without this directive too, or \"io_uring\"",
                    at: invocation.arguments[0])
            },
            .flag(
                "multi_accept", in: .events, slot, \.acceptsAllAtOnce,
                "Whether a worker accepts all waiting connections at once."),
            .ignoredFlag(
                "accept_mutex", in: .events, "Whether workers take turns in accepting.", reason: wakesOne),
            .ignored(
                "accept_mutex_delay", in: .events, .one, "How long a worker waits for its turn to accept.",
                reason: wakesOne, syntax: "time"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                _ = try invocation.milliseconds()
            },
            .number(
                "worker_aio_requests", in: .events, slot, \.kernelReads,
                "The most reads of files that the kernel is at for a worker at once, where `aio on` has it read by io_uring."),
            .custom(
                "debug_connection", in: .events, .one,
                "A client for which everything is logged.", syntax: "address | CIDR | unix:"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                try debugConnection(&invocation, slot)
            },
        ]
    }

    /// The block's settings are part of the whole server's; what the top level says after the block must stay.
    private static func copyEvents(
        from inner: ProcessSettings, to outer: Scope, _ slot: Slot<ProcessSettings>
    ) {
        outer.write(slot) { core in
            core.workerConnections = inner.workerConnections
            core.eventMethod = inner.eventMethod
            core.acceptsAllAtOnce = inner.acceptsAllAtOnce
            core.kernelReads = inner.kernelReads
            core.debuggedClients = inner.debuggedClients
        }
    }

    private static func debugConnection(
        _ invocation: inout Invocation, _ slot: Slot<ProcessSettings>
    ) throws(ConfigurationError) {
        let text = invocation[0]
        if text == "unix:" {
            invocation.write(slot) { $0.debuggedClients.includesUnix = true }
            return
        }
        if let (network, isExact) = Network.read(text.span) {
            if !isExact {
                invocation.warn("low address bits of \(text) are meaningless")
            }
            invocation.write(slot) { $0.debuggedClients.networks.append(network) }
            return
        }
        guard let found = HostLookup.addresses(of: text) else {
            throw invocation.fail("host not found in debug_connection \"\(text)\"")
        }
        let networks = found.map { address in
            let isIPv4 = address.family == .ipv4
            return Network(isIPv4: isIPv4, address.number, prefixLength: isIPv4 ? 32 : 128)
        }
        invocation.write(slot) { $0.debuggedClients.networks += networks }
    }
}
