/// The way of a request through the phases. The order is nginx's; what each phase consists of is the roster's.
extension Engine {
    /// The head is complete.
    func start(_ request: Request) {
        settleKeepAlive(request)
        guard takeTarget(request) else {
            request.log(.info) { $0.append("client sent invalid request while reading client request line") }
            request.flags.remove(.keepAlive)
            return finish(request, code: 400)
        }
        if request.method == .head { request.response.isHeadOnly = true }
        request.routing.phase = .postRead
        run(request)
    }

    /// Makes the path that locations are matched with. False: the target cannot be a path.
    private func takeTarget(_ request: Request) -> Bool {
        let head = request.head
        let routing = request.routing
        let bytes = head.bytes
        if head.needsNormalising {
            let merges = request.server.settings.value.mergesSlashes
            guard
                let result = URINormaliser.normalise(
                    bytes.span(head.target), mergesSlashes: merges, isPathEmpty: head.isPathEmpty,
                    into: routing.path)
            else { return false }
            let start = Int(head.target.start)
            let arguments = result.arguments
            routing.arguments.append(
                bytes, start + Int(arguments.start)..<start + Int(arguments.end))
        } else {
            routing.path.append(bytes, head.path)
            routing.arguments.append(bytes, head.arguments)
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
                next = runSteps(request.server.root.plan.postRead, request, then: .serverRewrite)
            case .serverRewrite:
                next = runSteps(request.server.root.plan.serverRewrite, request, then: .findConfig)
            case .findConfig:
                next = findLocation(request)
            case .rewrite:
                next = runSteps(request.location.plan.rewrite, request, then: .postRewrite)
            case .postRewrite:
                next = afterRewrite(request)
            case .preaccess:
                next = runSteps(request.location.plan.preaccess, request, then: .access)
            case .access:
                next = runAccess(request)
            case .postAccess:
                next = afterAccess(request)
            case .precontent:
                next = runSteps(request.location.plan.precontent, request, then: .content)
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

    private enum Progress {
        /// The phase is over, or another one is to be run.
        case next
        /// Somebody else goes on.
        case stop
        case answer(UInt16)
    }

    private func enter(_ phase: Phase, _ request: Request) -> Progress {
        request.routing.phase = phase
        request.routing.step = 0
        return .next
    }

    private func runSteps(
        _ steps: [UInt8], _ request: Request, then following: Phase
    ) -> Progress {
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
        return enter(following, request)
    }

    // MARK: - Locations

    private func findLocation(_ request: Request) -> Progress {
        let routing = request.routing
        routing.isPathChanged = false
        guard find(request) else { return .stop }
        let location = routing.location
        let settings = location.core
        if settings.value.isInternal, !routing.isInternal { return .answer(404) }
        applyLocation(request)
        let length = request.head.contentLength
        if length >= 0, settings.value.maxBodySize > 0, length > settings.value.maxBodySize,
            request.body.state == .untouched
        {
            request.log(.error) {
                $0.append("client intended to send too large body: ")
                $0.append(decimal: length)
                $0.append(" bytes")
            }
            request.flags.insert(.lingers)
            return .answer(413)
        }
        return enter(.rewrite, request)
    }

    /// Sets `routing.location`; false when the request was answered by a redirect to the path with a slash.
    private func find(_ request: Request) -> Bool {
        let routing = request.routing
        let path = routing.path
        var current = request.server.root
        routing.location = current
        while true {
            let tree = current.children
            if tree.isEmpty { return true }
            if let exact = tree.exactMatch(path.span) {
                routing.location = exact
                return true
            }
            if let slash = tree.slashRedirect(for: path.span) {
                routing.location = slash
                redirectToSlash(request)
                return false
            }
            let prefix = tree.longestPrefix(of: path.span)
            if let prefix {
                routing.location = prefix
                if case .prefixWithoutRegex = prefix.kind {
                    if prefix.children.isEmpty { return true }
                    current = prefix
                    continue
                }
                // Locations within the prefix come before regular expressions beside it.
                if !prefix.children.isEmpty, let inner = findWithin(prefix, request) {
                    routing.location = inner
                    if inner.isExact || inner.isRegex { return true }
                    if case .prefixWithoutRegex = inner.kind { return true }
                }
            }
            for regex in tree.regexes {
                guard case .regex(let pattern) = regex.kind else { continue }
                switch pattern.match(path.span, in: request) {
                case .matched:
                    routing.location = regex
                    if regex.children.isEmpty { return true }
                    if let inner = findWithin(regex, request) { routing.location = inner }
                    return true
                case .noMatch: continue
                default:
                    finish(request, code: 500)
                    return false
                }
            }
            return true
        }
    }

    /// The best location among the children of `parent`, or nil.
    private func findWithin(_ parent: Location, _ request: Request) -> Location? {
        let path = request.routing.path
        let tree = parent.children
        if let exact = tree.exactMatch(path.span) { return exact }
        var best: Location?
        if let prefix = tree.longestPrefix(of: path.span) {
            best = prefix
            if !prefix.children.isEmpty, let inner = findWithin(prefix, request) { best = inner }
            if let found = best {
                if found.isExact || found.isRegex { return found }
                if case .prefixWithoutRegex = found.kind { return found }
            }
        }
        for regex in tree.regexes {
            guard case .regex(let pattern) = regex.kind,
                pattern.match(path.span, in: request) == .matched
            else { continue }
            return findWithin(regex, request) ?? regex
        }
        return best
    }

    private func redirectToSlash(_ request: Request) {
        applyLocation(request)
        let response = request.response
        response.location.removeAll()
        response.location.append(request.location.name)
        if !request.routing.arguments.isEmpty {
            response.location.append(ASCII.question)
            response.location.append(request.routing.arguments)
        }
        finish(request, code: 301)
    }

    /// What of the location's settings holds for the connection.
    func applyLocation(_ request: Request) {
        let settings = request.core
        guard request.flags.contains(.keepAlive) else { return }
        let connection = request.connection
        if settings.value.keepaliveTimeout == 0
            || Int(connection.requestCount) >= settings.value.keepaliveRequests
            || connection.loop.now - connection.acceptedAt > settings.value.keepaliveTime
        {
            request.flags.remove(.keepAlive)
        }
    }

    // MARK: - Around rewriting

    private func afterRewrite(_ request: Request) -> Progress {
        let routing = request.routing
        guard routing.isPathChanged else { return enter(.preaccess, request) }
        routing.rewritesLeft -= 1
        if routing.rewritesLeft == 0 {
            request.log(.error) {
                $0.append("rewrite or internal redirection cycle while processing \"")
                $0.append(routing.path)
                $0.append(ASCII.quote)
            }
            return .answer(500)
        }
        return enter(.findConfig, request)
    }

    // MARK: - Access

    /// With `satisfy all` each module must allow or decline; with `any`, one that allows is enough.
    private func runAccess(_ request: Request) -> Progress {
        let routing = request.routing
        if let limit = request.location.limitExcept, limit.methods & request.method.bit == 0 {
            routing.location = limit.location
        }
        let steps = request.location.plan.access
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
        let routing = request.routing
        let handler = request.location.contentHandler
        if handler != 0 {
            switch Roster.handle(handler, request) {
            case .answer(let status): return .answer(status.rawValue)
            case .reroute: return .next
            case .done, .wait, .allow, .decline: return .stop
            }
        }
        let steps = request.location.plan.content
        while routing.step < steps.count {
            let code = steps[routing.step]
            routing.step += 1
            switch Roster.handle(code, request) {
            case .decline, .allow: continue
            case .done: return .stop
            case .wait:
                routing.step -= 1
                return .stop
            case .reroute: return .next
            case .answer(let status): return .answer(status.rawValue)
            }
        }
        let path = routing.path
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
        guard allowsRedirect(request) else { return }
        routing.isInternal = true
        routing.isPathPristine = false
        routing.isPathChanged = false
        routing.phase = .serverRewrite
        routing.step = 0
        routing.location = request.server.root
        run(request)
    }

    func route(_ request: Request, toNamed location: Location) {
        let routing = request.routing
        guard allowsRedirect(request) else { return }
        routing.isInternal = true
        routing.isPathChanged = false
        routing.location = location
        applyLocation(request)
        routing.phase = .rewrite
        routing.step = 0
        run(request)
    }

    private func allowsRedirect(_ request: Request) -> Bool {
        let routing = request.routing
        routing.redirectsLeft -= 1
        if !request.states.isEmpty { request.states.removeAll(keepingCapacity: true) }
        if routing.redirectsLeft > 0 { return true }
        request.log(.error) {
            $0.append("rewrite or internal redirection cycle while internally redirecting to \"")
            $0.append(routing.path)
            $0.append(ASCII.quote)
        }
        routing.errorPagesUsed = true
        finish(request, code: 500)
        return false
    }
}
