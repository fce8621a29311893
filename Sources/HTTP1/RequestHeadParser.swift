import Bytes
package import HTTPMessage

/// What a parser says after it looked at all bytes there are.
package enum ParseOutcome<Failure: Error>: Sendable, Equatable where Failure: Equatable {
    /// The head is not complete.
    case needMore
    /// The host is known; parse again, with the limits of its server.
    case hostKnown
    /// The head is complete; the number of its bytes.
    case complete(Int)
    case failed(Failure)
}

/// Reads a request's head from `head.bytes`, however torn: each call goes on where the last one stopped.
package struct RequestHeadParser {
    package typealias Outcome = ParseOutcome<ParseError>

    /// - Parameter start: where in the buffer the request begins.
    package init(start: Int = 0) {
    }

    package mutating func parse(into head: RequestHead, limits: RequestLimits) -> Outcome {
        .needMore
    }
}
