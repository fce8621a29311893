/// What is spoken with an upstream: how a request is written, and how its answer is read. One for each exchange, used again
/// with it.
///
/// It does no I/O and knows neither connections nor retries. Families subclass it.
class UpstreamProtocol {
    /// Whose conversation it is in, from its start on: it belongs to that one for good.
    unowned var exchange: UpstreamExchange?

    init() {}

    /// What the first bytes of an answer turned out to be.
    enum HeadOutcome {
        case needMore
        /// The head ends before this index of what was read.
        case complete(Int)
        /// There is no room for the rest of it.
        case tooLong
        /// It makes no sense: `appendFault` says why.
        case failed
        /// It is not taken, which was logged.
        case refused
    }

    /// What the bytes of a body turned out to be.
    enum BodyEvent {
        case needMore
        /// This range is data for the client; go on from its end.
        case data(Range<Int>)
        /// The answer has ended before this index.
        case end(Int)
        /// It ends before its time, and `appendFault` says why: what has come of it is still good.
        case brokenOff
        /// It makes no sense: `appendFault` says why.
        case invalid
    }

    /// Whether the upstream is spoken to over TLS.
    var isSecure: Bool { false }

    /// `http://`, for the log.
    var scheme: ByteString { .empty }

    /// Has the exchange `ask` the servers that the request is for; if there are none it is ended.
    func findServers(for exchange: UpstreamExchange) {}

    /// Appends what the log shows as the request's URI.
    func appendURI(of exchange: UpstreamExchange, to line: Buffer) {}

    /// Appends the request's head, and its body if the configuration sets one. False: it cannot be made, which is logged.
    func appendRequest(of exchange: UpstreamExchange, to output: Buffer) -> Bool { false }

    /// Whether the client's body is of use at all: else it is not even read.
    var wantsBody: Bool { true }

    /// Whether the client's body follows the head.
    func passesBody(of exchange: UpstreamExchange) -> Bool { true }

    /// The body is sent in records of at most so many bytes, whether its length is known or not; 0: it is sent as it is, or in the
    /// chunks of a body whose length the head does not tell.
    var recordSize: Int { 0 }

    /// Appends what goes before `count` bytes of a body that is framed.
    func appendChunkHead(_ count: Int, to output: Buffer) {}
    func appendChunkTail(to output: Buffer) {}
    func appendBodyEnd(to output: Buffer) {}

    /// The connection's session makes frames of the request and of its body, which come one after the other otherwise.
    var isFramed: Bool { false }

    /// What is offered in a TLS handshake, in the form of its extension.
    var applicationProtocols: StaticString? { nil }

    /// Begins a framed request. False: the connection takes no more.
    func ask(_ exchange: UpstreamExchange, on session: HTTP2ClientSession, hasBody: Bool) -> Bool {
        false
    }

    /// The session is left, to other requests or for good.
    func leave() {}

    /// Gets ready for an answer, or for another one.
    func begin() {}

    /// Reads a part of a head. `limit` is what `head.bytes` may hold.
    func readHead(_ bytes: Span<UInt8>, into head: ResponseHead, limit: Int) -> HeadOutcome {
        let before = head.bytes.count
        let taken = min(bytes.count, limit - before)
        head.bytes.append(bytes.extracting(0..<taken))
        let outcome = parse(head)
        switch outcome {
        case .needMore: return head.bytes.count < limit ? .needMore : .tooLong
        case .complete(let end):
            head.bytes.truncate(to: end)
            return .complete(max(end - before, 0))
        case .tooLong, .failed, .refused: return outcome
        }
    }

    /// Reads on in `head.bytes`.
    func parse(_ head: ResponseHead) -> HeadOutcome { .needMore }

    /// The failure says that nobody has looked at the request.
    var wasPassedOver: Bool { false }

    /// Appends to the log's line what is wrong with an answer.
    func appendFault(to line: Buffer, head: ResponseHead) {}

    /// Whether answers may come before the answer (1xx).
    var hasInterimAnswers: Bool { true }

    /// The head was made into that of the response: adds what the protocol itself does not tell.
    func completeHead(_ request: Request) {}

    /// The final head is complete: settles where the body ends.
    func beginBody(_ head: ResponseHead, _ exchange: UpstreamExchange) {}

    /// The answer is complete: no (further) body.
    var isComplete: Bool { true }
    /// The end of the connection is the end of the body.
    var endsAtClose: Bool { false }

    func decode(_ bytes: Span<UInt8>, from start: Int) -> BodyEvent { .end(start) }

    /// Bytes of the body that are still to come and are the client's as they are; 0: nobody knows, or they have to be decoded.
    var plainRest: Int { 0 }

    /// So many of those were passed on unseen.
    func skip(_ count: Int) {}

    /// Whether the connection may serve another request after this answer.
    func keepsConnection(_ head: ResponseHead) -> Bool { false }

    /// nginx's words for bytes behind the end of an answer; nil: it has none, or has said them.
    var excessMessage: StaticString? { "upstream sent more data than specified" }

    /// Rewrites the value of `Location`, or of `Refresh` behind `prefix` bytes, appending the new value to `output`.
    func rewriteRedirect(
        _ value: Span<UInt8>, prefix: Int, _ exchange: UpstreamExchange, to output: Buffer
    ) -> Bool { false }

    /// Whether redirects are rewritten at all.
    var rewritesRedirects: Bool { false }

    /// Rewrites the value of `Set-Cookie`.
    func rewriteCookie(
        _ value: Span<UInt8>, _ exchange: UpstreamExchange, to output: Buffer
    ) -> Bool { false }
}
