public import EventLoop

/// What modules ask of the server: implemented once, above the modules.
open class RequestEngine {
    package final let loop: EventLoop

    public init(loop: EventLoop) {
        self.loop = loop
    }

    /// Sends the response's head through the header filters. Nothing may be changed in it afterwards.
    open func sendHead(_ request: Request) {}

    /// Sends `request.outgoing` through the body filters to the client, and takes it.
    open func sendBody(_ request: Request) {}

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
