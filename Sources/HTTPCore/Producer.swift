/// What makes a response over time, or waits for something before it can: an upstream exchange, a delayed answer.
///
/// A request has at most one. All calls come on the loop's thread.
class Producer {
    init() {}

    /// The request's body is complete, in memory or in a file.
    func requestBodyReady() {}

    /// A part of an unbuffered request body has come in.
    func requestBodyProgressed() {}

    /// The client has taken what was sent: there is room for more.
    func outputDrained() {}

    /// The client went away, or the request ends before its answer is complete: stop, release everything.
    func cancel() {}

    /// Appends what the error log says of an upstream: `, upstream: "…"`.
    func appendLogContext(to line: Buffer) {}

    /// The client closed its side while the answer is being made, or while its connection is a tunnel.
    func clientLeft() {}

    /// Bytes that the client sent through a tunnel. They are valid during the call only.
    func tunnelReceived(_ bytes: Span<UInt8>) {}

    /// The request object serves another request: what variables showed of the last one is over. Comes to `Request.exchange`.
    func forget() {}
}
