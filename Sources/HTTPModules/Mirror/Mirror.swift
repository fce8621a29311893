/// ngx_http_mirror_module: sends copies of requests elsewhere, in the background; the answers are dropped.
enum Mirror {
    static let slot = Slot(.mirror, initial: MirrorSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool { !settings.box(slot).value.uris.isEmpty }

    static var rows: [Row] {
        [
            .custom(
                "mirror", in: .request, .one, "The URI that a copy of each request is sent to.",
                syntax: "uri | off"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let uri = invocation[0]
                if uri == "off" {
                    if !invocation.isFirst { throw invocation.refuse("is duplicate") }
                    return invocation.write(slot) { $0.uris = [] }
                }
                let before = invocation.isFirst ? [] : invocation[slot].uris
                if !invocation.isFirst, before.isEmpty { throw invocation.refuse("is duplicate") }
                invocation.write(slot) { $0.uris = before + [uri] }
            },
            .flag(
                "mirror_request_body", in: .request, slot, \.copiesBody,
                "Whether the body is copied, too; it is read whole before the request goes on."),
        ]
    }

    static func handle(_ request: Request) -> Verdict {
        guard request.isMain else { return .decline }
        let settings = request.location.settings(slot)
        guard settings.value.copiesBody else { return start(request, settings) }
        let state: MirrorState
        if let known = request.state(.mirror, as: MirrorState.self) {
            state = known
        } else {
            state = MirrorState(request)
            request.setState(.mirror, state)
            request.producer = state
            request.engine.readBody(request)
            // It may have been there already, or be wrong.
            guard request.state(.mirror, as: MirrorState.self) === state else { return .done }
            state.isWaiting = !state.isReady
        }
        if !state.isReady { return state.isWaiting ? .wait : .decline }
        if state.hasStarted { return .decline }
        state.hasStarted = true
        return start(request, settings)
    }

    private static func start(_ request: Request, _ settings: Box<MirrorSettings>) -> Verdict {
        let arguments = request.routing.arguments
        for uri in settings.value.uris {
            guard
                let copy = request.engine.startSubrequest(
                    of: request, path: uri.span, arguments: arguments.span, .background,
                    observer: nil)
            else { return .answer(.internalServerError) }
            copy.response.isHeadOnly = true
            copy.head.method = request.head.method
            copy.head.methodName = request.head.methodName
        }
        return .decline
    }
}

/// What the directives of the module set.
struct MirrorSettings: Sendable {
    var uris: [ByteString] = []
    var copiesBody = true
}

/// Waits for the body of a request that is to be copied.
final class MirrorState: Producer {
    private let request: Request
    var isWaiting = false
    var hasStarted = false
    private(set) var isReady = false

    init(_ request: Request) {
        self.request = request
        super.init()
    }

    override func requestBodyReady() {
        isReady = true
        request.producer = nil
        if isWaiting { request.resume() }
    }
}
