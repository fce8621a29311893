import Bytes
public import EventLoop

/// What modules ask of the server: implemented once, above the modules.
open class RequestEngine {
    public final let loop: EventLoop
    /// Idle connections to upstreams are kept; not any more once the worker ends.
    public final var keepsUpstreams = true

    public init(loop: EventLoop) {
        self.loop = loop
    }

    /// Sends the response's head through the header filters. Nothing may be changed in it afterwards.
    open func sendHead(_ request: Request) {}

    /// Sends `request.outgoing` through the body filters to the client, and takes it.
    open func sendBody(_ request: Request) {}

    /// Sends bytes that are valid during the call only as a part of the body. Overridden to hand them to the client's stream as they
    /// are when no filter wants them.
    open func sendBody(_ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {
        stageBody(request, bytes: bytes, isLast: isLast, flush: flush)
    }

    /// Copies bytes into pooled buffers and sends them through the body filters.
    public final func stageBody(
        _ request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool
    ) {
        var rest = bytes
        while !rest.isEmpty {
            let part = min(rest.count, loop.largeBuffers.size)
            let buffer = part <= loop.buffers.size ? loop.buffers.take() : loop.largeBuffers.take()
            buffer.append(rest.extracting(0..<part))
            request.outgoing.append(.pooled(buffer, 0..<part))
            rest = rest.extracting(part..<rest.count)
        }
        request.outgoing.isLast = isLast
        request.outgoing.flush = flush
        sendBody(request)
    }

    /// Ends the request with a status: an error page, or what the module has begun.
    open func finish(_ request: Request, code: UInt16) {}

    /// Asks the module that waits again, or goes on to the next phase.
    open func resume(_ request: Request) {}

    /// Routes the request anew with the path and arguments that `request.routing` has.
    open func redirect(_ request: Request) {}

    /// Continues in a named location; false when the server has none of this name.
    open func redirect(_ request: Request, toNamed location: Location) {}

    /// Reads the request's body; `requestBodyReady` of the request's producer follows, perhaps at once.
    open func readBody(_ request: Request) {}

    /// Ends the connection without an answer.
    open func abort(_ request: Request) {}
}
