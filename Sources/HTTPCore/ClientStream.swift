/// The client's side of one request: writes its answer in the protocol that it came by.
class ClientStream {
    init() {}

    /// Queues the head; `request.response` is final.
    func writeHead(of request: Request) {}

    /// Queues `request.outgoing` and takes it. `isLast` completes the response.
    func writeBody(of request: Request) {}

    /// Sends what is queued now rather than at the turn's end.
    func flush() {}

    /// Bytes queued and not yet taken by the kernel, with those that wait before the body filters.
    var pendingOutput: Int { 0 }

    /// Bytes of the response queued behind the filters and not yet taken by the kernel.
    var queuedOutput: Int { 0 }

    /// Goes on with the body filters in the loop's next turn, after others have had theirs.
    func continueSoon() {}

    /// Bytes handed to the kernel for this request so far, head included.
    var bytesSent: Int { 0 }

    /// An interim answer (100, 103) with the headers given as lines, sent before the head.
    func writeInterim(_ request: Request) {}

    /// Starts to read the request's body: lets input flow, says `100 Continue` if the client waits for it.
    func startReadingBody(of request: Request) {}

    /// Whether what has come of the body, which nobody has read, is not what it should be.
    func isBodyMalformed(of request: Request) -> Bool { false }

    /// The body is not wanted any faster: holds input back, or lets it flow again.
    func pauseReadingBody(_ isPaused: Bool) {}

    /// The last of the body was taken: nothing more is read for the request.
    func bodyEnded() {}

    /// Queues bytes of the body that are valid during the call only. With nothing before them they are sent at once, and only what
    /// the kernel does not take is copied. Only when no filter wants the body.
    func writeBody(of request: Request, bytes: Span<UInt8>, isLast: Bool, flush: Bool) {}

    /// Whether what is in a pipe can be a part of the body: it goes to the client as it is, and as soon as it can.
    func takesPipes(of request: Request) -> Bool { false }

    /// Whether the connection can become a tunnel: one that carries nothing but this request.
    var takesTunnel: Bool { false }

    /// The head with `Response.isTunnel` is queued: from now on every byte of the client, those that came behind its request first,
    /// goes to `Producer.tunnelReceived`, its end to `clientLeft`. No time-out of reading applies.
    func startTunnel(of request: Request) {}

    /// Sends bytes through the tunnel; they are valid during the call only. `Producer.outputDrained` follows when they had to wait.
    func sendThroughTunnel(_ bytes: Span<UInt8>, of request: Request) {}

    /// Holds the tunnel's input back, or lets it flow again.
    func pauseTunnel(_ isPaused: Bool) {}

    /// The request is over: the connection goes on with the next, or ends.
    func finish(_ request: Request) {}

    /// Ends without (the rest of) an answer.
    func abort(_ request: Request) {}
}
