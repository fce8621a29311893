/// All modules, the order in which phases ask them, and the order of the filters: the one place where order is written down.
enum Roster {
    /// Every directive of HTTP.
    static var rows: [Row] {
        Core.rows + AccessLogging.rows + UpstreamDirectives.rows(.http) { upstreams(of: $0) }
            + Proxy.rows + LaterFamilies.rows + Access.rows
    }

    private static func upstreams(of scope: Scope) -> UpstreamRegistry {
        guard let http = (scope.builder as? ConfigurationBuilder)?.http else {
            preconditionFailure("an upstream outside of http")
        }
        return http.upstreams
    }

    /// Where in a phase a handler stands, and whether a location needs it.
    private struct Step: Sendable {
        let handler: Handler
        let isUsed: @Sendable (SettingsTable) -> Bool
    }

    private static let postRead: [Step] = []
    private static let serverRewrite: [Step] = []
    private static let rewrite: [Step] = []
    private static let preaccess: [Step] = []
    private static let access: [Step] = [
        Step(handler: .access, isUsed: Access.isUsed)
    ]
    private static let precontent: [Step] = []
    private static let content: [Step] = [
        Step(handler: .staticFiles) { _ in true }
    ]
    private static let log: [Step] = [
        Step(handler: .accessLog) { !$0[AccessLogging.slot].isEmpty }
    ]
    private static let headerFilters: [Step] = []

    /// The steps that a location's requests really go through.
    static func plan(for settings: SettingsTable) -> Plan {
        func used(_ steps: [Step]) -> [UInt8] {
            steps.filter { $0.isUsed(settings) }.map(\.handler.rawValue)
        }
        var plan = Plan()
        plan.postRead = used(postRead)
        plan.serverRewrite = used(serverRewrite)
        plan.rewrite = used(rewrite)
        plan.preaccess = used(preaccess)
        plan.access = used(access)
        plan.precontent = used(precontent)
        plan.content = used(content)
        plan.log = used(log)
        plan.headerFilters = used(headerFilters)
        return plan
    }

    /// Asks one handler.
    static func handle(_ code: UInt8, _ request: Request) -> Verdict {
        switch Handler(rawValue: code) {
        case .staticFiles: StaticFiles.handle(request)
        case .access: Access.handle(request)
        case .proxy: Proxy.handle(request)
        case .accessLog: log(request)
        default: .decline
        }
    }

    private static func log(_ request: Request) -> Verdict {
        AccessLogging.log(request)
        return .decline
    }

    /// Sends the head through one filter, which may add a stage to the request's pipeline.
    static func filterHead(_ code: UInt8, _ request: Request) -> FilterVerdict {
        switch Handler(rawValue: code) {
        default: .pass
        }
    }

    static func appendTrailers(_ request: Request, to output: Buffer) {
        request.response.trailers?.write(to: output)
    }
}

/// A body filter at work on one response.
enum Stage {
    case none

    /// Filters `request.outgoing` in place; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        switch self {
        case .none: true
        }
    }
}
