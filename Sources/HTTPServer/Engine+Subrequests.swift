/// Subrequests: requests that others make, for a part of a page or to be told something.
extension Engine {
    func makeSubrequest(
        of parent: Request, path: Span<UInt8>, arguments: Span<UInt8>, _ kind: SubrequestKind,
        _ observer: SubrequestObserver?
    ) -> Request? {
        let own = kinship(of: parent)
        guard own.generationsLeft > 0, own.family.members.count < RequestFamily.limit else {
            let name = ByteString(path)
            parent.log(.error) {
                $0.append("subrequests cycle while processing \"")
                $0.append(name)
                $0.append(ASCII.quote)
            }
            return nil
        }
        guard own.kind != .inMemory else {
            let name = ByteString(path)
            parent.log(.error) {
                $0.append("nested in-memory subrequest \"")
                $0.append(name)
                $0.append(ASCII.quote)
            }
            return nil
        }
        let request = Request(subrequestOf: parent)
        request.kinship = Kinship(
            family: own.family, parent: parent, kind: kind, generationsLeft: own.generationsLeft - 1,
            observer: observer)
        request.stream = SubrequestStream(request, main: own.family.main)
        request.head.setMethod(.get)
        let routing = request.routing
        routing.path.append(path)
        routing.arguments.append(arguments)
        routing.hasQuery = !arguments.isEmpty
        routing.isInternal = true
        routing.isPathPristine = false
        routing.phase = .serverRewrite
        if let kinship = request.kinship { own.family.add(request, kinship) }
        wishes.add(.start, for: request)
        return request
    }

    /// Asks for what `post_action` names, now that a request is over. False: there is no such location.
    func startPostAction(_ action: ByteString, of request: Request) {
        let routing = request.routing
        let isPath = action.hasPrefix("/")
        var named: Location?
        if !isPath {
            let name = action.hasPrefix("@") ? action.slice(1..<action.count) : action
            named = request.server.root.children.object?.named(name.span)
            guard named != nil else { return refuseName(request, "could not find named location", name.span) }
        }
        let (present, query) = (routing.path, routing.arguments)
        let path = isPath ? action : ByteString(present.span)
        let arguments = isPath ? ByteString.empty : ByteString(query.span)
        guard let post = makeSubrequest(of: request, path: path.span, arguments: arguments.span, .background, nil)
        else { return }
        post.flags.insert(.isPostAction)
        post.response.isHeadOnly = true
        guard let named else { return }
        post.routing.location = named
        applyLocation(post)
        post.routing.phase = .rewrite
    }

    func makeClone(of parent: Request, _ observer: SubrequestObserver?) -> Request? {
        let own = parent.routing
        let (path, arguments) = (own.path, own.arguments)
        guard
            let request = makeSubrequest(
                of: parent, path: path.span, arguments: arguments.span, .ordered, observer)
        else { return nil }
        request.head.setMethod(sharedWith: parent.head)
        let routing = request.routing
        routing.location = own.location
        routing.contentHandler = own.contentHandler
        routing.hasQuery = own.hasQuery
        routing.isLocationMatched = own.isLocationMatched
        routing.isPathPristine = own.isPathPristine
        routing.addsPathToAlias = own.addsPathToAlias
        routing.phase = .content
        return request
    }

    private func kinship(of request: Request) -> Kinship {
        if let known = request.kinship { return known }
        let family = RequestFamily(engine: self, main: request)
        let made = Kinship(
            family: family, parent: nil, kind: .ordered, generationsLeft: RequestFamily.generations,
            observer: nil)
        request.kinship = made
        return made
    }

    /// A subrequest ends with a code: 0 where its module is through.
    func endSubrequest(_ request: Request, code: UInt16) {
        guard let kinship = request.kinship else { return }
        switch code {
        case 408, 444, 499:
            if kinship.kind == .background { return kinship.family.endOutput(of: request, code: code) }
            let main = kinship.family.main
            if !main.response.isHeadSent { main.response.status = Status(rawValue: code) }
            return breakOff(main)
        default: break
        }
        guard !request.response.isHeadSent, code != 0 else {
            // What is missing of its answer is missing in the page.
            return kinship.family.endOutput(of: request, code: code)
        }
        let outcome = kinship.observer?.subrequestEnds(request, code: code) ?? code
        guard request.kinship === kinship else { return }
        if outcome == 0 {
            // Its answer may have been made in the place of an error page.
            if request.response.isHeadSent { return }
            return kinship.family.endOutput(of: request, code: code)
        }
        answerSpecially(request, code: outcome)
    }

    /// Does what a member of a family has still to do.
    fileprivate func fulfil(_ wishes: Kinship.Wishes, of request: Request) {
        if wishes.contains(.start) { run(request) }
        guard request.kinship != nil else { return }
        if wishes.contains(.turn) { continueBody(request) }
        guard let kinship = request.kinship, wishes.contains(.end) else { return }
        tellEnd(of: request, kinship)
    }

    private func tellEnd(of request: Request, _ kinship: Kinship) {
        let family = kinship.family
        if let producer = request.producer {
            request.producer = nil
            producer.cancel()
        }
        _ = kinship.observer?.subrequestEnds(request, code: 0)
        // What it was told may have ended the whole family.
        guard request.kinship === kinship else { return }
        if request.core.value.logsSubrequests { log(request) }
        request.flags.insert(.finished)
        noteFreed()
        let parent = kinship.parent
        family.endWasTold(of: request)
        if let parent, parent.kinship != nil { wishes.add(.turn, for: parent) }
        if let isSent = family.isMainAnswered, family.members.isEmpty { complete(family.main, isSent: isSent) }
    }
}

/// What requests with subrequests have still to do: done in the loop's next turn, since they ask for it in the midst of something.
final class RequestWishes: Endpoint {
    /// It owns this. (A weak reference would slow down each counting of the engine.)
    unowned var engine: Engine?
    private var requests: [Request] = []

    init(loop: EventLoop) {
        super.init(loop: loop, descriptor: -1)
    }

    func add(_ wish: Kinship.Wishes, for request: Request) {
        guard let kinship = request.kinship else { return }
        if kinship.wishes.isEmpty {
            if requests.isEmpty { loop.callSoon(self) }
            requests.append(request)
        }
        kinship.wishes.insert(wish)
    }

    override func called() {
        var list: [Request] = []
        swap(&list, &requests)
        for request in list {
            guard let kinship = request.kinship else { continue }
            let wishes = kinship.wishes
            kinship.wishes = []
            engine?.fulfil(wishes, of: request)
        }
    }
}
