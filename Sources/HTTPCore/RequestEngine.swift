/// What modules ask of the server: implemented once, above the modules.
class RequestEngine {
    final let loop: EventLoop
    final let hotFiles: HotFiles
    /// What is kept in memory; whoever keeps something else adds its own.
    final var memoryFigures: [MemoryFigures]
    /// Frees what modules keep for requests to come: called in the calm after a burst. Caches are not meant.
    final var poolEmptiers: [() -> Void] = []
    /// Idle connections to upstreams are kept; not any more once the worker ends.
    final var keepsUpstreams = true

    /// Pauses that are over, for the next requests to be held back.
    final var idlePauses: [RequestPause] = []
    /// What modules keep for this worker, by the index of their settings: pools, counters.
    private var moduleStates: [AnyObject?] = []

    init(loop: EventLoop) {
        self.loop = loop
        hotFiles = HotFiles(loop: loop)
        memoryFigures = [hotFiles.figures]
    }

    /// What a module keeps for this worker, made at its first use. A module asks for one type only.
    final func moduleState<S: AnyObject>(_ index: SettingsIndex, _ make: () -> S) -> S {
        while moduleStates.count <= index.rawValue { moduleStates.append(nil) }
        if let known = moduleStates[index.rawValue] as? S { return known }
        let made = make()
        moduleStates[index.rawValue] = made
        return made
    }

    /// Sends the response's head through the header filters. Nothing may be changed in it afterwards.
    func sendHead(_ request: Request) {}

    /// Sends `request.outgoing` through the body filters to the client, and takes it.
    func sendBody(_ request: Request) {}

    /// Sends bytes that are valid during the call only as a part of the body. Overridden to hand them to the client's stream as they
    /// are when no filter wants them.
    func sendBody(_ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        stageBody(request, bytes: bytes, isLast: isLast, flush: flush)
    }

    /// Copies bytes into pooled buffers and sends them through the body filters.
    final func stageBody(
        _ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool
    ) {
        var rest = bytes
        while !rest.isEmpty {
            let part = min(rest.count, loop.largeBuffers.size)
            let buffer = part <= loop.buffers.size ? loop.buffers.take() : loop.largeBuffers.take()
            buffer.append(rest.extracting(0..<part))
            request.outgoing.append(.pooled(buffer, 0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        request.outgoing.isLast = isLast
        request.outgoing.flush = flush
        sendBody(request)
    }

    /// Ends the request with a status: an error page, or what the module has begun.
    func finish(_ request: Request, code: UInt16) {}

    /// Asks the module that waits again, or goes on to the next phase.
    func resume(_ request: Request) {}

    /// Routes the request anew with the path and arguments that `request.routing` has.
    func redirect(_ request: Request) {}

    /// Continues in the server's location `@NAME`; a name without one is an error.
    func redirect(_ request: Request, toName name: Span<UInt8>) {}

    /// Goes on with another location's settings, as a condition chooses.
    func enter(_ location: Location, _ request: Request) {}

    /// Starts a subrequest for a path, which is decoded and normalised, with these arguments; it runs when its parent has to wait,
    /// in the loop's next turn at the earliest. Nil, and logged: there are too many of them.
    func startSubrequest(
        of parent: Request, path: Span<UInt8>, arguments: Span<UInt8>, _ kind: SubrequestKind,
        observer: SubrequestObserver?
    ) -> Request? { nil }

    /// Starts a subrequest that asks for the same as its parent, with the same settings: what makes the parent's answer makes its.
    func cloneRequest(_ parent: Request, observer: SubrequestObserver?) -> Request? { nil }

    /// Sends what `main.outgoing` has of the whole answer through the filters that are common to all its parts.
    func passOn(_ main: Request) {}

    /// Notes what a member of a family is to do in the loop's next turn.
    func wish(_ wish: Kinship.Wishes, for request: Request) {}

    /// Reads the request's body; `requestBodyReady` of the request's producer follows, perhaps at once.
    func readBody(_ request: Request) {}

    /// Makes the shared figures of connections exact, as `stub_status` is about to show them.
    func publishFigures() {}

    /// Ends the connection without an answer.
    func abort(_ request: Request) {}
}
