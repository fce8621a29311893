/// ngx_http_addition_module: puts the answers of subrequests before and behind the body of an answer.
enum Addition {
    static let slot = Slot(.addition, initial: AdditionSettings())

    static func isUsed(_ settings: SettingsTable) -> Bool {
        let settings = settings.box(slot)
        return !settings.value.before.isEmpty || !settings.value.after.isEmpty
    }

    /// The filter that the body has to pass, or nil when nothing is added.
    static func filterHead(_ request: Request) -> AdditionFilter? {
        let response = request.response
        let settings = request.location.settings(slot)
        let type = response.contentType
        guard response.status == .ok, settings.value.types.matches(type.span(response.mediaType))
        else { return nil }
        response.forgetLength()
        response.weakenETag()
        return response.isHeadOnly ? nil : AdditionFilter(settings)
    }

    static var rows: [Row] {
        [
            .text(
                "add_before_body", in: .request, slot, \.before,
                "The URI whose answer is put before the body of answers."),
            .text(
                "add_after_body", in: .request, slot, \.after,
                "The URI whose answer is put behind the body of answers."),
            .mediaTypes(
                "addition_types", in: .request, slot, \.types,
                "Media types of answers that something is added to, besides text/html."),
        ]
    }
}

/// What the directives of the module set for a location.
struct AdditionSettings: Sendable {
    /// URIs; empty for none.
    var before = ByteString.empty
    var after = ByteString.empty
    var types = MediaTypes.html
}

/// Starts the subrequests of one answer where their output belongs.
final class AdditionFilter {
    private let settings: Box<AdditionSettings>
    private var hasBegun = false
    /// All of the body has passed, but for its end, which comes behind what is added.
    private(set) var isHolding = false

    init(_ settings: Box<AdditionSettings>) {
        self.settings = settings
    }

    func run(_ request: Request) -> Bool {
        if isHolding {
            isHolding = false
            request.outgoing.isLast = true
            return start(settings.value.after, request)
        }
        if !hasBegun {
            hasBegun = true
            guard start(settings.value.before, request) else { return false }
        }
        if request.outgoing.isLast, !settings.value.after.isEmpty {
            request.outgoing.isLast = false
            request.outgoing.flush = true
            isHolding = true
        }
        return true
    }

    private func start(_ uri: ByteString, _ request: Request) -> Bool {
        if uri.isEmpty { return true }
        return request.engine.startSubrequest(
            of: request, path: uri.span, arguments: Span(), .ordered, observer: nil) != nil
    }
}
