/// ngx_http_auth_request_module: lets requests in or refuses them as the answer to a subrequest says.
enum AuthRequest {
    static let slot = Slot(.authRequest, initial: AuthRequestSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { !settings.box(slot).value.uri.isEmpty }

    static func handle(_ request: Request) -> Verdict {
        let settings = request.location.settings(slot)
        guard let state = request.state(.authRequest, as: AuthRequestState.self) else {
            return ask(request, settings.value.uri)
        }
        guard state.hasEnded, let answer = state.subrequest else { return .wait }
        setVariables(of: request, from: answer, settings)
        state.subrequest = nil
        switch answer.response.status.code {
        case 200..<300: return .allow
        case 401:
            passChallenges(of: answer, to: request.response.headers)
            return .answer(.unauthorized)
        case 403: return .answer(.forbidden)
        case let code:
            request.log(.error) {
                $0.append("auth request unexpected status: ")
                $0.append(decimal: code)
            }
            return .answer(.internalServerError)
        }
    }

    private static func ask(_ request: Request, _ uri: ByteString) -> Verdict {
        let state = AuthRequestState(parent: request)
        guard
            let subrequest = request.engine.startSubrequest(
                of: request, path: uri.span, arguments: Span(), .ordered, observer: state)
        else { return .answer(.internalServerError) }
        subrequest.response.isHeadOnly = true
        state.subrequest = subrequest
        request.setState(.authRequest, state)
        return .wait
    }

    private static func setVariables(
        of request: Request, from answer: Request, _ settings: Box<AuthRequestSettings>
    ) {
        guard !settings.value.variables.isEmpty else { return }
        let scratch = request.engine.loop.buffers.take()
        defer { request.engine.loop.buffers.give(scratch) }
        for (variable, value) in settings.value.variables {
            scratch.removeAll()
            value.append(to: scratch, scope: answer)
            request.assign(variable, scratch.span)
        }
    }

    /// The client is asked for what the subrequest's answer asks for.
    private static func passChallenges(of answer: Request, to headers: HeaderList) {
        let own = answer.response.headers
        var index = own.firstIndex(of: .wwwAuthenticate)
        if index == nil, let exchange = answer.exchange.object as? UpstreamExchange {
            return exchange.passChallenges(to: headers)
        }
        while let found = index {
            let bytes = own.bytes
            headers.append(.wwwAuthenticate, bytes.span(own[found].valueRange))
            index = own.firstIndex(of: .wwwAuthenticate, from: found + 1)
        }
    }
}

/// What the directives of the module set.
struct AuthRequestSettings: Sendable {
    /// Empty: nobody is asked.
    var uri = ByteString.empty
    /// What is kept of the answer, each in a variable.
    var variables: [(VariableIndex, Template)] = []
}

/// A subrequest that was asked, and the request that waits for it.
final class AuthRequestState: SubrequestObserver {
    private let parent: Request
    var subrequest: Request?
    private(set) var hasEnded = false

    init(parent: Request) {
        self.parent = parent
        super.init()
    }

    override func subrequestEnds(_ request: Request, code: UInt16) -> UInt16 {
        guard code == 0, !hasEnded else { return code }
        hasEnded = true
        parent.resume()
        return 0
    }
}
