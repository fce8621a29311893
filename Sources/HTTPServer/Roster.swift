/// All modules, the order in which phases ask them, and the order of the filters: the one place where order is written down.
enum Roster {
    /// Every directive of HTTP.
    static var rows: [Row] {
        TLSModule.rows + Core.rows + HTTP2.rows + AccessLogging.rows + UpstreamDirectives.rows(.http) { upstreams(of: $0) }
            + gatewayRows + accessRows + filterRows + rewritingRows
            + variableRows + contentRows
    }

    private static var gatewayRows: [Row] {
        Proxy.rows + GRPC.rows + Memcached.rows + FastCGI.rows + UWSGI.rows + SCGI.rows
    }

    private static var variableRows: [Row] {
        Referer.rows + SecureLink.rows + Browsers.rows
    }

    private static var contentRows: [Row] {
        EmptyGIF.rows + AuthRequest.rows + Mirror.rows
    }

    private static var rewritingRows: [Row] {
        Rewrite.rows + TryFiles.rows + Index.rows + Maps.rows
    }

    private static var accessRows: [Row] {
        Access.rows + AuthBasic.rows + RealIP.rows + LimitRequests.rows + LimitConnections.rows
            + StubStatus.rows + Autoindex.rows + RandomIndex.rows
    }

    private static var filterRows: [Row] {
        Headers.rows + Charset.rows + Gzip.rows + Brotli.rows + Zstd.rows + Precompressed.rows + UserID.rows
            + Gunzip.rows + Slice.rows + Substitution.rows + Addition.rows + SSI.rows
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

    private static let postRead: [Step] = [
        Step(handler: .realIP, isUsed: RealIP.isUsed)
    ]
    private static let preaccess: [Step] = [
        Step(handler: .realIP, isUsed: RealIP.isUsed),
        Step(handler: .limitRequests, isUsed: LimitRequests.isUsed),
        Step(handler: .limitConnections, isUsed: LimitConnections.isUsed),
    ]
    private static let access: [Step] = [
        Step(handler: .access, isUsed: Access.isUsed),
        Step(handler: .authBasic, isUsed: AuthBasic.isUsed),
        Step(handler: .authRequest, isUsed: AuthRequest.isUsed),
    ]
    private static let precontent: [Step] = [
        Step(handler: .mirror, isUsed: Mirror.isUsed)
    ]
    private static let content: [Step] = [
        Step(handler: .randomIndex, isUsed: RandomIndex.isUsed),
        Step(handler: .index) { _ in true },
        Step(handler: .autoindex, isUsed: Autoindex.isUsed),
        Step(handler: .precompressed, isUsed: Precompressed.isUsed),
        Step(handler: .staticFiles) { _ in true },
    ]
    private static let log: [Step] = [
        Step(handler: .accessLog) { !$0[AccessLogging.slot].isEmpty }
    ]
    /// In the order in which heads pass them: nginx's.
    private static let headerFilters: [Step] = [
        Step(handler: .sliceFilter, isUsed: Slice.isUsed),
        Step(handler: .notModifiedFilter) { _ in true },
        Step(handler: .headersFilter) { Headers.isUsed($0) },
        Step(handler: .userIDFilter, isUsed: UserID.isUsed),
        Step(handler: .gunzipFilter, isUsed: Gunzip.isUsed),
        Step(handler: .additionFilter, isUsed: Addition.isUsed),
        Step(handler: .substitutionFilter, isUsed: Substitution.isUsed),
        Step(handler: .charsetFilter) { Charset.isUsed($0) },
        Step(handler: .ssiFilter, isUsed: SSI.isUsed),
        Step(handler: .compressionFilter, isUsed: Compression.isUsed),
        Step(handler: .rangeFilter) { _ in true },
    ]

    /// The steps that a location's requests really go through.
    static func plan(for location: Location) -> Plan {
        let settings = location.settings
        func used(_ steps: [Step]) -> Steps {
            Steps(steps.filter { $0.isUsed(settings) }.map(\.handler.rawValue))
        }
        var plan = Plan()
        plan.postRead = used(postRead)
        // Rewriting and `try_files` are not inherited: they are the block's own. Where no location is found, the server's
        // program is not run a second time.
        if location.program != nil {
            if case .server = location.kind {
                plan.serverRewrite = Steps([Handler.rewrite.rawValue])
            } else {
                plan.rewrite = Steps([Handler.rewrite.rawValue])
            }
        }
        plan.preaccess = used(preaccess)
        plan.access = used(access)
        plan.precontent = used(precontent)
        if location.tryFiles != nil { plan.precontent.append(Handler.tryFiles.rawValue) }
        plan.content = used(content)
        plan.log = used(log)
        plan.headerFilters = used(headerFilters)
        plan.wantsSources = Compression.isUsed(settings)
        return plan
    }

    /// Asks one handler.
    static func handle(_ code: UInt8, _ request: Request) -> Verdict {
        switch Handler(rawValue: code) {
        case .precompressed: Precompressed.handle(request)
        case .staticFiles: StaticFiles.handle(request)
        case .rewrite: Rewrite.handle(request)
        case .tryFiles: TryFiles.handle(request)
        case .index: Index.handle(request)
        case .access: Access.handle(request)
        case .authBasic: AuthBasic.handle(request)
        case .realIP: RealIP.handle(request)
        case .limitRequests: LimitRequests.handle(request)
        case .limitConnections: LimitConnections.handle(request)
        case .stubStatus: StubStatus.handle(request)
        case .autoindex: Autoindex.handle(request)
        case .randomIndex: RandomIndex.handle(request)
        case .proxy: Proxy.handle(request)
        case .grpc: GRPC.handle(request)
        case .memcached: Memcached.handle(request)
        case .fastCGI: FastCGI.handle(request)
        case .uwsgi: UWSGI.handle(request)
        case .scgi: SCGI.handle(request)
        case .emptyGIF: EmptyGIF.handle(request)
        case .authRequest: AuthRequest.handle(request)
        case .mirror: Mirror.handle(request)
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
        guard let handler = Handler(rawValue: code), request.isMain || filtersParts(handler) else {
            return .pass
        }
        switch handler {
        case .sliceFilter: return Slice.filterHead(request)
        case .notModifiedFilter: return NotModified.filterHead(request)
        case .headersFilter: Headers.filterHead(request)
        case .userIDFilter: UserID.filterHead(request)
        case .gunzipFilter:
            if let filter = Gunzip.filterHead(request) { request.append(.gunzip(filter)) }
        case .additionFilter:
            if let filter = Addition.filterHead(request) { request.append(.addition(filter)) }
        case .substitutionFilter:
            if let filter = Substitution.filterHead(request) { request.append(.substitution(filter)) }
        case .charsetFilter:
            if let filter = Charset.filterHead(request) { request.append(.charset(filter)) }
        case .ssiFilter:
            if let filter = SSI.filterHead(request) { request.append(.ssi(filter)) }
        case .compressionFilter:
            if let filter = Compression.filterHead(request) { request.append(.compression(filter)) }
        case .rangeFilter: return filterRanges(request)
        default: break
        }
        return .pass
    }

    /// Whether a filter works on the answers of subrequests; the others are for the head that the client gets.
    private static func filtersParts(_ handler: Handler) -> Bool {
        switch handler {
        case .sliceFilter, .gunzipFilter, .substitutionFilter, .charsetFilter, .ssiFilter: true
        default: false
        }
    }

    private static func filterRanges(_ request: Request) -> FilterVerdict {
        switch Ranges.filterHead(request) {
        case .whole: break
        case .partial(let filter): request.append(.range(filter))
        case .replaced: return .replaced
        }
        return .pass
    }

    /// The trailer fields of a response whose body is complete, or nil.
    static func trailers(of request: Request) -> HeaderList? {
        Headers.addTrailers(to: request)
        return request.response.trailers
    }
}

/// A body filter at work on one response.
enum Stage {
    case slice(SliceFilter)
    case range(RangeFilter)
    case gunzip(GunzipFilter)
    case addition(AdditionFilter)
    case substitution(SubstitutionFilter)
    case charset(CharsetFilter)
    case ssi(SSIFilter)
    case compression(CompressionFilter)

    /// Its place among the others: bodies pass the filters in nginx's order, which is not that of the heads.
    var rank: Int {
        switch self {
        case .slice: -1
        case .range: 0
        case .gunzip: 1
        case .addition: 2
        case .substitution: 3
        case .charset: 6
        case .ssi: 7
        case .compression: 8
        }
    }

    /// Whether it has to see the bytes: files are read for it.
    var changesContent: Bool {
        switch self {
        case .slice, .range: false
        case .gunzip, .addition, .substitution, .charset, .ssi, .compression: true
        }
    }

    /// Whether it works on the whole answer, which subrequests' parts have joined.
    var isEncoding: Bool {
        if case .compression = self { true } else { false }
    }

    /// Whether it holds on to something that it was given, and goes on when it is run again.
    var isHolding: Bool {
        switch self {
        case .slice(let filter): filter.isHolding
        case .gunzip(let filter): filter.isHolding
        case .addition(let filter): filter.isHolding
        case .ssi(let filter): filter.isHolding
        case .range, .charset, .substitution, .compression: false
        }
    }

    /// Whether it holds on until something else has happened.
    var isWaiting: Bool {
        switch self {
        case .slice(let filter): filter.isWaiting
        case .ssi(let filter): filter.isWaiting
        case .range, .gunzip, .addition, .charset, .substitution, .compression: false
        }
    }

    /// Filters `request.outgoing` in place; false: the response cannot be completed.
    func run(_ request: Request) -> Bool {
        switch self {
        case .slice(let filter): filter.run(request)
        case .range(let filter): filter.run(request)
        case .gunzip(let filter): filter.run(request)
        case .addition(let filter): filter.run(request)
        case .substitution(let filter): filter.run(request)
        case .charset(let filter): filter.run(request)
        case .ssi(let filter): filter.run(request)
        case .compression(let filter): filter.run(request)
        }
    }
}
