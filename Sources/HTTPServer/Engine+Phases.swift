/// The way of a request through the phases. The order is nginx's; what each phase consists of is the roster's.
extension Engine {
    /// The head is complete.
    func start(_ request: Request) {
        tellHead(of: request)
        settleKeepAlive(request)
        guard !request.routing.path.isEmpty || takeTarget(request) else { return refuseTarget(request) }
        if request.method == .head { request.response.isHeadOnly = true }
        if request.lendConnection({ $0.binding.isSecure }), let code = refusal(of: request) {
            return finish(request, code: code)
        }
        request.routing.phase = .postRead
        run(request)
    }

    func refuseTarget(_ request: Request) {
        request.log(.info, while: "reading client request line") { $0.append("client sent invalid request") }
        request.flags.remove(.keepAlive)
        finish(request, code: 400)
    }

    /// Makes the path that locations are matched with. False: the target cannot be a path.
    @discardableResult
    func takeTarget(_ request: Request) -> Bool {
        let head = request.head
        let routing = request.routing
        let bytes = request.headBytes
        if head.needsNormalising {
            let merges = request.server.settings.value.mergesSlashes
            guard
                let result = URINormaliser.normalise(
                    bytes.span(head.target), mergesSlashes: merges, isPathEmpty: head.isPathEmpty,
                    into: routing.path)
            else {
                routing.path.removeAll()
                return false
            }
            let start = Int(head.target.start)
            let arguments = result.arguments
            routing.arguments.append(
                bytes, start + Int(arguments.start)..<start + Int(arguments.end))
            routing.hasQuery = result.hasQuery
        } else {
            request.path.append(bytes, head.path)
            routing.arguments.append(bytes, head.arguments)
            routing.hasQuery = !head.arguments.isEmpty
        }
        return true
    }

    /// Whether the client lets the connection live on.
    private func settleKeepAlive(_ request: Request) {
        let keeps: Bool
        switch request.head.connection {
        case .close: keeps = false
        case .keepAlive: keeps = true
        case .unspecified: keeps = request.head.version >= .http11
        }
        if keeps { request.flags.insert(.keepAlive) }
    }

    /// Runs phases until the request waits, is answered, or is taken over.
    func run(_ request: Request) {
        while true {
            let next: Progress
            switch request.routing.phase {
            case .postRead:
                next = runSteps(request.routing.lendServer { $0.root.plan.postRead }, request) ?? enter(.serverRewrite, request)
            case .serverRewrite:
                next = runSteps(request.routing.lendServer { $0.root.plan.serverRewrite }, request) ?? enter(.findConfig, request)
            case .findConfig:
                next = findLocation(request)
            case .rewrite:
                next = runSteps(request.lendLocation { $0.plan.rewrite }, request) ?? enter(.postRewrite, request)
            case .postRewrite:
                next = afterRewrite(request)
            case .preaccess:
                next = runSteps(request.lendLocation { $0.plan.preaccess }, request) ?? enter(.access, request)
            case .access:
                next = runAccess(request)
            case .postAccess:
                next = afterAccess(request)
            case .precontent:
                next = runSteps(request.lendLocation { $0.plan.precontent }, request) ?? enter(.content, request)
            case .content:
                next = runContent(request)
            case .log:
                return
            }
            switch next {
            case .next: continue
            case .stop: return
            case .answer(let code): return finish(request, code: code)
            }
        }
    }

    enum Progress {
        /// The phase is over, or another one is to be run.
        case next
        /// Somebody else goes on.
        case stop
        case answer(UInt16)
    }

    func enter(_ phase: Phase, _ request: Request) -> Progress {
        request.routing.phase = phase
        request.routing.step = 0
        return .next
    }

    /// Asks a phase's handlers one after the other; nil: they have nothing to say.
    private func runSteps(_ steps: Steps, _ request: Request) -> Progress? {
        let routing = request.routing
        while routing.step < steps.count {
            let code = steps[routing.step]
            routing.step += 1
            switch Roster.handle(code, request) {
            case .decline, .allow: continue
            case .done: return .stop
            case .wait:
                // Asked again when it resumes.
                routing.step -= 1
                return .stop
            case .reroute: return .next
            case .answer(let status): return .answer(status.rawValue)
            }
        }
        return nil
    }

    // MARK: - Around rewriting

    private func afterRewrite(_ request: Request) -> Progress {
        let routing = request.routing
        guard routing.isPathChanged else { return enter(.preaccess, request) }
        routing.changesLeft -= 1
        guard routing.changesLeft > 0 else {
            return .answer(refuseCycle(request, "processing", routing.path))
        }
        routing.leaveLocation()
        return enter(.findConfig, request)
    }

    // MARK: - Access

    /// With `satisfy all` each module must allow or decline; with `any`, one that allows is enough.
    private func runAccess(_ request: Request) -> Progress {
        // Who may have the page may have its parts.
        guard request.isMain else { return enter(.precontent, request) }
        let routing = request.routing
        let steps = request.lendLocation { $0.plan.access }
        while routing.step < steps.count {
            let code = steps[routing.step]
            routing.step += 1
            let isAny = request.core.value.satisfiesAny
            switch Roster.handle(code, request) {
            case .decline: continue
            case .allow:
                if isAny {
                    routing.accessStatus = 0
                    request.response.headers.removeAll(.wwwAuthenticate)
                    request.response.headers.removeAll(.proxyAuthenticate)
                    return enter(.precontent, request)
                }
            case .done: return .stop
            case .wait:
                routing.step -= 1
                return .stop
            case .reroute: return .next
            case .answer(let status):
                if isAny, status == .forbidden || Self.asksForCredentials(status) {
                    if !Self.asksForCredentials(Status(rawValue: routing.accessStatus)) {
                        routing.accessStatus = status.rawValue
                    }
                    continue
                }
                return refuse(request, status)
            }
        }
        return enter(.postAccess, request)
    }

    private func afterAccess(_ request: Request) -> Progress {
        let status = request.routing.accessStatus
        guard status != 0 else { return enter(.precontent, request) }
        request.routing.accessStatus = 0
        if status == 403 {
            request.log(.error) { $0.append("access forbidden by rule") }
        }
        return refuse(request, Status(rawValue: status))
    }

    private static func asksForCredentials(_ status: Status) -> Bool {
        status == .unauthorized || status == .proxyAuthenticationRequired
    }

    /// Answers; one that asks for credentials is held back by `auth_delay`, against those who try many.
    private func refuse(_ request: Request, _ status: Status) -> Progress {
        let delay = request.core.value.authDelay
        guard delay > 0, Self.asksForCredentials(status) else { return .answer(status.rawValue) }
        request.log(.info) { $0.append("delaying unauthorized request") }
        RequestPause.begin(request, for: delay, then: .finish(status))
        return .stop
    }

    // MARK: - Content

    private func runContent(_ request: Request) -> Progress {
        if let refusal = request.refusalOfBody() { return .answer(refusal.rawValue) }
        let handler = request.routing.contentHandler
        if handler != 0 {
            switch Roster.handle(handler, request) {
            case .answer(let status): return .answer(status.rawValue)
            case .reroute: return .next
            case .done, .wait, .allow, .decline: return .stop
            }
        }
        return runSteps(request.lendLocation { $0.plan.content }, request) ?? refuseContent(request)
    }

    /// Nobody has an answer.
    private func refuseContent(_ request: Request) -> Progress {
        let path = request.routing.path
        if !path.isEmpty, path[path.count - 1] == ASCII.slash {
            request.log(.error) {
                $0.append("directory index of \"")
                appendFilePath(of: request, to: $0)
                $0.append("\" is forbidden")
            }
            return .answer(403)
        }
        request.log(.error) { $0.append("no handler found") }
        return .answer(404)
    }

    private func appendFilePath(of request: Request, to output: Buffer) {
        request.appendFilePath(to: output)
    }

    // MARK: - What modules ask for

    func routeAgain(_ request: Request) {
        let routing = request.routing
        routing.changesLeft -= 1
        guard routing.changesLeft > 0 else {
            return finish(
                request,
                code: refuseCycle(request, "internally redirecting to", routing.path))
        }
        forgetStates(of: request)
        request.arrival = loop.moment
        routing.isInternal = true
        routing.isPathPristine = false
        routing.addsPathToAlias = false
        routing.isPathChanged = false
        routing.isLocationMatched = true
        routing.phase = .serverRewrite
        routing.step = 0
        routing.leaveLocation()
        applyLocation(request)
        run(request)
    }

    /// Continues in the server's location of this name.
    func route(_ request: Request, toName name: Span<UInt8>) {
        let routing = request.routing
        routing.changesLeft -= 1
        guard routing.changesLeft > 0 else {
            let shown = loop.buffers.take()
            shown.append(ASCII.at)
            shown.append(name)
            let code = refuseCycle(request, "redirect to named location", shown)
            loop.buffers.give(shown)
            return finish(request, code: code)
        }
        if routing.path.isEmpty {
            refuseName(request, "empty URI in redirect to named location", name)
            return finish(request, code: 500)
        }
        guard let location = request.server.root.children.object?.named(name) else {
            refuseName(request, "could not find named location", name)
            return finish(request, code: 500)
        }
        forgetStates(of: request)
        request.arrival = loop.moment
        routing.isInternal = true
        routing.isPathChanged = false
        routing.location = location
        routing.contentHandler = 0
        applyLocation(request)
        routing.phase = .rewrite
        routing.step = 0
        run(request)
    }

    /// Logs why a request does not go on in a named location.
    func refuseName(_ request: Request, _ message: StaticString, _ name: Span<UInt8>) {
        request.log(.error) {
            $0.append(message)
            $0.append(" \"@")
            $0.append(name)
            $0.append(ASCII.quote)
        }
    }

    private func forgetStates(of request: Request) {
        request.states.removeAll()
    }

    private func refuseCycle(
        _ request: Request, _ action: StaticString, _ target: Buffer
    ) -> UInt16 {
        request.log(.error) {
            $0.append("rewrite or internal redirection cycle while ")
            $0.append(action)
            $0.append(" \"")
            $0.append(target)
            $0.append(ASCII.quote)
        }
        // An error page would be one redirect more.
        request.routing.errorPagesUsed = true
        return 500
    }
}
