/// What a module says of a request in one phase.
enum Verdict: Equatable, Sendable {
    /// Nothing to do here: the next module is asked.
    case decline
    /// The phase's question is answered with yes (an access rule that allows): see `satisfy`.
    case allow
    /// The module has taken the request over, and its answer is under way or complete: no other module is asked.
    case done
    /// The module waits for something and will call `Request.resume`, upon which it is asked again.
    case wait
    /// The request was given another URI or location: routing starts again.
    case reroute
    /// The request ends with this status; the error pages apply.
    case answer(Status)
}
