/// ngx_http_grpc_module: passes requests to servers that speak gRPC, which is HTTP/2 with trailers.
///
/// It says what the proxy module says in HTTP/2, with other defaults: bodies are passed on as they come, both ways.
enum GRPC {
    static let slot = Slot(.grpc, initial: ProxySettings(version: .http2, redirects: .off))
    static let upstreamSlot = Slot(.grpcUpstream, initial: upstreamSettings)
    static let family = UpstreamFamily(
        prefix: "grpc_", slot: upstreamSlot, [.fields, .tls], failures: RetryConditions.choices.filter { $0.1 != .updating })

    private static var upstreamSettings: UpstreamSettings {
        // Nothing is held in files.
        var settings = UpstreamSettings(
            tempPath: TempPath(""), hiding: HiddenHeaders.standard.filter { $0 != "X-Pad" })
        settings.isBuffering = false
        settings.changesBuffering = false
        settings.buffersRequest = false
        settings.passesTrailers = true
        return settings
    }

    /// Answers a request of a location with `grpc_pass`.
    static func handle(_ request: Request) -> Verdict {
        let location = request.location
        let settings = location.settings(slot)
        guard let target = settings.value.target else { return UpstreamPass.missing(request) }
        let upstream = location.settings(upstreamSlot)
        return UpstreamExchange.pass(request, upstream, streams: true) {
            GRPCProtocol(departed: request.engine.loop.departed)
        } prepare: {
            $0.prepare(for: request, settings, target)
        }
    }
}

/// gRPC spoken with an upstream.
final class GRPCProtocol: HTTP2ProxyProtocol {
    private static let schemeText: ByteString = "grpc://"
    private static let secureSchemeText: ByteString = "grpcs://"

    override var scheme: ByteString { isSecure ? Self.secureSchemeText : Self.schemeText }

    override var isOfProxyModule: Bool { false }

    override var escapesURI: Bool { true }

    override func readScheme(of url: Span<UInt8>) -> ProxyScheme? { ProxyScheme(grpc: url) }

    /// An answer that is a head alone, as failures are, must be one for the client too: its length says so.
    override func readHead(_ bytes: Span<UInt8>, into head: ResponseHead, limit: Int) -> HeadOutcome {
        let outcome = super.readHead(bytes, into: head, limit: limit)
        if case .complete = outcome, isComplete, head.contentLength < 0 { head.contentLength = 0 }
        return outcome
    }

    /// A client that takes trailers says so, and servers of gRPC want to hear it.
    override func appendOwnFields(
        _ settings: Box<ProxySettings>, _ request: Request, to block: HTTP2FieldBlock
    ) {
        guard !settings.value.headers.sets(.te) else { return }
        let head = request.head
        let bytes = head.bytes
        guard let value = head.fields.firstValue(of: .te),
            bytes.span(value).containsIgnoringCase("trailers")
        else { return }
        block.append("te", "trailers" as StaticString)
    }
}

extension ProxyScheme {
    /// How an address of `grpc_pass` begins.
    init(grpc url: Span<UInt8>) {
        if url.count > 7, url.extracting(0..<7).equalsIgnoringCase("grpc://") {
            self = .grpc
        } else if url.count > 8, url.extracting(0..<8).equalsIgnoringCase("grpcs://") {
            self = .grpcs
        } else {
            self = .plainGRPC
        }
    }
}
