/// The search for a request's location, and what its settings mean for the request and the connection.
extension Engine {
    func findLocation(_ request: Request) -> Progress {
        let routing = request.routing
        routing.isPathChanged = false
        routing.contentHandler = 0
        routing.leaveLocation()
        let found = routing.lendServer { find(in: $0.root, request, routing, path: routing.path) }
        if case .failed = found { return .answer(500) }
        return routing.lendLocation { settle(request, $0, found) }
    }

    /// Goes on with the location that was found.
    private func settle(_ request: Request, _ location: Location, _ found: Found) -> Progress {
        let settings = location.core
        if settings.value.isInternal, !request.routing.isInternal { return .answer(404) }
        applyLocation(request)
        tellLocation(of: request)
        let length = request.head.contentLength
        if length >= 0, settings.value.maxBodySize > 0, length > settings.value.maxBodySize,
            request.body.state == .untouched || !request.isMain
        {
            request.log(.error) {
                $0.append("client intended to send too large body: ")
                $0.append(decimal: length)
                $0.append(" bytes")
            }
            if request.isMain {
                request.body.state = .discarding
                request.flags.insert(.lingers)
            }
            return .answer(413)
        }
        if case .slash = found {
            redirectToSlash(request, location)
            return .answer(301)
        }
        return enter(.rewrite, request)
    }

    private enum Found {
        /// Nothing fits; what holds so far is kept.
        case none
        /// A prefix, which a regular expression may still beat.
        case prefix
        /// A path in full, or a regular expression.
        case certain
        /// The path lacks the slash at its end.
        case slash
        /// A regular expression cannot be matched.
        case failed
    }

    /// Sets `routing.location` to the best one of those within a location.
    private func find(in location: Location, _ request: Request, _ routing: Routing, path: Buffer) -> Found {
        location.children.lend { find(in: $0, request, routing, path: path) } ?? .none
    }

    private func find(in tree: LocationTree, _ request: Request, _ routing: Routing, path: Buffer) -> Found {
        if let exact = tree.exactMatch(path.span) {
            routing.location = exact
            return .certain
        }
        var found = Found.none
        let prefix = tree.longestPrefix(of: path.span)
        let length = prefix.map { tree.prefixLocations.lend($0) { $0.name.count } }
        if length != path.count, let slash = tree.slashRedirect(for: path.span) {
            routing.location = slash
            return .slash
        }
        if let prefix {
            found = .prefix
            let inner = tree.prefixLocations.lend(prefix) { find(behind: $0, request, routing, path: path) }
            if let inner { return inner }
        }
        return tree.regexes.isEmpty ? found : match(tree.regexes, request, routing, path: path) ?? found
    }

    /// Takes a prefix for the location, and looks within it; nil: a regular expression may still beat it.
    private func find(behind prefix: Location, _ request: Request, _ routing: Routing, path: Buffer) -> Found? {
        routing.location = prefix
        switch find(in: prefix, request, routing, path: path) {
        case .none, .prefix: break
        case .certain: return .certain
        case .slash: return .slash
        case .failed: return .failed
        }
        if case .prefixWithoutRegex = prefix.kind { return .prefix }
        return nil
    }

    /// The first regular expression that matches; nil: none.
    private func match(_ regexes: [Location], _ request: Request, _ routing: Routing, path: Buffer) -> Found? {
        for regex in regexes {
            guard case .regex(let pattern) = regex.kind else { continue }
            switch pattern.match(path.span, in: request) {
            case .noMatch: continue
            case .failed: return .failed
            case .matched:
                routing.location = regex
                if case .failed = find(in: regex, request, routing, path: path) { return .failed }
                return .certain
            }
        }
        return nil
    }

    private func redirectToSlash(_ request: Request, _ location: Location) {
        let response = request.response
        response.location.removeAll()
        let name = location.name
        response.location.append(escaped: name.span, for: .path)
        if !request.routing.arguments.isEmpty {
            response.location.append(ASCII.question)
            response.location.append(request.routing.arguments)
        }
    }

    /// What of the location's settings holds for the request and the connection. The methods that `limit_except` does not
    /// let pass have settings of their own.
    func applyLocation(_ request: Request) {
        if request.lendLocation({ $0.limitExcept != nil }), let limit = request.location.limitExcept,
            limit.methods & request.method.bit == 0
        {
            request.routing.location = limit.location
        }
        // As in nginx, what the block of a condition names stays when another block names nothing.
        let handler = request.lendLocation { $0.contentHandler }
        if handler != 0 { request.routing.contentHandler = handler }
        guard request.flags.contains(.keepAlive) else { return }
        let isKept = request.lendConnection { connection in request.lendLocation { keeps(connection, request, $0.core) } }
        if !isKept { request.flags.remove(.keepAlive) }
    }

    private func keeps(_ connection: ClientConnection, _ request: Request, _ settings: Box<CoreSettings>) -> Bool {
        settings.value.keepaliveTimeout != 0 && Int(connection.requestCount) < settings.value.keepaliveRequests
            && connection.loop.now - connection.acceptedAt <= settings.value.keepaliveTime
            && !isKeptFrom(request, settings.value.keepaliveDisable)
    }

    /// Old browsers that wait for ever on connections that are kept.
    private func isKeptFrom(
        _ request: Request, _ browsers: CoreSettings.KeepaliveDisable
    ) -> Bool {
        if browsers.contains(.msie6), request.method == .post, request.isFrom(.explorer6) {
            return true
        }
        return browsers.contains(.safari) && request.isFrom(.safari)
    }
}
